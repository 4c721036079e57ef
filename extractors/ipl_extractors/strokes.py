"""Follows the text in a band by its own strokes, not by the picture around it.

A stroke is a thin bright structure: what a white top-hat leaves. Text stays where it is while it is shown, so the
strokes that two consecutive samples share are text (or still background), whatever moves behind it.
Shapes: H rows, W columns of the band.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ipl.mining.media import Box

__all__ = ["Display", "follow", "line_boxes", "overlap", "stroke_mask"]

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

CONTRAST = 50
"""How much brighter than what surrounds it a stroke is, of 255."""
KEPT = 0.7
"""Text is still there while this share of its strokes is."""
ADDED = 0.5
ADDED_LETTERS = 5
"""New strokes, as a share of the old ones or as so many letters, from which on it is another text, though the
old strokes stay: they may be a still background, or an upper line."""
NUM_PICTURES = 8


@dataclass(slots=True)
class Display:
    """One text while it is shown: its strokes (bool [H, W]) and the first few pictures of it (uint8 [H, W, 3])."""

    start_ms: int
    end_ms: int
    strokes: Mask
    pictures: list[Picture] = field(default_factory=list)


def fewest_strokes(line_height: int) -> int:
    """Returns how many pixels the strokes of one thin letter have."""
    return max(2, line_height * line_height // 20)


def stroke_mask(picture: Picture, line_height: int, marks: Sequence[Box] = ()) -> Mask:
    """Marks the strokes of letters about `line_height` pixels high in a picture; `marks` are left out."""
    import cv2

    size = max(3, line_height // 4) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    brightest = np.ascontiguousarray(picture.max(axis=2))
    contrast = cv2.morphologyEx(brightest, cv2.MORPH_TOPHAT, kernel)
    # Between letters with dark outlines the background looks like a stroke, but a fainter one than theirs.
    strongest = np.partition(contrast, -fewest_strokes(line_height), axis=None)[-fewest_strokes(line_height)]
    mask: Mask = contrast > max(CONTRAST, strongest // 2)
    for left, top, right, bottom in marks:
        mask[max(0, top) : bottom, max(0, left) : right] = False
    return mask


def follow(
    samples: Iterable[tuple[int, Picture]], step_ms: int, line_height: int, marks: Sequence[Box] = ()
) -> Iterator[Display]:
    """Yields each text while it stands still, from samples of the band (time in ms, uint8 [H, W, 3]).

    A text must show in two consecutive samples. It changed somewhere between two of them; the middle is taken.
    """
    fewest = fewest_strokes(line_height)
    shown: Display | None = None
    before: tuple[int, Mask, Picture] | None = None  # the last sample, unless it ended a text
    time_ms = 0
    for time_ms, picture in samples:
        mask = stroke_mask(picture, line_height, marks)
        if shown is not None:
            kept = np.count_nonzero(shown.strokes & mask) >= KEPT * np.count_nonzero(shown.strokes)
            grown = before is not None and _has_grown(shown.strokes, mask & before[1], ADDED_LETTERS * fewest)
            if kept and not grown:
                _extend(shown, mask, picture)
            else:
                if kept and before is not None:  # the new text was there a sample ago, and in its picture
                    time_of_change_ms = before[0]
                    shown.pictures = [each for each in shown.pictures if each is not before[2]] or shown.pictures
                else:
                    time_of_change_ms, before = time_ms, None
                shown.end_ms = time_of_change_ms - step_ms // 2
                yield shown
                shown = None
        if shown is None and before is not None:
            strokes = before[1] & mask
            if np.count_nonzero(strokes) >= fewest:
                shown = Display(max(0, before[0] - step_ms // 2), 0, strokes, [before[2], picture])
        before = (time_ms, mask, picture)
    if shown is not None:
        shown.end_ms = time_ms + step_ms // 2
        yield shown


def _extend(shown: Display, mask: Mask, picture: Picture) -> None:
    if len(shown.pictures) < NUM_PICTURES:
        shown.pictures.append(picture)
        shown.strokes &= mask  # what moves behind the text falls away


def _has_grown(old: Mask, new: Mask, enough: int) -> bool:
    import cv2

    near = cv2.dilate(old.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    return bool(np.count_nonzero(new & ~near) > min(ADDED * np.count_nonzero(old), enough))


def overlap(one: Mask, other: Mask) -> float:
    """Returns the share of the fewer strokes that the two have in common, 0 to 1."""
    fewer = min(np.count_nonzero(one), np.count_nonzero(other))
    return np.count_nonzero(one & other) / fewer if fewer else 0.0


def line_boxes(strokes: Mask, line_height: int) -> list[Box]:
    """Returns the boxes of the lines of text that the strokes make, top to bottom."""
    rows = strokes.sum(axis=1)
    # Between two lines hardly a stroke passes, though a hanging letter does: what is much compared with the rows
    # around it is a line. A short line below a long one is only compared with itself.
    reach = line_height // 3
    around = sliding_window_view(np.pad(rows, reach), 2 * reach + 1).max(axis=1)
    inked = np.flatnonzero(rows > np.maximum(0.12 * around, 1))
    if not len(inked):
        return []
    boxes = []
    for run in np.split(inked, np.flatnonzero(np.diff(inked) > max(1, line_height // 10)) + 1):
        top, bottom = int(run[0]), int(run[-1]) + 1
        if bottom - top < 0.25 * line_height:
            continue
        columns = np.flatnonzero(strokes[top:bottom].any(axis=0))
        margin = line_height // 4
        boxes.append(
            Box(
                max(0, int(columns[0]) - margin),
                max(0, top - margin),
                min(strokes.shape[1], int(columns[-1]) + 1 + margin),
                min(strokes.shape[0], bottom + margin),
            )
        )
    return boxes
