"""Where the lines of a text stand, told from its strokes. Shapes: H rows, W columns of the band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ipl.mining.media import Box
from ipl_extractors.rows import Anchor
from ipl_extractors.strokes import Mask, own_span, runs, stands_at

__all__ = ["TOO_HIGH", "line_boxes", "tallest"]


HIGH, TOO_HIGH = 1.0, 1.25
"""How high a line's ink is at the most, as a share of a detector's box, which has a margin: where lines stand close
together, as those of libass do, two are hardly higher. What is no higher than the one is cut nowhere, what is higher
than the other anywhere, and else between two rows that are known, or where the valley is deep."""
VALLEY, DEEP = 0.5, 0.3
"""How much ink passes between two lines, as a share of what the fuller rows on both sides have, at the most; the less
is the middle of a line never left with."""
APART = 0.5
"""Two rows that are closer together, as a share of the height, are one."""


def line_boxes(
    strokes: Mask,
    line_height: int,
    anchor: Anchor | None = None,
    foreign: Mask | None = None,
    known_rows: Sequence[float] = (),
) -> list[Box]:
    """Returns the boxes of the lines of text that the strokes make, top to bottom. Others stood on the known rows.

    What stands on one height with a line, or above it, but not at the anchor, is no part of the text. No box reaches
    into the `foreign` strokes beside its line, bool [H, W].
    """
    rows = strokes.sum(axis=1)
    # Between two lines hardly a stroke passes, though a hanging letter does: what is much compared with the rows
    # around it is a line. A short line below a long one is only compared with itself.
    reach = line_height // 3
    around = sliding_window_view(np.pad(rows, reach), 2 * reach + 1).max(axis=1)
    inked = np.flatnonzero(rows > np.maximum(0.12 * around, 1))
    if not len(inked):
        return []
    lines = [
        line
        for run in runs(inked, max(1, line_height // 10))
        for line in _lines(rows, int(run[0]), int(run[-1]) + 1, line_height, sorted(known_rows))
        if line[1] - line[0] >= 0.25 * line_height
    ]
    # Wide, for faint marks at the ends: a dash, dots.
    above, beside = _margin(line_height), round(0.6 * line_height)
    boxes, anchored = [], []
    for top, bottom in lines:
        first, last, is_anchored = _extent(np.flatnonzero(strokes[top:bottom].any(axis=0)), line_height, anchor)
        left, right = max(0, first - beside), min(strokes.shape[1], last + 1 + beside)
        if foreign is not None:
            others = np.flatnonzero(foreign[top:bottom].any(axis=0))
            left = max([left, *(others[others < first] + 1)[-1:]])
            right = min([right, *others[others > last][:1]])
        boxes.append(Box(int(left), max(0, top - above), int(right), min(len(rows), bottom + above)))
        anchored.append(is_anchored)
    return [box for box, keep in zip(boxes, anchored, strict=True) if keep or not any(anchored)]


def tallest(line_height: int) -> float:
    """How high the box of one line is at the most."""
    return HIGH * line_height + 2 * _margin(line_height)


def _margin(line_height: int) -> int:
    """How much a box has above its line, and below it."""
    return line_height // 4


def _extent(columns: npt.NDArray[np.int64], line_height: int, anchor: Anchor | None) -> tuple[int, int, bool]:
    """Returns the columns of a line, without what stands beside it, and whether it stands at the anchor."""
    first, last = own_span(columns, line_height, anchor)
    return first, last, anchor is None or stands_at(anchor, first, last, line_height)


def _lines(
    rows: npt.NDArray[np.int64], top: int, bottom: int, line_height: int, known_rows: Sequence[float]
) -> Iterator[tuple[int, int]]:
    """Cuts a run of rows that is too high for a line at its deepest valley: strokes of hanging letters may fill it."""
    reach, height = line_height // 2, bottom - top
    first, last, most = top + reach, bottom - reach, VALLEY
    if HIGH * line_height < height <= TOO_HIGH * line_height:
        inside = [row for row in known_rows if top < row < bottom]
        if inside and inside[-1] - inside[0] > APART * line_height:
            first, last = round(inside[0]), round(inside[-1])
        else:
            most = DEEP
    if height <= HIGH * line_height or first >= last:
        yield top, bottom
        return
    valley = first + int(np.argmin(rows[first:last]))
    if rows[valley] > most * min(rows[top:valley].max(initial=0), rows[valley:bottom].max()):
        yield top, bottom
        return
    yield from _lines(rows, top, valley, line_height, known_rows)
    yield from _lines(rows, valley, bottom, line_height, known_rows)
