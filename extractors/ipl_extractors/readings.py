"""From readings of displayed texts to cues: doubtful readings, pieces of one text, votes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz.fuzz import ratio

from ipl_extractors.strokes import overlap

__all__ = ["DOUBTFUL_AGREE", "Text", "merge_pieces"]

DOUBTFUL_AGREE = 60
"""Two doubtful readings are of one text from this rapidfuzz ratio on, 0 to 100."""


@dataclass(frozen=True, slots=True)
class Text:
    """One displayed text and all that was read of it: (text, score); nothing that could be relied on, perhaps."""

    start_ms: int
    end_ms: int
    readings: tuple[tuple[str, float], ...]
    picture: npt.NDArray[np.uint8]
    strokes: npt.NDArray[np.bool_]

    def best(self) -> tuple[str, float]:
        """The text that most of the readings agree on, weighed by their scores, and their mean score."""
        scores: dict[str, list[float]] = defaultdict(list)
        for text, score in self.readings:
            scores[text].append(score)
        text, votes = max(scores.items(), key=lambda item: sum(item[1]))
        return text, sum(votes) / len(votes)


def merge_pieces(texts: Iterable[Text], same_text: float) -> Iterator[Text]:
    """Joins neighbours that are pieces of one text, and leaves out what nothing was read of.

    Something that passes behind a text can cut its display into pieces and spoil the reading of one. Pieces
    touch, and read alike (rapidfuzz ratio from `same_text` on, spaces left out) or stand on the same strokes.
    """
    last: Text | None = None
    for text in texts:
        if last and text.start_ms <= last.end_ms and _one_text(last, text, same_text):
            shown: dict[str, Any] = {"picture": text.picture, "strokes": text.strokes} if not last.readings else {}
            last = replace(last, end_ms=text.end_ms, readings=last.readings + text.readings, **shown)
            continue
        if last and last.readings:
            yield last
        last = text
    if last and last.readings:
        yield last


def _one_text(one: Text, other: Text, same_text: float) -> bool:
    same_strokes = overlap(one.strokes, other.strokes) > 0.5
    if not (one.readings and other.readings):
        return same_strokes
    alike = ratio(*(each.best()[0].replace(" ", "") for each in (one, other)))
    return alike >= same_text or (alike >= DOUBTFUL_AGREE and same_strokes)
