"""A frame of a band, and how the text in it looks.

Shapes: H rows, W columns of the band.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ipl.mining.media import Box
from ipl_extractors.rows import Anchor
from ipl_extractors.strokes import (
    Luma,
    Mask,
    box_of,
    contrast,
    fewest_strokes,
    kernel_side,
    one_colour,
    stroke_mask,
    text_strokes,
)

__all__ = ["OFF_ROW", "Frame", "Look", "Picture", "Where"]

Picture = npt.NDArray[np.uint8]
"""A frame of a band: luma, uint8 [H, W], or green, blue and red, uint8 [3, H, W]."""

MOST_OF_BARE = 60
"""Letters without outlines stand out by so much of 255 where the scene behind them is light, and by more elsewhere."""
OFF_ROW = 0.25
"""How far the middle of a line may be off its row, as a share of its height: lines with and without a g differ."""

ROW = 0.4
"""How far above and below the middle of a line its letters reach, as a share of its height."""


@dataclass(frozen=True)
class Look:
    """How the text of a band looks: how high its lines are, where they stand, what in the band is none.

    `dark`: the letters are darker than what is around them. `bare`: they have no outlines. `rows`: where the middles of
    lines were seen, first where one of every text is. `weaves`: they do not stand quite still.
    """

    line_height: int
    anchor: Anchor | None = None
    marks: tuple[Box, ...] = ()
    dark: bool = False
    rows: tuple[float, ...] = ()
    bare: bool = False
    weaves: bool = False

    @property
    def row(self) -> float | None:
        """Where the middle of a line of every text is; None where that is not known."""
        return self.rows[0] if self.rows else None

    @property
    def fewest(self) -> int:
        """How many pixels the strokes of one thin letter have."""
        return fewest_strokes(self.line_height)

    def is_on_row(self, line: Box) -> bool:
        """Whether a line stands where one of every text does; true where that is not known."""
        return self.row is None or self._is_at(line, self.row)

    def is_on_a_row(self, line: Box) -> bool:
        """Whether a line stands where any was seen; true where that is not known."""
        return not self.rows or any(self._is_at(line, row) for row in self.rows)

    def on_row(self, mask: Mask) -> Mask:
        """What of a mask is on the height where a line of every text is; nothing where that is not known."""
        if self.row is None:
            return mask[:0]
        reach = ROW * self.line_height
        return mask[max(0, round(self.row - reach)) : max(0, round(self.row + reach))]

    def _is_at(self, line: Box, row: float) -> bool:
        return abs((line.top + line.bottom) / 2 - row) <= OFF_ROW * self.line_height

    def text(self, mask: Mask) -> Mask:
        """What of a mask may be letters of a text."""
        if np.count_nonzero(mask) < self.fewest:
            return mask
        return text_strokes(mask, self.line_height, self.anchor)


@dataclass
class Frame:
    """A frame of the band; its strokes are found when they are first asked for."""

    time_ms: float
    picture: Picture
    look: Look
    as_it_was: Picture | None = None
    """the picture before it was moved, if it was"""

    def as_it_came(self) -> Frame:
        """The frame before it was moved."""
        return self if self.as_it_was is None else Frame(self.time_ms, self.as_it_was, self.look)

    @property
    def is_coloured(self) -> bool:
        """Whether it came in colours."""
        return self.picture.ndim == 3

    @cached_property
    def luma(self) -> Luma:
        """What is read if it tells enough, uint8 [H, W]: colours are stored at half the width and height, blurred."""
        import cv2

        if not self.is_coloured:
            return self.picture
        green, blue, red = self.picture
        luma: Luma = cv2.cvtColor(cv2.merge([red, green, blue]), cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        return luma

    @cached_property
    def light(self) -> Luma:
        """What is followed, uint8 [H, W]: luma, or the brightest of the colours, as pure red has hardly any luma.

        Of dark letters it is the darkest of the colours: of those that turn red as they are sung.
        """
        import cv2

        if not self.is_coloured:
            return self.picture
        green, blue, red = self.picture
        strongest = cv2.min if self.look.dark else cv2.max
        light: Luma = strongest(strongest(red, green), blue).astype(np.uint8, copy=False)
        return light

    @cached_property
    def contrasts(self) -> Luma:
        """How much each pixel stands out, uint8 [H, W]."""
        return self._contrast(self.light)

    @cached_property
    def mask(self) -> Mask:
        """Its strokes, bool [H, W]."""
        mask = stroke_mask(self.contrasts, self.look.line_height, self.look.marks, self.look.bare)
        return one_colour(mask, self.light, self.look.dark)

    def level(self, where: Where) -> float:
        """How much it stands out where a text's strokes are, on the mean."""
        import cv2

        return float(cv2.mean(self.contrasts_of(where))[0])

    def contrasts_of(self, where: Where) -> Luma:
        """How much each of a text's strokes stands out, uint8, one number for a pixel."""
        return self._within(where).ravel().take(where.pixels)

    def _within(self, where: Where) -> Luma:
        return self._contrast(self.light[where.rows, where.columns])

    def _contrast(self, light: Luma) -> Luma:
        """How much pixels stand out; of bare letters no more than from a light scene: as that changes, they do not."""
        found = contrast(light, self.look.line_height, self.look.dark)
        return np.minimum(found, np.uint8(MOST_OF_BARE)) if self.look.bare else found


class Where:
    """Some pixels of the band, and the rectangle around them that tells how they stand out."""

    def __init__(self, pixels: Mask, look: Look) -> None:
        margin = kernel_side(look.line_height)
        left, top, right, bottom = box_of(pixels)
        self.rows = slice(max(0, top - margin), bottom + margin)
        self.columns = slice(max(0, left - margin), right + margin)
        self.pixels = np.flatnonzero(pixels[self.rows, self.columns])
        """their numbers in the rectangle"""
