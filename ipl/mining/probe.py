"""What a media file holds, told from what `ffmpeg -i` prints: imageio-ffmpeg's wheel carries no ffprobe."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from ipl.errors import MediaError
from ipl.records import MediaInfo

__all__ = ["StoredLuma", "Streams", "SubtitleStream", "ffmpeg_path", "probe", "read_streams", "subtitle_size"]

NOT_MEDIA = re.compile(r"^Input #0, (tty|image2|\w+_pipe)", re.MULTILINE)
"""Formats that ffmpeg makes a "video" of though there is none: a text file, a still picture."""

DURATION = re.compile(r"^  Duration: (?:N/A|(\d+):(\d\d):(\d\d\.\d+))(?:, start: (-?\d+\.\d+))?", re.MULTILINE)
LATE_START_MS = 100
"""A file that starts later starts not at 0; of one that does, the sound may well start some milliseconds late."""
STREAM = re.compile(r"^\s+Stream #0:(\d+)(?:\[\w+\])?(?:\(([^)]*)\))?: (Audio|Video|Subtitle): (.*)$", re.MULTILINE)
UNKNOWN_LANGUAGE = "und"
LOOK_FAR = "-analyzeduration", "1200M", "-probesize", "500M"
"""How far ffmpeg is to look for what streams are like, in microseconds and bytes."""
LAYOUTS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8, "hexadecagonal": 16}


@dataclass(frozen=True, slots=True)
class StoredLuma:
    """Pictures with a plane of 8 bits for luma: what ffmpeg calls their format, and the luma of black and white."""

    pixel_format: str
    black: int
    white: int


@dataclass(frozen=True, slots=True)
class SubtitleStream:
    """Subtitles within a media file: ffmpeg's number and codec of them, and what the file says of them."""

    index: int
    codec: str
    language: str | None
    """as the container has it, mostly of three letters (ISO 639-2)"""
    is_default: bool
    is_forced: bool
    """a few lines alone: what is said in another language, signs"""
    size: tuple[int, int] | None = None
    """width and height of the screen that its pictures are for; None where it does not say"""


