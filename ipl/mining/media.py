"""Sound and pictures out of media files, over ffmpeg.

The clock: 0 ms is the container's start, as a player shows it. `audio_blocks`, `read_audio`, `frames` and
subtitle files beside the video all count from there. Where the sound starts later than the picture, or has
a hole, silence fills in; where a time stamp of the container is not 0 (MPEG-TS starts at 1.4 s), it is shifted.

Damage (a file cut short, packets that do not decode) never passes in silence: all that can be read is
yielded, then MediaError is raised, or `on_damage`, where given, is called with the same line instead.

Shapes: N samples, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import ffmpeg
import numpy as np
import numpy.typing as npt

from ipl.errors import MediaError
from ipl.mining.pipe import OnDamage, Pipe
from ipl.mining.probe import StoredLuma, Streams, ffmpeg_path, probe, read_streams

__all__ = [
    "Box",
    "OnDamage",
    "audio_blocks",
    "every_frame",
    "ffmpeg_path",
    "frames",
    "key_frames",
    "probe",
    "read_audio",
]

BLOCK_SECONDS = 10

MANY_PIXELS = 1920 * 1088
"""Of pictures no larger, one thread decodes about as many a second as several, in a quarter less time of all cores."""

LEADS_MS = 2_000, 60_000
"""How long before a frame decoding starts to find it again; formats without an index are entered too late."""
SHORTFALL_MS = 1000
"""How much less than the header promises a file may hold before it counts as cut short."""


class _EnteredLateError(Exception):
    """The first picture that a file gives from some time on is later than wanted."""


class Box(NamedTuple):
    """A part of the picture, in pixels as shown; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int


def audio_blocks(
    path: Path, sample_rate_hz: int = 16_000, *, on_damage: OnDamage | None = None
) -> Iterator[npt.NDArray[np.int16]]:
    """Yields the sound as consecutive blocks, int16 [N], channels mixed down; sample i is at i / rate seconds.

    Memory stays flat. Raises MediaError where the file is missing, no media, without sound, or damaged.
    """
    streams = read_streams(path)
    source = ffmpeg.input(f"file:{path}")[str(_audio_index(streams))]
    total = 0
    short: str | None = None
    with Pipe(_pcm(source, sample_rate_hz), path, on_damage) as pipe:
        while data := pipe.read(2 * sample_rate_hz * BLOCK_SECONDS):
            block = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")
            total += len(block)
            yield block
        # In a file with pictures the sound may rightly end early; there ffmpeg itself complains of a cut.
        total_ms, promised_ms = 1000 * total // sample_rate_hz, streams.info.duration_ms
        if not streams.info.has_video and total_ms < promised_ms - SHORTFALL_MS:
            short = f"ends at {total_ms} ms of {promised_ms} ms"
        pipe.finish(short)


def read_audio(path: Path, start_ms: int, end_ms: int, sample_rate_hz: int = 16_000) -> npt.NDArray[np.int16]:
    """Returns the sound of an interval, int16 [N]; shorter where the source ends before `end_ms`.

    Raises MediaError as `audio_blocks` does.
    """
    if not 0 <= start_ms <= end_ms:
        raise MediaError(
            f"{path}: interval {start_ms} to {end_ms} ms; it must not start below 0 nor end before it starts"
        )
    index = _audio_index(read_streams(path))
    source = ffmpeg.input(f"file:{path}", ss=start_ms / 1000, t=(end_ms - start_ms) / 1000)[str(index)]
    wanted = round(end_ms * sample_rate_hz / 1000) - round(start_ms * sample_rate_hz / 1000)
    with Pipe(_pcm(source, sample_rate_hz), path, None) as pipe:
        data = pipe.read(2 * wanted)
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")


