"""The pictures of one line of a display that a recogniser is shown, and the line's ink.

Shapes: H rows, W columns of the line's part of the band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ipl.mining.media import Box
from ipl_extractors.band_frame import Look
from ipl_extractors.following import Display
from ipl_extractors.strokes import Luma, Mask, near

__all__ = ["Crop", "line_crop"]

TIGHT = 0.12
"""How much of a line's crop is cut off above and below, as a share of the line's height: half of what is beside it."""
FAINT_LUMA = 120
"""Text that is brighter by less than what is behind it is made so much brighter: red on a black box."""
OPEN = 0.65
"""How bright the scene is at least where nothing closes it off, from the outlines' luma, 0, to the letters', 1."""
LEAKING = 0.5
"""Letters of whose strokes a larger share can be reached from beside the line have no outlines all around."""
POCKET = 0.6
"""How high and wide a piece of the scene is that letters close off, at most, as a share of the line's height."""
THIN = 0.125
"""The side of a square as a share of the line's height: what is smaller looks darker than it is."""
SAME_LUMA, OTHER_LUMA, SPREADS = 8, 12, 4
"""How far apart two lumas are at most that are the same, and at least that are not: that, and so many spreads."""


@dataclass(frozen=True)
class Crop:
    """A line's part of a display, bright text on dark whatever it was: crops to read, and its ink, bool [H, W]."""

    tight: Luma
    """the stack with little above and below the line: letters are larger in it when it is scaled for a recogniser"""
    picture: Luma
    wiped: Luma
    ink: Mask
    """the strokes' own pixels"""
    extent: tuple[int, int]
    """the first column with ink, and the one after the last"""


def line_crop(display: Display, box: Box, look: Look) -> Crop:
    """Cuts out what is in a line's box, which has a margin that lets the contrast at its edges be right."""

    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    stack, strokes = display.stack[rows, columns], display.strokes[rows, columns]
    # At the band's edges there is no margin to cut.
    above = round(TIGHT * look.line_height) if box.top > 0 else 0
    below = round(TIGHT * look.line_height) if box.bottom < len(display.stack) else 0
    tight = slice(above, len(stack) - below)
    if not strokes.any():
        return Crop(stack[tight], display.picture[rows, columns], stack, strokes, (0, stack.shape[1]))
    bright = 255 - stack if look.dark else stack
    luma = float(np.median(bright[strokes]))
    around = near(strokes)
    behind = float(np.percentile(bright[around & ~strokes], 25)) if (around & ~strokes).any() else 0.0
    if luma - behind < FAINT_LUMA:
        stretch = FAINT_LUMA / max(1.0, luma - behind)
        bright = np.clip(behind + (bright.astype(np.float32) - behind) * stretch, 0, 255).astype(np.uint8)
        luma = behind + FAINT_LUMA
    else:
        scene = _scene_beside(strokes, bright, behind + OPEN * (luma - behind), look.line_height)
        strokes, around = strokes & ~scene, near(strokes & ~scene) & ~scene
        bright = _painted(bright, _grown(scene) & ~strokes, behind)
    inked = np.flatnonzero(strokes.any(axis=0))
    ink: Mask = strokes & (bright >= (luma + behind) / 2)
    read, wiped = (255 - each if look.dark else each for each in (bright, _painted(bright, ~around, behind)))
    return Crop(read[tight], display.picture[rows, columns], wiped, ink, (int(inked[0]), int(inked[-1]) + 1))


def _scene_beside(strokes: Mask, bright: Luma, open_luma: float, line_height: int) -> Mask:
    """Marks what of the scene is seen beside outlined letters, and between them.

    It is all that is bright and not closed off from the crop's edges, and what of the same scene letters close off.
    Nothing where that would be much of the letters too.
    """
    import cv2

    is_bright = (bright > open_luma).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(is_bright, connectivity=4)
    at_edges = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    scene: Mask = np.isin(labels, at_edges[at_edges > 0])
    if not scene.any() or np.count_nonzero(strokes & scene) > LEAKING * np.count_nonzero(strokes):
        return np.zeros_like(strokes)
    closed_off = np.setdiff1d(np.arange(1, len(stats)), at_edges)
    pockets = _pockets(closed_off, labels, stats, bright, scene, line_height)
    return scene | np.isin(labels, pockets)


def _pockets(
    pieces: npt.NDArray[np.int64],
    labels: npt.NDArray[Any],
    stats: npt.NDArray[Any],
    bright: Luma,
    scene: Mask,
    line_height: int,
) -> list[int]:
    """Returns which bright pieces are small, as bright as the scene next to them, and not as bright as the letters."""
    import cv2

    if not len(pieces):
        return []
    lumas = np.array([np.percentile(bright[labels == piece], 80) for piece in pieces])
    of_all = np.repeat(lumas, stats[pieces, cv2.CC_STAT_AREA])
    letters = float(np.median(of_all))
    other = max(OTHER_LUMA, SPREADS * 1.48 * float(np.median(np.abs(of_all - letters))))
    inside = cv2.erode(scene.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    reach = line_height // 3
    found = []
    for piece, luma in zip(pieces.tolist(), lumas.tolist(), strict=True):
        left, top, width, height, area = stats[piece].tolist()
        is_thin = luma < letters and area < (THIN * line_height) ** 2
        if is_thin or max(width, height) > POCKET * line_height or abs(luma - letters) < other:
            continue
        rows = slice(max(0, top - reach), top + height + reach)
        columns = slice(max(0, left - reach), left + width + reach)
        beside = bright[rows, columns][inside[rows, columns]]
        if len(beside) and abs(float(np.median(beside)) - luma) <= SAME_LUMA:
            found.append(piece)
    return found


def _painted(bright: Luma, area: Mask, luma: float) -> Luma:
    """The picture with an area painted over, softly at its edges."""
    import cv2

    softly = cv2.GaussianBlur(area.astype(np.float32), (0, 0), 0.8)
    painted: Luma = (softly * luma + (1 - softly) * bright).astype(np.uint8)
    return painted


def _grown(mask: Mask) -> Mask:
    import cv2

    grown: Mask = cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    return grown
