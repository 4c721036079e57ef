"""A text that is written word by word, or letter by letter, from the left: what is there stays, and more comes.

Shapes: H rows, W columns of the band.
"""

from __future__ import annotations

import numpy as np

from ipl_extractors.band_frame import Look
from ipl_extractors.strokes import WIDE_GAP, Mask

__all__ = ["next_words"]

FIRST_WORDS, MOST_WORDS = 1, 2
"""So many words come from one sample to the next the first time, and so many later; more are those of another text."""
WORD_GAP = 0.2
"""A gap wider than one between letters, as a share of the line's height."""
MOST_WIDE = 10.0
"""How wide what comes at once is at the most, in line heights: a line that is written without gaps is no word."""
NEXT_GAP = 1.0
"""How far behind the last word the next one may begin, as a share of the line's height."""
LAST_LINE = 0.6
"""How far above the foot of a text it is of its last line for sure, as a share of the line's height."""
BESIDE, BELOW = (-1.0, 0.35), (0.0, 1.5)
"""Between which rows a word on the last line, and one on the next, stands, from the last line's foot, as shares of its
height."""


def next_words(text: Mask, added: Mask, look: Look, has_grown: bool) -> Mask | None:
    """What of new strokes is the next word of a text, all bool [H, W]; None where none is.

    It stands behind the last one, or where a line starts below. `has_grown`: the text has got others before. Only texts
    that start at the left are asked: others make room for each word, and all their letters move.
    """
    if look.anchor is None or look.anchor.kind != "left":
        return None
    height = look.line_height
    foot = int(np.flatnonzero(text.any(axis=1))[-1]) + 1
    end = int(np.flatnonzero(text[max(0, foot - round(LAST_LINE * height)) : foot].any(axis=0))[-1]) + 1
    start = max(0, round(look.anchor.x) - height)
    most = MOST_WORDS if has_grown else FIRST_WORDS
    beside = _words(added, _rows(foot, BESIDE, height), end, NEXT_GAP * height, height, most)
    if np.count_nonzero(beside) >= look.fewest:
        return beside
    below = _words(added, _rows(foot, BELOW, height), start, 2 * height, height, most)
    # A letter too small to be told by itself may have ended the line before.
    return beside | below if np.count_nonzero(below) >= look.fewest else None


def _rows(foot: int, shares: tuple[float, float], height: int) -> slice:
    first, last = (foot + round(share * height) for share in shares)
    return slice(max(0, first), last)


def _words(added: Mask, rows: slice, left: int, reach: float, height: int, most: int) -> Mask:
    """The new strokes of some rows up to a wide gap, if they begin so near to a column, and are of so many words."""
    found = np.zeros_like(added)
    columns = left + np.flatnonzero(added[rows, left:].any(axis=0))
    if len(columns) and columns[0] - left <= reach:
        gaps = np.diff(columns)
        ends = np.append(np.flatnonzero(gaps > WIDE_GAP * height), len(gaps))
        is_narrow = columns[ends[0]] - columns[0] <= MOST_WIDE * height
        if is_narrow and np.count_nonzero(gaps[: ends[0]] > WORD_GAP * height) < most:
            own = slice(columns[0], columns[ends[0]] + 1)
            found[rows, own] = added[rows, own]
    return found