@dataclass(frozen=True, slots=True)
class Streams:
    """A source's description, and ffmpeg's numbers of the streams that are used of it."""

    info: MediaInfo
    audio: int | None
    video: int | None
    luma: StoredLuma | None
    """None where the pictures are stored in another way"""
    audio_language: str | None = None
    """as the container has it"""
    subtitles: tuple[SubtitleStream, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stream:
    index: int
    language: str | None
    kind: str
    description: str
    details: str


@cache
def ffmpeg_path() -> str:
    """Returns the ffmpeg binary: the system's where there is one, else the one in imageio-ffmpeg's wheel."""
    system = shutil.which("ffmpeg")
    if system is not None:
        return system
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise MediaError(f"no ffmpeg found on PATH nor in imageio-ffmpeg ({error}); install ffmpeg") from error


def probe(path: Path) -> MediaInfo:
    """Describes a media file.

    `width` and `height` are those of the picture as shown: rotated, in square pixels. `start_ms` is where the
    container's own time stamps start; every other time in ipl counts from there (see `ipl.mining.media`).
    A cover picture is no video. Raises MediaError where the file is missing, no media, or without any stream.
    """
    return read_streams(path).info


def read_streams(path: Path) -> Streams:
    """Describes a media file and says which of its streams are used: the default ones, else the first.

    A file that has not changed since is not looked at again: each time an ffmpeg is started for it.
    """
    if not path.is_file():
        what = "a folder, not a media file" if path.is_dir() else "no such file"
        raise MediaError(f"{path}: {what}; give the path of an audio or video file")
    state = path.stat()
    if state.st_size == 0:
        raise MediaError(f"{path}: empty (0 bytes); copy or download it again")
    return _read_streams(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _read_streams(path: Path, _size: int, _changed_ns: int) -> Streams:
    report = _ffmpeg_report(path)
    if "\nInput #0" not in f"\n{report}" or NOT_MEDIA.search(report):
        raise MediaError(f"{path}: not a media file that ffmpeg can read ({_reason(report)}); check or replace it")
    streams = list(_streams(report))
    audio = _pick([each for each in streams if each.kind == "Audio" and not each.description.startswith("none")])
    video = _pick([each for each in streams if each.kind == "Video" and _is_moving(each)])
    if audio is None and video is None:
        raise MediaError(f"{path}: holds neither an audio nor a video stream; give a file with sound or pictures")

    duration_ms, start_ms = _times(report)
    # Of Matroska that does not start at 0 some writers note where it ends, others how long it is.
    is_unsure = "\nInput #0, matroska" in f"\n{report}" and start_ms > LATE_START_MS
    if duration_ms is None or is_unsure or "Estimating duration from bitrate" in report:
        duration_ms = _measured_duration_ms(path)
    width, height = _shown_size(video) if video else (0, 0)
    info = MediaInfo(
        path=path,
        duration_ms=duration_ms,
        start_ms=start_ms,
        has_audio=audio is not None,
        has_video=video is not None,
        width=width,
        height=height,
        frame_rate=_frame_rate(video.description) if video else 0.0,
        audio_sample_rate_hz=_sample_rate_hz(audio.description) if audio else 0,
        audio_channels=_channels(audio.description) if audio else 0,
    )
    luma = _stored_luma(video.description) if video else None
    subtitles = tuple(_subtitles(each) for each in streams if each.kind == "Subtitle")
    return Streams(
        info,
        audio=audio.index if audio else None,
        video=video.index if video else None,
        luma=luma,
        audio_language=_language(audio) if audio else None,
        subtitles=subtitles,
    )


def subtitle_size(path: Path, stream: SubtitleStream) -> tuple[int, int] | None:
    """The size of a stream's pictures, which a file may tell only where the first of them is; None if it does not."""
    report = _ffmpeg_report(path, *LOOK_FAR)
    return next((_subtitles(each).size for each in _streams(report) if each.index == stream.index), None)


def _subtitles(stream: _Stream) -> SubtitleStream:
    codec = re.split(r"[ ,]", stream.description)[0]
    flags = re.findall(r"\((\w+)\)", stream.description)
    size = _coded_size(stream.description)
    return SubtitleStream(stream.index, codec, _language(stream), "default" in flags, "forced" in flags, size)


def _language(stream: _Stream) -> str | None:
    return stream.language if stream.language != UNKNOWN_LANGUAGE else None


def _ffmpeg_report(path: Path, *options: str) -> str:
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", *options, "-i", f"file:{path}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stderr.decode("utf-8", "replace")


def _reason(report: str) -> str:
    """ffmpeg's own words, without its addresses."""
    if NOT_MEDIA.search(report):
        return "a text file or a still picture"
    if "misdetection possible" in report:
        return "its contents are of no known format"
    if "moov atom not found" in report:
        return "its index is missing: cut short, or still being written"
    words = [line.split("] ", 1)[-1] for line in report.splitlines() if line.startswith("[")]
    return words[-1].removeprefix("Error opening input: ") if words else "unknown format"


def _streams(report: str) -> Iterator[_Stream]:
    found = list(STREAM.finditer(report))
    ends = [following.start() for following in found[1:]] + [len(report)]
    for match, end in zip(found, ends, strict=False):  # a subtitle file has an end, but no stream
        yield _Stream(int(match[1]), match[2], match[3], match[4], report[match.end() : end])


def _is_moving(stream: _Stream) -> bool:
    still = any(mark in stream.description for mark in ("(attached pic)", "(still image)", "(timed thumbnails)"))
    return not still and _coded_size(stream.description) is not None


def _pick(streams: list[_Stream]) -> _Stream | None:
    default = [each for each in streams if "(default)" in each.description]
    return next(iter(default or streams), None)


def _times(report: str) -> tuple[int | None, int]:
    match = DURATION.search(report)
    if match is None:
        return None, 0
    start_ms = round(1000 * float(match[4])) if match[4] else 0
    if match[1] is None:
        return None, start_ms
    return round(1000 * (3600 * int(match[1]) + 60 * int(match[2]) + float(match[3]))), start_ms


def _measured_duration_ms(path: Path) -> int:
    """Reads all packets, decoding none, for files whose header does not say how long they are."""
    command = [ffmpeg_path(), "-v", "error", "-nostdin", "-i", f"file:{path}"]
    command += ["-map", "0:V?", "-map", "0:a?", "-c", "copy", "-progress", "pipe:1", "-f", "null", "-"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    times = re.findall(rb"^out_time_us=(\d+)", done.stdout, re.MULTILINE)
    if not times:
        raise MediaError(f"{path}: holds no readable packet; copy or download it again")
    return round(int(times[-1]) / 1000)


def _coded_size(description: str) -> tuple[int, int] | None:
    match = re.search(r", (\d+)x(\d+)\b", description)
    return (int(match[1]), int(match[2])) if match and int(match[1]) and int(match[2]) else None


def _stored_luma(description: str) -> StoredLuma | None:
    match = re.search(r", (yuvj?\d{3}p|nv12|nv21)(?:\(([^)]*)\))?,", description)
    if match is None:
        return None
    is_full = match[1].startswith("yuvj") or "pc" in (match[2] or "").split(", ")
    return StoredLuma(match[1], 0, 255) if is_full else StoredLuma(match[1], 16, 235)


def _shown_size(stream: _Stream) -> tuple[int, int]:
    size = _coded_size(stream.description)
    assert size is not None  # _is_moving asked already
    width, height = size
    aspect = re.search(r"SAR (\d+):(\d+)", stream.description)
    if aspect and int(aspect[1]) and int(aspect[2]):
        width = round(width * int(aspect[1]) / int(aspect[2]))
    rotation = re.search(r"rotation of (-?\d+)", stream.details)
    return (height, width) if rotation and int(rotation[1]) % 180 == 90 else (width, height)


def _frame_rate(description: str) -> float:
    """Frames per second; the NTSC rates, which ffmpeg rounds (23.98), are made exact again."""
    match = re.search(r"([\d.]+)(k?) (?:fps|tbr)", description)
    if match is None:
        return 0.0
    rate = float(match[1]) * (1000 if match[2] else 1)
    ntsc = round(rate) * 1000 / 1001
    return ntsc if not rate.is_integer() and abs(rate - ntsc) < 0.006 else rate


def _sample_rate_hz(description: str) -> int:
    match = re.search(r"(\d+) Hz", description)
    return int(match[1]) if match else 0


def _channels(description: str) -> int:
    match = re.search(r"\d+ Hz, (?:(\d+) channels|(\d+)\.(\d+)(?:\.(\d+))?|(\w+))", description)
    if match is None:
        return 0
    if match[1]:
        return int(match[1])
    if match[5]:
        return LAYOUTS.get(match[5], 1)
    return sum(int(group) for group in match.group(2, 3, 4) if group)
