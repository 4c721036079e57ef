"""Displays that are of one text: a sign that passes behind it cut them, the colour of what is sung, or a word more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ipl.mining.media import Box
from ipl_extractors.band_frame import Look
from ipl_extractors.display import Display
from ipl_extractors.followed_text import ADDED_LETTERS
from ipl_extractors.line_boxes import TOO_HIGH
from ipl_extractors.probes import least_likeness
from ipl_extractors.readings import LEAST_MS, NEXT_WORD_MS
from ipl_extractors.scenery import LEAST_ADDED
from ipl_extractors.strokes import WELL_CENTRED, Mask, box_of, near

__all__ = ["are_pieces", "grown", "grows", "join"]

SHARED = 0.7
"""Two displays are of one text that share this part of the strokes of the one that has more of them.

Of 60 that touched, pieces of one text shared 0.7 to 1, two texts at most a half of the fewer strokes."""
ALIKE, LETTERS_ALIKE = 0.9, 0.4
"""The correlation of a text with itself where it has moved to make room for a word, and of each of its letters."""
GONE = 0.5
"""A stroke that stands out less than this share of what it did is there no more."""


def are_pieces(one: Display, other: Display, look: Look) -> bool:
    """Whether a display goes on where another one ends, with the same strokes, and no word more or less."""
    most = max(np.count_nonzero(one.strokes), np.count_nonzero(other.strokes))
    if one.end_ms < other.start_ms or np.count_nonzero(one.strokes & other.strokes) < SHARED * most:
        return False
    lost, added = _lost_and_added(one, other)
    if _is_all_of_the_row(lost, one, look) or _is_all_of_the_row(added, other, look):
        return False
    return bool(max(map(np.count_nonzero, (lost, added))) <= ADDED_LETTERS * look.fewest)


def _is_all_of_the_row(part: Mask, whole: Display, look: Look) -> bool:
    """Whether what a display has on the row where every text has a line is in a part of its strokes: it is its text."""
    of_part, of_rest = (np.count_nonzero(look.on_row(each)) for each in (part, whole.strokes & ~part))
    return bool(of_part >= look.fewest > of_rest)


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
        has_grown=one.has_grown or other.has_grown,
    )


def grows(one: Display, other: Display, look: Look) -> bool:
    """Whether a display shows a centred line that another one goes on with: moved to the left, and a word longer."""
    import cv2

    is_hasty = one.has_grown or one.end_ms - one.start_ms < LEAST_MS
    if not is_hasty or not one.end_ms <= other.start_ms <= one.end_ms + NEXT_WORD_MS:
        return False
    if look.anchor is None or look.anchor.kind != "centre":
        return False
    middle_px = look.anchor.x
    line, longer = box_of(one.strokes), box_of(other.strokes)
    height = look.line_height
    is_one_line = max(line.bottom - line.top, longer.bottom - longer.top) <= TOO_HIGH * height
    if not is_one_line or any(abs(_middle(box) - middle_px) > WELL_CENTRED * height for box in (line, longer)):
        return False
    added = (longer.right - longer.left) - (line.right - line.left)
    if added < LEAST_ADDED * height:
        return False
    letters = one.late[line.top : line.bottom, line.left : line.right]
    start = max(0, longer.left - 2)
    around = other.early[max(0, line.top - 2) : line.bottom + 2, start : longer.left + letters.shape[1] + 3]
    if around.shape[0] < letters.shape[0] or around.shape[1] < letters.shape[1]:
        return False
    _, likeness, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(around, letters, cv2.TM_CCOEFF_NORMED))
    return likeness >= ALIKE and least_likeness(letters, around[row:, column:]) >= LETTERS_ALIKE


def _middle(box: Box) -> float:
    return (box.left + box.right) / 2


def grown(one: Display, other: Display) -> Display:
    """A text that is written word by word, as it is at last."""
    return replace(other, start_ms=one.start_ms, before=one.before, has_grown=True)
