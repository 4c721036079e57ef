"""Displays that something cut in two: a sign that passes behind a text, or the colour of what is sung."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ipl_extractors.following import Display
from ipl_extractors.strokes import near

__all__ = ["are_pieces", "join"]

SAME_TEXT = 0.7
"""Two displays are of one text that share this part of the strokes of the one that has more of them.

Of 60 that touched, pieces of one text shared 0.7 to 1, two texts at most a half of the fewer strokes."""


def are_pieces(one: Display, other: Display) -> bool:
    """Whether a display goes on where another one ends, with the same strokes."""
    if one.end_ms < other.start_ms or one.strokes.shape != other.strokes.shape:
        return False
    most = max(np.count_nonzero(one.strokes), np.count_nonzero(other.strokes))
    return bool(np.count_nonzero(one.strokes & other.strokes) >= SAME_TEXT * most)


def join(one: Display, other: Display, dark: bool) -> Display:
    """Two pieces of a text, the later one second, as the one display that they are."""
    longer, shorter = sorted((one, other), key=lambda piece: piece.start_ms - piece.end_ms)
    darkest = np.maximum if dark else np.minimum
    return replace(
        longer,
        start_ms=one.start_ms,
        end_ms=other.end_ms,
        strokes=longer.strokes & near(shorter.strokes),  # what was behind one of them only falls away
        stack=darkest(one.stack, other.stack),
        early=one.early,
        late=other.late,
        before=one.before,
        after=other.after,
    )
