"""A line of text over a scene as a page has it: dark letters on white.

Recognisers that were made for pages (tesseract) read next to nothing over a scene. Shapes: H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipl_extractors.strokes import Luma, contrast, fewest_strokes, near, one_colour, stroke_mask

__all__ = ["Page", "as_on_pages"]

LETTERS = 0.8
"""How much of a line's picture its letters take, from the top of b to the bottom of p."""
HEIGHT_PX, MARGIN_PX = 48, 12
"""Of 116 lines of films tesseract read as many at 40 px and 48 px, fewer at 64 px."""
OF_STROKES = 0.3
"""A bright piece of which a smaller share are strokes is of the scene."""
PEAK, SMALL_PEAK, THIN = 0.8, 0.7, 0.5
"""How bright the brightest of a thin letter is at least, and that of a dot, from what is behind the letters, 0, to
these, 1, and how much of either stands out."""


class Page(NamedTuple):
    """A picture of a line as a page has it, `scale` times as large, with a margin."""

    luma: Luma
    scale: float

    def back(self, place: float) -> float:
        """A row or column of the page in the picture that it is of."""
        return (place - MARGIN_PX) / self.scale


def as_on_pages(picture: npt.NDArray[np.uint8]) -> Iterator[Page]:
    """Yields a line's picture (uint8 [H, W, 3], RGB) as dark letters on white, for all that the letters may be.

    First they are taken to be brighter than what is behind them, then to be bright in one colour, then to be darker;
    where nothing is made of strokes, there is no page.
    """
    import cv2

    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    brightest = picture.max(axis=2)
    has_colour = not np.array_equal(luma, brightest)
    pages = map(_dark_on_white, [luma, *[brightest] * has_colour, 255 - luma])
    yield from (page for page in pages if page)


def _dark_on_white(bright: Luma) -> Page | None:
    """What is bright and made of strokes, dark on white, as high as tesseract likes it; None where nothing is."""
    import cv2

    height = max(8, round(LETTERS * len(bright)))
    contrasts = contrast(bright, height)
    strokes = one_colour(stroke_mask(contrasts, height), bright)
    around = near(strokes) & ~strokes
    if not strokes.any() or not around.any():
        return None
    luma, behind = float(np.median(bright[strokes])), float(np.percentile(bright[around], 25))
    half = (luma - behind) / 2
    number, pieces = cv2.connectedComponents((bright > behind + half).view(np.uint8), connectivity=4)
    sizes, inked, thin = (
        np.bincount(each.ravel(), minlength=number) for each in (pieces, pieces[strokes], pieces[contrasts > half])
    )
    # Accents and dots are blurred: of many hardly a pixel is as bright as the letters, and no more is of the strokes.
    peaks = np.zeros(number)
    np.maximum.at(peaks, np.asarray(pieces, np.intp).ravel(), bright.ravel())
    least = np.where(sizes < fewest_strokes(height) / 2, SMALL_PEAK, PEAK)
    is_blurred = (peaks >= behind + least * (luma - behind)) & (thin > THIN * sizes)
    is_letter = (inked > OF_STROKES * sizes) | is_blurred
    is_letter[0] = False
    share = np.clip((bright.astype(np.float32) - behind) / max(1.0, luma - behind), 0, 1)
    share[~near(is_letter[pieces], 1)] = 0
    scale = HEIGHT_PX / len(bright)
    letters = cv2.resize(255 * (1 - share), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    margin = ((MARGIN_PX, MARGIN_PX), (MARGIN_PX, MARGIN_PX))
    return Page(np.pad(np.clip(letters, 0, 255).astype(np.uint8), margin, constant_values=255), scale)
