"""A few frames of a video looked at; a text that stands in several of them is found and read once.

Coordinates are pixels of the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ipl.hookspecs import ReadText
from ipl.records import Reading
from ipl_extractors.sightings import BESIDE, placed
from ipl_extractors.strokes import Luma

__all__ = ["Probes", "is_same_picture", "least_likeness", "one_line"]

SAME_PICTURE, SAME_LETTER = 0.7, 0.4
"""The correlation of a text with itself in another probe, at the least, and of each of its letters: what is behind it
may have moved. Of 433 pairs of one text all but three have both, of 223 pairs of two texts only such as differ in a
mark; by the whole alone 12 more were taken for one, Chinese ones of which one letter differs."""
SHRINK = 0.15
"""How far apart the boxes of one text are looked for, as a share of their height: detectors vary by as much."""
SAME_WIDTH, SAME_HEIGHT = 0.5, 0.35
"""How much wider and higher one box of a text is than another, at the most, as shares of their height."""

MOST_SKIPPED = 3
"""So many probes in a row may be taken as known: what was new in the one before them may be a logo."""

Picture = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]


class Probes:
    """The frames looked at so far, and what is written in each.

    A frame is taken as known, without the detector, that still shows all that was new in the one before: it would tell
    nothing.

    Boxes that `may_hold` (box, width, height of the frame) turns down are not read, nor told of; nor is what is read
    with a lower score than `min_score`, 0 to 1.
    """

    def __init__(self, read_text: ReadText, may_hold: Callable[[Box, int, int], bool], min_score: float) -> None:
        self.times_ms: list[float] = []
        self.pictures: list[Picture] = []
        self.readings: list[list[Reading]] = []
        self._read_text = read_text
        self._may_hold = may_hold
        self._min_score = min_score
        self._known: list[tuple[Luma, Reading]] = []
        self._luma: Luma | None = None
        """the last frame that the detector saw"""
        self._new: list[Reading] = []
        """what that one showed and the one before it did not"""
        self._num_skipped = 0

    def look(self, time_ms: float, picture: Picture, *, anew: bool = False) -> None:
        """Takes one more frame, uint8 [H, W, 3] RGB, and looks at it `anew` even where it seems known."""
        luma = _luma(picture)
        before = self.readings[-1] if self.readings else []
        may_skip = bool(self._new) and self._num_skipped < MOST_SKIPPED and not anew
        found = [each for each in before if self._stands(each.box, luma)] if may_skip else []
        if may_skip and all(each in found for each in self._new):
            self._num_skipped += 1
        else:
            found = self._read(picture, luma)
            texts = {each.text for each in before}
            self._luma, self._new, self._num_skipped = luma, [each for each in found if each.text not in texts], 0
        self.times_ms.append(time_ms)
        self.pictures.append(picture)
        self.readings.append(found)

    def shows(self, box: Box, picture: Picture) -> bool:
        """Whether a box of a frame shows what it does in the last one that the detector saw."""
        return self._stands(box, _luma(picture))

    def _stands(self, box: Box, luma: Luma) -> bool:
        return self._luma is not None and is_same_picture(luma, box, self._luma, box)

    def _read(self, picture: Picture, luma: Luma) -> list[Reading]:
        height, width = luma.shape
        (lines,) = self._read_text([picture], None)
        told = [self._known_as(each, luma) for each in lines if self._may_hold(each.box, width, height)]
        unread = [each for each in told if not each.text]
        boxes = [_with_ends(each.box) for each in unread]
        cut = [picture[top:bottom, left:right] for left, top, right, bottom in boxes]
        for each, box, found in zip(unread, boxes, self._read_text(cut, True) if cut else [], strict=True):
            cut_out = replace(one_line(found), box=(0, 0, 0, 0))
            reading = replace(placed(cut_out, box), box=each.box)
            self._known.append((luma, reading))
            told[told.index(each)] = reading
        return [each for each in told if each.score >= self._min_score]

    def _known_as(self, found: Reading, luma: Luma) -> Reading:
        """What is found in a frame, with the text of an earlier one that looks the same."""
        for other, known in reversed(self._known):
            if is_same_picture(luma, found.box, other, known.box):
                return placed(known, found.box)
        return found


def _luma(picture: Picture) -> Luma:
    import cv2

    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _with_ends(box: Box) -> Box:
    """A line's box with what may belong to the line on either side."""
    left, top, right, bottom = box
    beside = round(BESIDE * (bottom - top))
    return max(0, left - beside), top, right + beside, bottom


def one_line(readings: Sequence[Reading]) -> Reading:
    """What was read of one line; a reader may return it in pieces, without places then."""
    if len(readings) == 1:
        return readings[0]
    score = min((each.score for each in readings), default=0.0)
    return Reading(" ".join(each.text for each in readings), score, (0, 0, 0, 0))


def is_same_picture(one: Luma, box: Sequence[int], other: Luma, other_box: Sequence[int]) -> bool:
    """Whether a box of one frame shows the text that a box of another does; they need not stand at one place."""
    import cv2

    left, top, right, bottom = box
    other_left, other_top, other_right, other_bottom = other_box
    height = bottom - top
    if abs(right - left - (other_right - other_left)) > SAME_WIDTH * height:
        return False
    if abs(height - (other_bottom - other_top)) > SAME_HEIGHT * height:
        return False
    margin = max(2, round(SHRINK * height))
    inner = one[top + margin : bottom - margin, left + margin : right - margin]
    around = other[
        max(0, other_top - margin) : other_bottom + margin, max(0, other_left - margin) : other_right + margin
    ]
    if not inner.size or inner.shape[0] > around.shape[0] or inner.shape[1] > around.shape[1]:
        return False
    _, likeness, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(around, inner, cv2.TM_CCOEFF_NORMED))
    return likeness >= SAME_PICTURE and least_likeness(inner, around[row:, column:]) >= SAME_LETTER


def least_likeness(one: Luma, other: Luma) -> float:
    """The least correlation of pieces as wide as high of one picture with those at their place in another."""
    import cv2

    height, width = one.shape
    cuts = np.linspace(0, width, max(1, round(width / height)) + 1).astype(int)
    pieces = [(slice(None, height), slice(start, end)) for start, end in pairwise(cuts)]
    return min(float(cv2.matchTemplate(other[at], one[at], cv2.TM_CCOEFF_NORMED)[0, 0]) for at in pieces)
