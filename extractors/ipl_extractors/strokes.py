"""The strokes of letters: what stands out from the picture around it, and is as thin as letters are.

A stroke of bright text is a thin bright structure: what a white top-hat leaves; one of dark text, what a black
top-hat leaves. Shapes: H rows, W columns of the band.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ipl.mining.media import Box
from ipl_extractors.rows import Anchor

__all__ = [
    "WELL_CENTRED",
    "WIDE_GAP",
    "Luma",
    "Mask",
    "box_of",
    "common_share",
    "contrast",
    "fewest_strokes",
    "near",
    "one_colour",
    "overlap",
    "own_span",
    "runs",
    "stands_at",
    "stroke_mask",
    "text_strokes",
]

Luma = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

CONTRAST, BARE_CONTRAST = 50, 30
"""How much brighter (or darker) than what surrounds it a stroke is, of 255, and one of letters without outlines: the
scene around these may be nearly as bright as they are."""

WIDE_GAP = 0.5
"""A gap wider than one between words, as a share of the line's height."""
WELL_CENTRED = 0.3
"""How far a part of a line may be off the centre to be taken for all of it, as a share of the line's height."""
AT_START = 0.2
"""How far from their start lines begin, as a share of their height, where something stands close before them."""
OFF_CENTRE = 0.25
"""How far a centred line's centre may be off, as a share of its width."""
ONE_COLOUR = 60
"""How far the luma of one text's strokes lies apart; two colours of a karaoke text may differ by as much."""


SHARE_SPREAD = 0.15
"""A fade dims all pixels by the same share, to within so much of the middle one."""


