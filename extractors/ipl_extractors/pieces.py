"""Displays that something cut in two: a sign that passes behind a text, or the colour of what is sung."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ipl_extractors.band_frame import Look
from ipl_extractors.following import ADDED_LETTERS, Display
from ipl_extractors.strokes import Mask, near

__all__ = ["are_pieces", "join"]

SHARED = 0.7
"""Two displays are of one text that share this part of the strokes of the one that has more of them.

Of 60 that touched, pieces of one text shared 0.7 to 1, two texts at most a half of the fewer strokes."""
GONE = 0.5
"""A stroke that stands out less than this share of what it did is there no more."""


def are_pieces(one: Display, other: Display, look: Look) -> bool:
    """Whether a display goes on where another one ends, with the same strokes, and no word more or less."""
    most = max(np.count_nonzero(one.strokes), np.count_nonzero(other.strokes))
    if one.end_ms < other.start_ms or np.count_nonzero(one.strokes & other.strokes) < SHARED * most:
        return False
    return bool(max(map(np.count_nonzero, _lost_and_added(one, other))) <= ADDED_LETTERS * look.fewest)


def _lost_and_added(one: Display, other: Display) -> tuple[Mask, Mask]:
    """Which strokes only the first of two displays has, and which only the second.

    The other one has none near them, and nothing that stands out as they do.
    """
    lost = one.strokes & ~near(other.strokes) & (other.early < GONE * one.late)
    added = other.strokes & ~near(one.strokes) & (one.late < GONE * other.early)
    return lost, added


def join(one: Display, other: Display, dark: bool) -> Display:
    """Two pieces of a text, the later one second, as the one display that they are.

    It is seen as the longer of them, but for what was behind that one only, which falls away.
    """
    lost, added = _lost_and_added(one, other)
    is_first_longer = one.end_ms - one.start_ms >= other.end_ms - other.start_ms
    longer, passing = (one, lost) if is_first_longer else (other, added)
    common = np.maximum if dark else np.minimum
    return replace(
        longer,
        start_ms=one.start_ms,
        end_ms=other.end_ms,
        strokes=longer.strokes & ~passing,
        stack=common(one.stack, other.stack),
        early=one.early,
        late=other.late,
        before=one.before,
        after=other.after,
    )