def frames(
    path: Path,
    frames_per_second: float,
    crop: Box | None = None,
    height: int | None = None,
    *,
    start_ms: int = 0,
    most: int | None = None,
    only_references: bool = False,
    on_damage: OnDamage | None = None,
) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yields the picture that a player shows at every 1/`frames_per_second`: its time in ms, uint8 [H, W, 3] RGB.

    It goes by presentation time stamps, so a variable frame rate is sampled rightly; before the first frame
    that frame stands in. It begins at `start_ms`, as a rule without decoding what lies long before, and ends after
    `most`; who takes no more without saying so has ffmpeg decode a dozen ahead. `crop` is in pixels
    of the picture as shown (`MediaInfo.width`, `height`), and `height` scales what is left of it, keeping its shape.
    With `only_references` frames that no other is decoded from are left out, for two thirds of the time; the one before
    stands in. Raises MediaError as `audio_blocks` does.
    """
    options = {"skip_frame": "noref"} if only_references else {}
    for begin_ms in [float(start_ms), *_begins(start_ms)]:
        sampled = _sampled(path, frames_per_second, crop, height, start_ms, most, begin_ms, options, on_damage)
        with closing(sampled) as found:
            try:
                first = next(found, None)
            except _EnteredLateError:
                continue
            if first:
                yield first
            yield from found
            return


def _begins(wanted_ms: float) -> list[float]:
    """Where decoding may begin to have the frame of a time, the nearest first; each is tried if that was too late."""
    return [*(wanted_ms - lead_ms for lead_ms in LEADS_MS if lead_ms < wanted_ms), 0.0]


def _sampled(
    path: Path,
    frames_per_second: float,
    crop: Box | None,
    height: int | None,
    start_ms: int,
    most: int | None,
    begin_ms: float,
    options: dict[str, Any],
    on_damage: OnDamage | None,
) -> Generator[tuple[int, npt.NDArray[np.uint8]], None, None]:
    """Yields what `frames` does, decoded from about `begin_ms` on; _EnteredLateError where that is too late."""
    # Not accurately: what is shown then came before, from the last key frame on.
    seek: dict[str, Any] = {"ss": begin_ms / 1000, "noaccurate_seek": None} if begin_ms else {}

    # round=up gives sample k the last frame whose time is <= k/fps, counted from start_ms: what is on the screen then.
    def sampled(video: Any) -> Any:
        video = video.filter("showinfo", checksum=0) if begin_ms else video
        return video.filter("setpts", f"PTS-{start_ms / 1000}/TB").filter("fps", frames_per_second, 0, round="up")

    view = _view(path, crop, height, options | seek, sampled)
    # What the filter gives, and no frame more before its first one, which may come late.
    limit = {} if most is None else {"vframes": most}
    output = view.video.output("pipe:", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough", **limit)
    if begin_ms:
        output = output.global_args("-copyts", "-start_at_zero")
    with Pipe(output, path, on_damage, timed=begin_ms > 0, before_ms=start_ms) as pipe:
        number = 0
        while len(data := pipe.read(view.rows * view.columns * 3)) == view.rows * view.columns * 3:
            if begin_ms and not number and pipe.next_time_ms() > start_ms:
                raise _EnteredLateError
            time_ms = start_ms + round(1000 * number / frames_per_second)
            yield time_ms, np.frombuffer(data, np.uint8).reshape(view.rows, view.columns, 3)
            number += 1
        pipe.finish(None if number or begin_ms else "holds no frame that can be decoded")


def every_frame(
    path: Path,
    crops: Sequence[Box] = (),
    scale: float = 1.0,
    *,
    colourful: bool = False,
    after_ms: float | None = None,
    on_damage: OnDamage | None = None,
) -> Generator[tuple[float, list[npt.NDArray[np.uint8]]], None, None]:
    """Yields every frame of the video: the time in ms from which it is shown, and the luma of each crop, uint8 [H, W].

    Times are the file's own presentation time stamps, so a variable frame rate is as exact as a constant one.
    `crops` are in pixels of the picture as shown, all of one width, by default one: the picture; `scale` makes them
    smaller. `colourful` gives green, blue and red in place of luma, uint8 [3, H, W]. With `after_ms`, the time of one
    of its frames, it begins with the next one, as a rule without decoding what lies long before. Raises MediaError as
    `audio_blocks` does.
    """
    before_ms = -math.inf if after_ms is None else after_ms
    for start_ms in _begins(before_ms):
        is_found = start_ms == 0
        with closing(_frames_from(path, start_ms, before_ms, crops, scale, colourful, on_damage)) as shown:
            for time_ms, lumas in shown:
                is_found = is_found or time_ms == before_ms
                if time_ms > before_ms:
                    if not is_found:
                        break  # the file was entered too late
                    yield time_ms, lumas
        if is_found:
            return


def _frames_from(
    path: Path,
    start_ms: float,
    before_ms: float,
    crops: Sequence[Box],
    scale: float,
    colourful: bool,
    on_damage: OnDamage | None,
) -> Generator[tuple[float, list[npt.NDArray[np.uint8]]], None, None]:
    """Yields the frames from `start_ms` on. What ffmpeg complains of up to `before_ms` is that it comes in midway."""
    import cv2

    # -copyts with -start_at_zero keeps the time stamps that frames have without seeking.
    options: dict[str, Any] = {"ss": f"{start_ms / 1000:.3f}"} if start_ms else {}
    view = _view(path, None, None, options, lambda video: video)
    # Luma as it is stored: where ffmpeg makes gray of it, that takes a quarter of the time that decoding does.
    luma = None if colourful else view.luma
    full_range = _to_full_range(luma) if luma else None
    source = view.video.filter("format", luma.pixel_format).filter("extractplanes", "y") if luma else view.video
    boxes = list(crops) or [Box(0, 0, view.columns, view.rows)]
    sizes = [(round((box.bottom - box.top) * scale), round((box.right - box.left) * scale)) for box in boxes]
    pixels = "gbrp" if colourful else "gray"
    parts = source.filter_multi_output("split", len(boxes)) if len(boxes) > 1 else [source]
    cut = [
        _cut(parts[at], box, size).filter("format", pixels)
        for at, (box, size) in enumerate(zip(boxes, sizes, strict=True))
    ]
    stacked = ffmpeg.filter(cut, "vstack", inputs=len(cut)) if len(cut) > 1 else cut[0]
    video = stacked.filter("showinfo", checksum=0)
    # A finer clock than the mean frame rate's, on which frames of a variable rate would fall together.
    raw = {"format": "rawvideo", "pix_fmt": pixels, "fps_mode": "passthrough", "enc_time_base": "1/90000"}
    output = video.output("pipe:", **raw)
    if start_ms:
        output = output.global_args("-copyts", "-start_at_zero")
    rows, columns, planes = sum(height for height, _ in sizes), sizes[0][1], 3 if colourful else 1
    ends = np.cumsum([0, *(height for height, _ in sizes)]).tolist()
    with Pipe(output, path, on_damage, timed=True, before_ms=before_ms) as pipe:
        number = 0
        while len(data := pipe.read(rows * columns * planes)) == rows * columns * planes:
            whole = np.frombuffer(data, np.uint8).reshape(planes, rows, columns)
            shown: npt.NDArray[np.uint8] = whole if colourful else whole[0]
            if full_range is not None:
                shown = cv2.LUT(shown, full_range).astype(np.uint8, copy=False)
            yield pipe.next_time_ms(), [shown[..., top:bottom, :] for top, bottom in pairwise(ends)]
            number += 1
        pipe.finish(None if number else "holds no frame that can be decoded")


def key_frames(
    path: Path, near_ms: int, number: int = 1, height: int | None = None
) -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
    """Yields up to `number` key frames from about `near_ms` on, their time in ms and uint8 [H, W, 3] RGB.

    No other frame is decoded; the first is the last one before `near_ms`. A damaged file yields what it has.
    """
    seek = {"ss": near_ms / 1000, "noaccurate_seek": None, "skip_frame": "nokey"}
    view = _view(path, None, height, seek, lambda video: video.filter("showinfo", checksum=0))
    output = view.video.output("pipe:", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough", vframes=number)
    with Pipe(output, path, None, timed=True) as pipe:
        while len(data := pipe.read(view.rows * view.columns * 3)) == view.rows * view.columns * 3:
            picture = np.frombuffer(data, np.uint8).reshape(view.rows, view.columns, 3)
            yield near_ms + pipe.next_time_ms(), picture


def _to_full_range(luma: StoredLuma) -> npt.NDArray[np.uint8]:
    """Each luma, uint8 [256], in a range in which black is 0 and white 255."""
    shares = (np.arange(256) - luma.black) / (luma.white - luma.black)
    return np.clip(np.rint(255 * shares), 0, 255).astype(np.uint8)


class _View(NamedTuple):
    """What of a video is looked at: the filtered stream, the size of its pictures, and their luma if it is stored."""

    video: Any
    rows: int
    columns: int
    luma: StoredLuma | None


def _view(
    path: Path, crop: Box | None, height: int | None, options: dict[str, Any], choose: Callable[[Any], Any]
) -> _View:
    """Crops and scales the frames that `choose` lets pass; `options` are those of ffmpeg's input."""
    streams = read_streams(path)
    if streams.video is None:
        raise MediaError(f"{path}: no video stream (sound only); frames need one")
    shown = Box(0, 0, streams.info.width, streams.info.height)
    box = crop or shown
    if not (0 <= box.left < box.right <= shown.right and 0 <= box.top < box.bottom <= shown.bottom):
        raise MediaError(f"{path}: crop {tuple(box)} does not lie in the picture of {shown.right}x{shown.bottom}")
    rows = height or box.bottom - box.top
    columns = max(1, round((box.right - box.left) * rows / (box.bottom - box.top)))
    if streams.info.width * streams.info.height <= MANY_PIXELS:
        options = {**options, "threads": 1}
    video = choose(ffmpeg.input(f"file:{path}", **options)[str(streams.video)])
    video = video.filter("scale", shown.right, shown.bottom)  # to square pixels; costs nothing where they are
    if crop is not None or height is not None:
        video = _cut(video, box, (rows, columns))
    return _View(video, rows, columns, streams.luma)


def _cut(video: Any, box: Box, size: tuple[int, int]) -> Any:
    """Crops the picture to `box` and scales what is left to `size`, rows and columns."""
    video = video.filter("crop", box.right - box.left, box.bottom - box.top, box.left, box.top, exact=1)
    if size != (box.bottom - box.top, box.right - box.left):
        video = video.filter("scale", size[1], size[0], flags="area")
    return video


def _audio_index(streams: Streams) -> int:
    if streams.audio is None:
        raise MediaError(f"{streams.info.path}: no audio stream (pictures only); mining needs sound")
    return streams.audio


def _pcm(source: Any, sample_rate_hz: int) -> Any:
    # first_pts=0 and async=1 keep sample numbers on the clock: a late start and holes become silence.
    resampled = source.filter("aresample", sample_rate_hz, first_pts=0, **{"async": 1})
    return resampled.output("pipe:", format="s16le", acodec="pcm_s16le", ac=1)
