"""How letters differ from what is around them, told from the lines that the detector found.

Shapes: H rows, W columns of a line's crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

from ipl_extractors.outlines import ENCLOSED, cast, enclosed, rim
from ipl_extractors.strokes import CONTRAST, Luma, contrast, one_colour

__all__ = ["OUTLINED", "Lettering", "lettering"]

PURE = 80
"""How much brighter in one colour than in luma letters are of which luma tells too little: red, blue, purple."""
SELDOM, SOMETIMES = 0.1, 0.2
"""Letters may be of one colour here and of another there: two speakers, by line; a karaoke line, by stroke."""
BARE = 1.0
"""How much darker than the scene what is right beside letters without outlines is at the most, seen from the letters:
0.91 to 0.97 of bare ones over five films; of any others over forty 1.04 or more, of those in a clear box the least."""
FEWEST_SEEN = 200
"""Of so many pixels of strokes that must have been seen."""
SHADOW = 0.12
"""How much more of what is dark lies to one side of bright letters than to the other: 0.19 of letters with a shadow
and no outline, at most 0.06 of dark ones of eleven films."""
CLEARER = 0.1
"""How much more of white letters is closed off in luma than by the brightest colour, at the least: mostly 0.2."""

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Lettering:
    """What lets the letters of a band stand out from what is around them."""

    dark: bool = False
    """they are darker than it"""
    bare: bool = False
    """they have no outlines, and stand in no box: beside them the scene is as it is"""
    colourful: bool = False
    """they stand out by their colour more than by their luma: pure red or blue"""


OUTLINED = Lettering()
"""Bright letters with outlines, or in a box, as most are."""


def lettering(lines: Sequence[Picture], line_height: int) -> Lettering:
    """Tells how the letters of a band's lines look, from crops of them, uint8 [H, W, 3] RGB; of none nothing."""
    import cv2

    lumas = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8) for picture in lines]
    values: list[Luma] = [picture.max(axis=2) for picture in lines]
    closed = [
        (enclosed(value, line_height), enclosed(luma, line_height)) for value, luma in zip(values, lumas, strict=True)
    ]
    pure = [
        _are_pure(value, luma, line_height) and by_value >= by_luma - CLEARER
        for value, luma, (by_value, by_luma) in zip(values, lumas, closed, strict=True)
    ]
    colourful = sum(pure) > SELDOM * len(pure)
    tell = [max(both) if colourful else both[1] for both in closed]  # either may fail to tell of a letter what it is
    lights = values if colourful else lumas
    is_open = bool(tell) and median(tell) < ENCLOSED
    has_shadow = is_open and median(cast(light, line_height) for light in lights) >= SHADOW
    dark = is_open and not has_shadow
    bare = has_shadow or _are_bare([255 - light if dark else light for light in lights], line_height)
    return Lettering(dark, bare, colourful)


def _are_bare(crops: Sequence[Luma], line_height: int) -> bool:
    """Whether bright letters have nothing around them that lets them stand out; false where that does not show."""
    rims = [rim(crop, line_height) for crop in crops]
    num_seen = sum(each.num_pixels for each in rims)
    return num_seen >= FEWEST_SEEN and sum(each.darker * each.num_pixels for each in rims) < BARE * num_seen


def _are_pure(value: Luma, luma: Luma, line_height: int) -> bool:
    """Whether some of the bright strokes in a crop are of a pure colour; `value` is the brightest of its colours."""
    strokes = one_colour(contrast(value, line_height) > CONTRAST, value)
    pure = strokes & (value.astype(np.int16) - luma > PURE)
    return int(np.count_nonzero(pure)) > SOMETIMES * max(1, int(np.count_nonzero(strokes)))