def fewest_strokes(line_height: int) -> int:
    """Returns how many pixels the strokes of one thin letter have."""
    return max(2, line_height * line_height // 40)


def kernel_side(line_height: int) -> int:
    """Returns the side of the square, in pixels, that no stroke of letters so high holds."""
    return max(3, line_height // 4) | 1


def contrast(luma: Luma, line_height: int, dark: bool = False) -> Luma:
    """Returns by how much each pixel stands out as part of a stroke, uint8 [H, W]."""
    import cv2

    kind = cv2.MORPH_BLACKHAT if dark else cv2.MORPH_TOPHAT
    # A rectangle, as it is taken apart into rows and columns: an ellipse takes several times as long.
    found: Luma = cv2.morphologyEx(luma, kind, _square(kernel_side(line_height))).astype(np.uint8, copy=False)
    return found


@cache
def _square(side: int) -> npt.NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)


def stroke_mask(contrasts: Luma, line_height: int, marks: Sequence[Box] = (), bare: bool = False) -> Mask:
    """Marks the strokes of letters about `line_height` pixels high in what `contrast` found; `marks` are left out.

    `bare` letters have no outlines: they stand out from what is behind them alone.
    """
    mask: Mask = contrasts > (BARE_CONTRAST if bare else max(CONTRAST, _strongest(contrasts, line_height) // 2))
    for left, top, right, bottom in marks:
        mask[max(0, top) : bottom, max(0, left) : right] = False
    return mask


def _strongest(contrasts: Luma, line_height: int) -> int:
    """How much the strokes of one thin letter stand out at the least, those that do most; 0 if that is little.

    Between letters with dark outlines the background looks like a stroke, but a fainter one than theirs.
    """
    strong = contrasts[contrasts > 2 * CONTRAST]  # few: to count all pixels takes several times as long
    counts = np.cumsum(np.bincount(strong, minlength=256)[::-1])
    fewest = fewest_strokes(line_height)
    return 255 - int(np.searchsorted(counts, fewest)) if len(strong) >= fewest else 0


def one_colour(mask: Mask, luma: Luma, dark: bool = False) -> Mask:
    """Keeps the strokes that are about as bright as the brightest (or darkest) fifth of them.

    Letters are of one colour. What is seen of the background between their outlines stands out too, but is another.
    """
    inside = luma[mask]
    if not len(inside):
        return mask
    counts = np.cumsum(np.bincount(inside, minlength=256))
    if dark:
        darkest = int(np.searchsorted(counts, 0.2 * len(inside)))
        return mask & (luma <= min(255, darkest + ONE_COLOUR))
    brightest = int(np.searchsorted(counts, 0.8 * len(inside)))
    return mask & (luma >= max(0, brightest - ONE_COLOUR))


def box_of(mask: Mask) -> Box:
    """The box around all strokes of a mask that has some."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def near(mask: Mask, pixels: int = 2) -> Mask:
    """Marks what lies within so many pixels of a mask."""
    import cv2

    grown: Mask = cv2.dilate(mask.view(np.uint8), _square(2 * pixels + 1)).view(bool)
    return grown


def text_strokes(mask: Mask, line_height: int, anchor: Anchor | None = None) -> Mask:
    """Keeps the strokes that are no larger than letters, or words that run together, and stand at the anchor."""
    import cv2

    # In 16 bits it takes a quarter of the processor's time, but not all strokes of a large mask may have numbers in it.
    most = ((mask.shape[0] + 1) // 2) * ((mask.shape[1] + 1) // 2)
    numbers = cv2.CV_16U if most < 2**16 else cv2.CV_32S
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8, ltype=numbers)
    heights, widths = stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_WIDTH]
    # The outlines of a whole line of Chinese may run together; the edge of a box is as wide, but flat.
    large = (heights > 1.2 * line_height) | ((widths > 6 * line_height) & (heights < 0.5 * line_height))
    large[0] = False  # what is no stroke
    kept = mask.copy()
    for number in np.flatnonzero(large):  # mostly none: quicker than to look all pixels' labels up
        left, top, width, height = stats[number, :4]
        around = slice(top, top + height), slice(left, left + width)
        kept[around] &= labels[around] != number
    if anchor is None or not kept.any():
        return kept
    before = _lie_before(anchor, np.asarray(stats, np.int32), line_height)
    is_any_before = bool(before.any())
    for top, bottom in _strips(kept, line_height):
        strip = kept[top:bottom]
        if is_any_before and not _cut_to_lines(strip.copy(), line_height, anchor):
            strip[before[labels[top:bottom]]] = False  # a sign stands close before the line, if it is one
        _cut_to_lines(strip, line_height, anchor)
    return kept


def _cut_to_lines(strip: Mask, line_height: int, anchor: Anchor) -> bool:
    """Wipes out what of some rows stands at no anchor, and returns whether anything does."""
    columns = np.flatnonzero(strip.any(axis=0))
    for run in runs(columns, 2 * line_height):
        first, last = own_span(run, line_height, anchor)
        if not stands_at(anchor, first, last, line_height):
            last = first - 1
        strip[:, run[0] : first] = strip[:, last + 1 : run[-1] + 1] = False
    return bool(strip.any())


def runs(places: npt.NDArray[np.int64], most: float) -> list[npt.NDArray[np.int64]]:
    """Cuts ascending places, [N], where two are further apart than `most`; nothing of none."""
    if not len(places):
        return []
    ends = np.flatnonzero(places[1:] - places[:-1] > most) + 1
    bounds = [0, *ends.tolist(), len(places)]  # np.split takes several times as long
    return [places[begin:end] for begin, end in pairwise(bounds)]


def _lie_before(anchor: Anchor, stats: npt.NDArray[np.int32], line_height: int) -> npt.NDArray[np.bool_]:
    """Which strokes begin before the start, or beyond the end, that lines have in common, and end there at the most."""
    import cv2

    reach = AT_START * line_height
    lefts = stats[:, cv2.CC_STAT_LEFT]
    rights = lefts + stats[:, cv2.CC_STAT_WIDTH]
    if anchor.kind == "left":
        return (lefts < anchor.x - reach) & (rights <= anchor.x + reach)
    if anchor.kind == "right":
        return (rights > anchor.x + reach) & (lefts >= anchor.x - reach)
    return np.zeros(len(lefts), np.bool_)


def own_span(columns: npt.NDArray[np.int64], line_height: int, anchor: Anchor | None) -> tuple[int, int]:
    """Returns the first and the last of a line's inked columns, without what stands beside the line."""
    groups = [(int(run[0]), int(run[-1])) for run in runs(columns, WIDE_GAP * line_height)]
    first, last = groups[0][0], groups[-1][1]
    if anchor is None:
        return first, last
    if anchor.kind == "left":
        starts = [start for start, _ in groups if abs(start - anchor.x) <= line_height]
        return (starts[0] if starts else first), last
    if anchor.kind == "right":
        ends = [end for _, end in groups if abs(end - anchor.x) <= line_height]
        return first, (ends[-1] if ends else last)
    if abs((first + last) / 2 - anchor.x) <= line_height:
        return first, last
    spans = [(one[0], other[1]) for at, one in enumerate(groups) for other in groups[at:]]
    centred = [span for span in spans if abs(sum(span) / 2 - anchor.x) <= WELL_CENTRED * line_height]
    return max(centred, key=lambda span: span[1] - span[0], default=(first, last))


def stands_at(anchor: Anchor, first: int, last: int, line_height: int) -> bool:
    """Whether strokes from column `first` to `last` start, end, or have their centre, at the anchor.

    A line may have some more at one end, of what is behind it; a title may well reach across the anchor.
    """
    most = max(line_height, OFF_CENTRE * (last - first)) if anchor.kind == "centre" else line_height
    return anchor.off(first, last) <= most


def _strips(mask: Mask, line_height: int) -> list[tuple[int, int]]:
    """Cuts a mask where no stroke is for some rows: between lines, where nothing behind them joins them."""
    rows = np.flatnonzero(mask.any(axis=1))
    return [(int(run[0]), int(run[-1]) + 1) for run in runs(rows, max(1, line_height // 8))]


def overlap(one: Mask, other: Mask) -> float:
    """Returns the share of the fewer strokes that the two have in common, 0 to 1."""
    fewer = min(np.count_nonzero(one), np.count_nonzero(other))
    return np.count_nonzero(one & other) / fewer if fewer else 0.0


def common_share(dim: Luma, clear: Luma, least: float) -> float | None:
    """By which share of what they do elsewhere pixels stand out; None where a share of less than `least` agrees."""
    shares = dim / np.maximum(clear, 1)
    share = float(np.median(shares))
    return share if np.mean(np.abs(shares - share) <= SHARE_SPREAD) >= least else None
