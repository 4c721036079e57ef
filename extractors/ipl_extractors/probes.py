"""A few frames of a video looked at; a text that stands in several of them is read once.

Coordinates are pixels of the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ipl.hookspecs import ReadText
from ipl.records import Reading
from ipl_extractors.strokes import Luma

__all__ = ["Probes", "is_same_picture"]

SAME_PICTURE = 0.7
"""The correlation of a text with itself in another probe, at the least: what is behind it may have moved."""
SHRINK = 0.15
"""How far apart the boxes of one text are looked for, as a share of their height: detectors vary by as much."""
SAME_WIDTH, SAME_HEIGHT = 0.5, 0.35
"""How much wider and higher one box of a text is than another, at the most, as shares of their height."""

Picture = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]


class Probes:
    """The frames looked at so far, and what is written in each.

    Boxes that `may_hold` (box, width, height of the frame) turns down are not read, nor told of; nor is what is read
    with a lower score than `min_score`, 0 to 1.
    """

    def __init__(self, read_text: ReadText, may_hold: Callable[[Box, int, int], bool], min_score: float) -> None:
        self.pictures: list[Picture] = []
        self.readings: list[list[Reading]] = []
        self._read_text = read_text
        self._may_hold = may_hold
        self._min_score = min_score
        self._known: list[tuple[Luma, Reading]] = []

    def look(self, picture: Picture) -> None:
        """Takes one more frame, uint8 [H, W, 3] RGB."""
        import cv2

        luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        self.readings.append(self._read(picture, luma))
        self.pictures.append(picture)

    def _read(self, picture: Picture, luma: Luma) -> list[Reading]:
        height, width = luma.shape
        (boxes,) = self._read_text([picture], None)
        told = [self._known_as(each, luma) for each in boxes if self._may_hold(each.box, width, height)]
        unread = [each for each in told if not each.text]
        cut = [picture[top:bottom, left:right] for left, top, right, bottom in (each.box for each in unread)]
        for each, found in zip(unread, self._read_text(cut, True) if cut else [], strict=True):
            text = " ".join(piece.text for piece in found)
            score = min((piece.score for piece in found), default=0.0)
            reading = replace(each, text=text, score=score)
            self._known.append((luma, reading))
            told[told.index(each)] = reading
        return [each for each in told if each.score >= self._min_score]

    def _known_as(self, found: Reading, luma: Luma) -> Reading:
        """What is found in a frame, with the text of an earlier one that looks the same."""
        for other, known in reversed(self._known):
            if is_same_picture(luma, found.box, other, known.box):
                return replace(found, text=known.text, score=known.score)
        return found


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
    return float(cv2.matchTemplate(around, inner, cv2.TM_CCOEFF_NORMED).max()) >= SAME_PICTURE
