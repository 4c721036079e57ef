"""What lets letters stand out from the scene: outlines or a box, a shadow, a plate, or nothing but their own light.

Shapes: H rows, W columns of a line's crop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ipl_extractors.strokes import CONTRAST, Luma, Mask, contrast, near, one_colour

__all__ = ["ENCLOSED", "NONE_CLOSED", "Closed", "Rim", "cast", "enclosed", "most_closed", "rim"]

ENCLOSED = 0.4
"""Of bright outlined letters about three quarters are closed off, of what is between dark ones an eighth."""
LETTERS_BRIGHT = 80, 40
"""How bright letters may be, as percentiles of all strokes, of which some are what is seen between them."""
LIGHT_SCENE = 0.4
"""Where the scene is darker than this share of the letters' luma, it does not tell whether they have outlines."""


class Closed(NamedTuple):
    """Which shares of a text's bright strokes and of the dark ones between them are closed off by others, 0 to 1."""

    bright: float
    dark: float


NONE_CLOSED = Closed(0.0, 0.0)


def most_closed(one: Closed, other: Closed) -> Closed:
    """The greater of each two shares."""
    return Closed(max(one.bright, other.bright), max(one.dark, other.dark))


def enclosed(luma: Luma, line_height: int) -> float:
    """Which share of the thin bright strokes in a crop is closed off, 0 to 1; all of them where none is dark.

    An outline stands out as much as the letters themselves, and what is behind may be as bright as bright letters. But
    these their outlines close off; what is bright between dark letters is part of what is bright around them. Letters
    may be less bright than what is seen of the scene between them: red ones.
    """
    thin, dark = (contrast(luma, line_height, kind) > CONTRAST for kind in (False, True))
    if not thin.any() or not dark.any():
        return float(thin.any())
    behind = np.percentile(luma[dark], 20)
    return max(_closed_off(thin, luma >= (np.percentile(luma[thin], share) + behind) / 2) for share in LETTERS_BRIGHT)


class Rim(NamedTuple):
    """How much darker what is right around letters is than what is beyond: 1, or less, for letters without outlines."""

    darker: float
    num_pixels: int
    """of how many pixels of strokes this was seen: those where the scene is light"""


def rim(luma: Luma, line_height: int) -> Rim:
    """Looks right beside the bright strokes of a crop for outlines, a box or a shadow.

    Both are compared with the letters: over a light scene these stand out from their outlines more than from the scene.
    """
    import cv2

    strokes = one_colour(contrast(luma, line_height) > CONTRAST, luma)
    if not strokes.any():
        return Rim(0.0, 0)
    width, reach = max(2, line_height // 10), max(4, line_height // 4)
    side = 2 * (line_height // 3) + 1
    letters, inner = float(np.median(luma[strokes])), near(strokes, width)
    means, are_seen = [], []
    for area in (inner & ~strokes, near(strokes, 2 + width + reach) & ~near(inner, 1)):
        sums, counts = (
            cv2.boxFilter(each.astype(np.float32), -1, (side, side), normalize=False) for each in (luma * area, area)
        )
        means.append(sums / np.maximum(counts, 1))
        are_seen.append(counts > 0.5)
    beside, beyond = means
    seen = strokes & are_seen[0] & are_seen[1] & (beyond > LIGHT_SCENE * letters)
    if not seen.any():
        return Rim(0.0, 0)
    darker = (letters - beside[seen]) / np.maximum(letters - beyond[seen], 10)
    return Rim(float(np.median(darker)), int(np.count_nonzero(seen)))


def cast(luma: Luma, line_height: int) -> float:
    """How much more of the dark strokes in a crop the bright ones cover when they are moved one way than the other.

    A shadow lies to one side of its letters; outlines and the insides of dark letters lie on all sides alike. 0 to 1.
    """
    bright = one_colour(contrast(luma, line_height) > CONTRAST, luma)
    dark = contrast(luma, line_height, True) > CONTRAST
    if not dark.any():
        return 0.0
    reach = max(2, line_height // 8)
    height, width = dark.shape
    around = np.pad(bright, reach)
    moves = [(down, right) for down in range(-reach, reach + 1) for right in range(-reach, reach + 1)]
    covered = {
        (down, right): np.count_nonzero(dark & around[reach - down :, reach - right :][:height, :width])
        for down, right in moves
    }
    return max(covered[down, right] - covered[-down, -right] for down, right in moves) / np.count_nonzero(dark)


def _closed_off(thin: Mask, bright: Mask) -> float:
    """Which share of the thin strokes in what is bright does not reach beyond thin strokes."""
    import cv2

    thin = thin & bright
    number, labels = cv2.connectedComponents(bright.view(np.uint8), connectivity=4)
    size, strokes = (np.bincount(labels[mask], minlength=number) for mask in (bright, thin))
    open_ = strokes < 0.5 * size  # a surface, with strokes only where letters narrow it
    open_[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    return 1 - int(strokes[open_].sum()) / max(1, int(strokes.sum()))
