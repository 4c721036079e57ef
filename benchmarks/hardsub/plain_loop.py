"""The loop that a user would write: every sampled frame's lower and upper part through the OCR engine, likes merged."""

from __future__ import annotations

from collections.abc import Iterator

from rapidfuzz.fuzz import ratio

from ipl.hookspecs import ReadText
from ipl.mining.media import frames
from ipl.records import Cue, MediaInfo

FRAMES_PER_SECOND = 5
SAME_TEXT = 80


def plain_loop(media: MediaInfo, read_text: ReadText) -> Iterator[Cue]:
    """Yields a cue for each run of frames whose texts are alike."""
    half_ms = 500 // FRAMES_PER_SECOND
    shown: tuple[int, int, str] | None = None
    for time_ms, picture in frames(media.path, FRAMES_PER_SECOND, height=min(720, media.height), on_damage=print):
        text = " ".join(reading.text for reading in read_text([picture], False)[0] if reading.score >= 0.7)
        if shown and text and ratio(shown[2], text) >= SAME_TEXT:
            shown = shown[0], time_ms, max(shown[2], text, key=len)
            continue
        if shown:
            yield Cue(media.path.name, shown[0] - half_ms, shown[1] + half_ms, shown[2], "all")
        shown = (time_ms, time_ms, text) if text else None
    if shown:
        yield Cue(media.path.name, shown[0] - half_ms, shown[1] + half_ms, shown[2], "all")
