"""The loop that a user would write: a third of every sampled frame through the OCR engine, likes merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from rapidfuzz.fuzz import ratio

from ipl.hookspecs import ReadText
from ipl.mining.media import frames
from ipl.records import Cue, MediaInfo

FRAMES_PER_SECOND = 5
SAME_TEXT = 80
LEAST_SCORE = 0.7


def plain_loop(
    media: MediaInfo, read_text: ReadText, thirds: Sequence[Literal["upper", "lower"]] = ("lower",)
) -> Iterator[Cue]:
    """Yields a cue for each run of frames whose texts are alike: the text that was read most often."""
    half_ms = 500 // FRAMES_PER_SECOND
    shown: Counter[str] = Counter()
    start_ms = end_ms = 0
    for time_ms, picture in frames(media.path, FRAMES_PER_SECOND, height=min(720, media.height), on_damage=print):
        text = " ".join(_read(picture, third, read_text) for third in thirds).strip()
        if shown and not (text and ratio(next(reversed(shown)), text) >= SAME_TEXT):
            yield Cue(media.path.name, start_ms - half_ms, end_ms + half_ms, shown.most_common(1)[0][0], "all")
            shown.clear()
        if text:
            start_ms = start_ms if shown else time_ms
            end_ms = time_ms
            shown[text] += 1
    if shown:
        yield Cue(media.path.name, start_ms - half_ms, end_ms + half_ms, shown.most_common(1)[0][0], "all")


def _read(picture: Any, third: str, read_text: ReadText) -> str:
    rows = len(picture) // 3
    part = picture[:rows] if third == "upper" else picture[-rows:]
    return " ".join(reading.text for reading in read_text([part], False)[0] if reading.score >= LEAST_SCORE)
