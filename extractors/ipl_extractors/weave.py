"""Text that does not stand quite still: on prints of film, which weave as they run, and on tapes.

It moves by a few pixels, to and fro. Frames of such a band are put one upon the other by its text, before they are
compared.

Shapes: H rows, W columns of the band.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ipl.mining.media import Box, frames
from ipl.records import MediaInfo
from ipl_extractors.band_frame import Frame, Look
from ipl_extractors.display import Display
from ipl_extractors.sightings import Sighting
from ipl_extractors.strokes import Luma, Mask, box_of, contrast

__all__ = ["aligned", "put_upon", "stays", "weaves"]

REACH = 0.15
"""How far it moves at the most, as a share of the line's height."""
LIKENESS = 0.7
"""The correlation of a text with itself where it has moved to."""
SAMPLES_PER_S, NUM_SAMPLES = 12.0, 8
"""How often, and in how many samples, it is looked where a text that was seen stands."""
ENOUGH, MOST_SEEN = 6, 2
"""So many samples that show a text tell; so many of the texts that were seen are looked at, as one may end at once."""
FEWEST_MOVES, TO_AND_FRO = 3, 2.0
"""What weaves has moved in so many samples, and on its way so many times as far as from one end to the other."""

FEWEST_SEEN = 2
"""So many texts that stand still are no coincidence."""

Picture = npt.NDArray[np.uint8]


def stays(pictures: Sequence[Picture], lines: Mapping[int, Box], look: Look) -> bool:
    """Whether each of some lines stands where it does in the next picture, those of two pictures or more.

    `lines` has a line's box by the number of its picture, uint8 [H, W, 3].
    """
    places = (_places(pictures[number : number + 2], box, look) for number, box in lines.items())
    seen = [each for each in places if len(each) > 1]
    return len(seen) >= FEWEST_SEEN and not any(each.any() for each in seen)


def weaves(media: MediaInfo, box: Box, look: Look, sightings: Iterable[Sighting]) -> bool:
    """Whether the text in a band, of which some was seen, in pixels of the picture, moves to and fro."""
    for seen in sorted(sightings, key=lambda each: each.time_ms)[:MOST_SEEN]:
        sampled = frames(
            media.path,
            SAMPLES_PER_S,
            crop=box,
            start_ms=round(seen.time_ms),
            most=NUM_SAMPLES,
            only_references=True,
            on_damage=lambda _: None,
        )
        left, top, right, bottom = seen.reading.box
        line = Box(left, max(0, top - box.top), right, min(bottom, box.bottom) - box.top)
        places = _places([picture for _, picture in sampled], line, look)
        if _moves_to_and_fro(places):
            return True
        if len(places) >= ENOUGH:
            break
    return False


def _places(pictures: Sequence[Picture], line: Box, look: Look) -> npt.NDArray[np.int64]:
    """By how many pixels, [N, 2], a line stands off its place in the first picture, in those that show it."""
    reach = _reach(look)
    around = Box(max(0, line.left - reach), max(0, line.top - reach), line.right + reach, line.bottom + reach)
    cut = [picture[around.top : around.bottom, around.left : around.right] for picture in pictures]
    stand_out = [contrast(each.max(axis=2), look.line_height, look.dark) for each in cut]
    own = Box(line.left - around.left, line.top - around.top, line.right - around.left, line.bottom - around.top)
    offsets = [_offset(each, stand_out[0], own, reach) for each in stand_out]
    return np.array([offset for offset, likeness in offsets if likeness >= LIKENESS], np.int64).reshape(-1, 2)


def _moves_to_and_fro(places: npt.NDArray[np.int64]) -> bool:
    """Whether places, [N, 2], are those of something that comes back again and again, and neither drifts nor slides in.

    >>> _moves_to_and_fro(np.array([[0, 0], [1, 0], [0, 0], [1, 0], [-1, 0], [1, 0]]))
    True
    >>> _moves_to_and_fro(np.array([[0, 0], [1, 0], [2, 0], [2, 0], [3, 0], [4, 0]]))
    False
    """
    if len(places) < 2:
        return False
    steps = np.abs(np.diff(places, axis=0))
    far = np.ptp(places, axis=0)
    is_moving = np.count_nonzero(steps, axis=0) >= FEWEST_MOVES
    return bool((is_moving & (steps.sum(axis=0) >= TO_AND_FRO * far)).any())


def aligned(frame: Frame, strokes: Mask) -> Frame:
    """A frame moved by so little that what it shows best stands where strokes do, bool [H, W]."""
    whole = frame.as_it_came()
    (across, down), _ = _offset(whole.contrasts, _drawn(strokes), box_of(strokes), _reach(frame.look))
    if not (across or down):
        return whole
    return Frame(frame.time_ms, _moved(whole.picture, across, down), frame.look, whole.picture)


def put_upon(display: Display, other: Display, look: Look) -> Display:
    """A display moved by so little that it stands where another does, if the two are alike; else as it is."""
    if not (display.strokes.any() and other.strokes.any()):
        return display
    shown, others = _drawn(display.strokes), _drawn(other.strokes)
    (across, down), likeness = _offset(shown, others, box_of(other.strokes), _reach(look))
    if likeness < LIKENESS or not (across or down):
        return display

    def moved(picture: Luma) -> Luma:
        return _moved(picture, across, down)

    return replace(
        display,
        strokes=_moved(display.strokes, across, down),
        stack=moved(display.stack),
        picture=moved(display.picture),
        early=moved(display.early),
        late=moved(display.late),
        before=None if display.before is None else moved(display.before),
        after=None if display.after is None else moved(display.after),
    )


def _drawn(strokes: Mask) -> Luma:
    """Strokes in white on black."""
    return np.where(strokes, np.uint8(255), np.uint8(0))


def _moved(picture: npt.NDArray[Any], across: int, down: int) -> npt.NDArray[Any]:
    """What stands so many columns and rows off, [..., H, W]; the edges are drawn out."""
    rows, columns = (np.arange(size) for size in picture.shape[-2:])
    rows, columns = np.clip(rows + down, 0, rows[-1]), np.clip(columns + across, 0, columns[-1])
    return picture[..., rows[:, None], columns]


def _reach(look: Look) -> int:
    return max(1, round(REACH * look.line_height))


def _offset(shown: Luma, other: Luma, box: Box, reach: int) -> tuple[tuple[int, int], float]:
    """How many columns and rows off its place in another picture something stands, and how alike the two are."""
    import cv2

    around = cv2.copyMakeBorder(shown, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    around = around[box.top : box.bottom + 2 * reach, box.left : box.right + 2 * reach]
    inner = other[box.top : box.bottom, box.left : box.right]
    _, likeness, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(around, inner, cv2.TM_CCOEFF_NORMED))
    return (column - reach, row - reach), likeness
