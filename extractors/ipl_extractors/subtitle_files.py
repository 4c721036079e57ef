"""Cues from a subtitle file beside the video: .srt, .vtt, .ass, .ssa, .sub (MicroDVD), read by pysubs2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pysubs2

import ipl
from ipl.errors import MediaError
from ipl.records import Cue, MediaInfo, Reject, Span
from ipl_extractors.languages import is_same_language
from ipl_extractors.rolling import unrolled
from ipl_extractors.subtitle_text import decode_text, fence_cues, plain_text, spoken_text, take_out_unreadable

__all__ = ["SubtitleFile", "cues_of", "find_subtitle_file", "read_cues"]

SUFFIXES = (".srt", ".vtt", ".ass", ".ssa", ".sub")
VOBSUB_START = b"\x00\x00\x01\xba"
FLAGS = {"cc", "sdh", "hi", "forced", "default"}
"""What stands in a file name where a language may stand, too."""


@ipl.plugin("subtitle_file")
class SubtitleFile:
    """Cues from a subtitle file beside the video, of the same stem: talk.srt or talk.en.srt for talk.mp4."""

    encoding: str | None = None
    "the file's encoding, such as gb18030; null tells it from the file"
    sounds: bool = False
    "keep what is not spoken: [MUSIC], (laughs), JOHN:, and lines that ♪ marks as sung"

    @ipl.hookimpl
    def extract_cues(self, media: MediaInfo, language: str | None) -> Iterator[Cue | Reject]:
        """Yields the file's cues, or nothing where there is no such file; MediaError where it cannot be read.

        A cue whose times cannot be read, or that ends before it starts, is a reject.
        """
        file = find_subtitle_file(media.path, language)
        if file is not None:
            yield from read_cues(file, media, self.encoding, self.sounds, language)


def find_subtitle_file(video: Path, language: str | None) -> Path | None:
    """Returns the subtitle file that goes with a video, or None.

    A file tagged with the asked language comes first, then one without a tag. With a language asked for, files
    of another one are left alone: their text is not what is said. Forced subtitles hold only a few lines: last.
    """
    ranked = []
    for file in sorted(video.parent.iterdir()):
        # The dot keeps talk2.srt from talk.mp4.
        if not (file.name.startswith(f"{video.stem}.") and file.suffix.lower() in SUFFIXES and file.is_file()):
            continue
        tags = file.name[len(video.stem) : -len(file.suffix)].lower().split(".")[1:]
        tagged = next((tag for tag in tags if _is_language(tag)), None)
        fits = 1 if tagged is None else 0 if is_same_language(tagged, language) else 2
        if fits == 2 and language is not None:
            continue
        ranked.append(("forced" in tags, fits, SUFFIXES.index(file.suffix.lower()), file.name, file))
    return min(ranked)[-1] if ranked else None


def _is_language(tag: str) -> bool:
    return re.fullmatch(r"[a-z]{2,3}([-_]\w+)*", tag) is not None and tag not in FLAGS


def read_cues(
    file: Path, media: MediaInfo, encoding: str | None = None, sounds: bool = False, language: str | None = None
) -> list[Cue | Reject]:
    """Reads a subtitle file's cues in order of start, then rejects; lines shown at the very same time are one cue.

    Where lines roll up, a cue has those that came with it (`ipl_extractors.rolling`).
    `encoding` and `sounds` are options of `SubtitleFile`; `language` helps to tell an encoding.
    Raises MediaError where the file is empty, is not text, or holds no cue that can be parsed.
    """
    data = file.read_bytes()
    if data.startswith(VOBSUB_START):
        raise MediaError(f"{file}: pictures of text (VobSub); convert it to .srt, or move it away to read the video")
    text = decode_text(data, str(file), encoding, language)
    if not text.strip():
        raise MediaError(f"{file}: an empty subtitle file ({len(data)} bytes); replace it, or move it away")
    return cues_of(text, str(file), media, f"subtitle-file:{file.name}", file.name, sounds)


def cues_of(text: str, where: str, media: MediaInfo, track: str, name: str, sounds: bool) -> list[Cue | Reject]:
    """The same of a subtitle file's text, which is found `where`; rejects tell its `name`."""
    text, unreadable = take_out_unreadable(text) if "-->" in text else (text, [])
    if unreadable and "-->" not in text:
        raise MediaError(f"{where}: no cue has a time that can be read (the first: {unreadable[0]!r}); replace it")
    parsed = _parse(where, text, media.frame_rate)
    if not parsed.events:
        raise MediaError(f"{where}: a subtitle file without any cue; replace it, or move it away")

    source_id = media.path.name
    rejects = [Reject(source_id, 0, 0, "cues", "unreadable time", line, f"{name}: {line}") for line in unreadable]
    shown: dict[Span, list[str]] = {}
    for event in sorted((each for each in parsed if each.is_text), key=lambda each: each.start):
        words = plain_text(event.plaintext)
        words = " ".join(words.split()) if sounds else spoken_text(words)
        start = max(event.start, 0)
        if words and event.end > start:
            shown.setdefault(Span(start, event.end), []).append(words)
        elif words:
            detail = f"{name}: displayed from {event.start} to {event.end} ms"
            rejects.append(Reject(source_id, start, start, "cues", "ends before start", words, detail))
    told = unrolled(list(shown), [" ".join(lines) for lines in shown.values()])
    return [*(Cue(source_id, each.span.start_ms, each.span.end_ms, each.text, track) for each in told), *rejects]


def _parse(where: str, text: str, frame_rate: float) -> pysubs2.SSAFile:
    try:
        try:
            return pysubs2.SSAFile.from_string(fence_cues(text))
        except pysubs2.UnknownFPSError:  # MicroDVD counts frames, and this file does not say how many a second
            return pysubs2.SSAFile.from_string(text, fps=frame_rate)
    except (pysubs2.Pysubs2Error, ArithmeticError, LookupError, ValueError) as error:
        raise MediaError(
            f"{where}: in no subtitle format that is known (it begins {' '.join(text.split())[:40]!r}); expected "
            "SubRip, WebVTT, SubStation Alpha or MicroDVD; replace it, or move it away"
        ) from error
