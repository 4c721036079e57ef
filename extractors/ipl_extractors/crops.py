"""The pictures of one line of a display that a recogniser is shown, and the line's ink.

Shapes: H rows, W columns of the line's part of the band.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ipl.mining.media import Box
from ipl_extractors.band_frame import Look
from ipl_extractors.display import Display
from ipl_extractors.rows import Anchor
from ipl_extractors.strokes import Luma, Mask, box_of, near, own_span, runs

__all__ = ["Crop", "line_crop", "without_scene"]

TIGHT = 0.12
"""How much of a line's crop is cut off above and below, as a share of the line's height: half of what is beside it.

But nothing of the line: the accent of a capital stands there, and the hook of an ogonek.
"""
OUTLINE_PX = 2
"""What is left of the margin beyond the line's ink."""
FAINT_LUMA = 120
"""Text that is brighter by less than what is behind it is made so much brighter: red on a black box."""
OPEN = 0.65
"""How bright the scene is at least where nothing closes it off, from the outlines' luma, 0, to the letters', 1."""
LEAKING = 0.5
"""Letters of whose strokes a larger share can be reached from beside the line have no outlines all around."""
LETTER = 0.35
"""What is as wide, as a share of a line's height, is a letter; slits between letters are narrower."""
LOST = 0.2
"""By how much farther a line without the scene is off its anchor where that took letters, as a share of its height."""


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
    margin = round(TIGHT * look.line_height)
    # At the band's edges there is no margin to cut.
    above, below = margin if box.top > 0 else 0, margin if box.bottom < len(display.stack) else 0
    tight = slice(above, len(stack) - below)
    if not strokes.any():
        return Crop(stack[tight], display.picture[rows, columns], stack, strokes, (0, stack.shape[1]))
    bright = 255 - stack if look.dark else stack
    around = near(strokes)
    luma, behind = _lumas(strokes, around, bright)
    if luma - behind < FAINT_LUMA:
        stretch = FAINT_LUMA / max(1.0, luma - behind)
        bright = np.clip(behind + (bright.astype(np.float32) - behind) * stretch, 0, 255).astype(np.uint8)
        luma = behind + FAINT_LUMA
    elif not look.bare:
        scene = _scene_beside(strokes, bright, luma, behind)
        if _holds_letters(scene, strokes, look.line_height):
            scene[:] = False
        elif look.anchor is not None:
            scene = _not_at_anchor(scene, strokes, replace(look.anchor, x=look.anchor.x - box.left), look.line_height)
        strokes = strokes & ~scene
        around = near(strokes) & ~scene
        bright = _painted(bright, near(scene, 1) & ~strokes, behind)
    inked = np.flatnonzero(strokes.any(axis=0))
    ink: Mask = strokes & (bright >= (luma + behind) / 2)
    tight = _with_all(ink, tight)
    read, wiped = (255 - each if look.dark else each for each in (bright, _painted(bright, ~around, behind)))
    return Crop(read[tight], display.picture[rows, columns], wiped, ink, (int(inked[0]), int(inked[-1]) + 1))


def without_scene(display: Display, look: Look) -> Mask:
    """A display's strokes without what is seen of the scene beside its letters and between them: bool [H, W].

    Between two lines it may look like one more.
    """
    strokes = display.strokes
    if not strokes.any():
        return strokes
    box = _with_margin(box_of(strokes), look.line_height // 4, strokes.shape)
    place = slice(box.top, box.bottom), slice(box.left, box.right)
    bright = 255 - display.stack[place] if look.dark else display.stack[place]
    luma, behind = _lumas(strokes[place], near(strokes[place]), bright)
    if look.bare or luma - behind < FAINT_LUMA:
        return strokes
    alone = strokes.copy()
    alone[place] &= ~_scene_beside(strokes[place], bright, luma, behind)
    return alone


def _with_margin(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    """The box with a margin on all sides, within a band of a shape."""
    left, top, right, bottom = box
    height, width = shape
    return Box(max(0, left - margin), max(0, top - margin), min(width, right + margin), min(height, bottom + margin))


def _lumas(strokes: Mask, around: Mask, bright: Luma) -> tuple[float, float]:
    """How bright letters are, of which there are some, and what is behind them, of which some is `around` them."""
    beside = around & ~strokes
    behind = float(np.percentile(bright[beside], 25)) if beside.any() else 0.0
    return float(np.median(bright[strokes])), behind


def _with_all(ink: Mask, rows: slice) -> slice:
    """Some rows of a crop, and those around them that all of the line's ink is in.

    What reaches to the crop's edge is of the lines above and below.
    """
    import cv2

    _, labels = cv2.connectedComponents(ink.view(np.uint8))
    others = np.unique(np.concatenate([labels[0], labels[-1]]))
    own = np.flatnonzero((ink & ~np.isin(labels, others[others > 0])).any(axis=1))
    if not len(own):
        return rows
    first, end = int(own[0]) - OUTLINE_PX, int(own[-1]) + 1 + OUTLINE_PX
    return slice(max(0, min(rows.start, first)), min(len(ink), max(rows.stop, end)))


def _scene_beside(strokes: Mask, bright: Luma, luma: float, behind: float) -> Mask:
    """Marks what of the scene is seen beside outlined letters, and between them.

    It is all that is bright and that outlines do not close off from the crop's edges; nothing where that would be much
    of the letters too. Pieces that letters close off on all sides stay: told by their luma, thin letters went too.
    """
    import cv2

    _, labels = cv2.connectedComponents((bright > behind + OPEN * (luma - behind)).view(np.uint8), connectivity=4)
    at_edges = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    scene: Mask = np.isin(labels, at_edges[at_edges > 0])
    if np.count_nonzero(strokes & scene) > LEAKING * np.count_nonzero(strokes):
        return np.zeros_like(strokes)
    return scene


def _holds_letters(scene: Mask, strokes: Mask, line_height: int) -> bool:
    """Whether there is a letter's width within a line where nothing is left without the scene.

    There an outline is too faint over what is as bright as the letters, and more of them may have lost a part.
    """
    gone, left = (mask.any(axis=0) for mask in (strokes & scene, strokes & ~scene))
    inked = np.flatnonzero(left)
    inside = np.flatnonzero(gone & ~left)
    inside = inside[(inside > inked[0]) & (inside < inked[-1])] if len(inked) else inside
    return any(run[-1] + 1 - run[0] >= LETTER * line_height for run in runs(inside, OUTLINE_PX))


def _not_at_anchor(scene: Mask, strokes: Mask, anchor: Anchor, line_height: int) -> Mask:
    """The scene without what stands at a line's ends, where the line without it is farther from the anchor.

    A letter's outline may be too faint over what is brighter than the letter; but where lines begin, letters stand.
    """
    columns, kept = (np.flatnonzero(mask.any(axis=0)) for mask in (strokes, strokes & ~scene))
    if not len(kept) or len(kept) == len(columns):
        return scene
    whole, rest = (own_span(each, line_height, anchor) for each in (columns, kept))
    if anchor.off(*rest) <= anchor.off(*whole) + LOST * line_height:
        return scene
    left = scene.copy()
    left[:, max(0, whole[0] - OUTLINE_PX) : rest[0]] = False
    left[:, rest[1] + 1 : whole[1] + 1 + OUTLINE_PX] = False
    return left


def _painted(bright: Luma, area: Mask, luma: float) -> Luma:
    """The picture with an area painted over, softly at its edges."""
    import cv2

    softly = cv2.GaussianBlur(area.astype(np.float32), (0, 0), 0.8)
    painted: Luma = (softly * luma + (1 - softly) * bright).astype(np.uint8)
    return painted
