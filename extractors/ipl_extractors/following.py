"""Follows the text in a band by its own strokes, frame by frame, not by the picture around it.

Text stays where it is while it is shown, so the strokes that two samples of the band share are text (or still
background), whatever moves behind it. New text is looked for in samples; that a text is still there is seen in
every frame, and cheaply, by how much its own strokes stand out. Both ends of a display are found in that curve:

    level of its strokes   ▁▁▁▂▅▇▇▇▇▇▇▇▇▆▇▇▇▇▁▁▁
    half of the usual      ····|··············|··
    displayed                  start          end

Shapes: H rows, W columns of the band.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from ipl.mining.media import Box
from ipl_extractors.rows import Anchor
from ipl_extractors.strokes import (
    Luma,
    Mask,
    contrast,
    fewest_strokes,
    kernel_side,
    near,
    one_colour,
    stroke_mask,
    text_strokes,
)

__all__ = ["Display", "follow"]

SAMPLE_MS = 100
"""How often new text is looked for; it must show in two samples."""
STILL = 0.6
"""The share of its strokes that a text has in common with itself a sample later; background may add some."""
KEPT = 0.7
"""Text is still there while this share of its strokes is."""
ADDED = 0.5
ADDED_LETTERS = 10
"""New strokes, as a share of the old ones or as so many letters, from which on it is another text, though the
old strokes stay: they may be a still background, or an upper line."""
NUM_STACKED = 8
MOST = 0.6
"""The share of samples in which a pixel must be a stroke: where the background is as bright, some come and go."""
NUM_LEVELS = 25
"""Over how many frames the usual level of a text is taken."""


@dataclass(frozen=True, slots=True)
class Display:
    """One text while it is shown, from the first frame that shows it to the first that does not.

    `strokes` is bool [H, W]; `stack` and `picture` are uint8 [H, W]: what several frames have in common (their
    least luma, of dark text the greatest), so that what moves behind the text cancels, and one frame as it is.
    """

    start_ms: float
    end_ms: float
    strokes: Mask
    stack: Luma
    picture: Luma


def follow(
    frames: Iterable[tuple[float, Luma]],
    line_height: int,
    anchor: Anchor | None = None,
    marks: Sequence[Box] = (),
    dark: bool = False,
) -> Iterator[Display]:
    """Yields each text while it stands still, from every frame of the band (time in ms, uint8 [H, W])."""
    look = _Look(line_height, anchor, tuple(marks), dark)
    shown: _Shown | None = None
    before: _Frame | None = None  # the last sample
    recent: list[_Frame] = []  # all frames since the sample before that one
    frame: _Frame | None = None
    for time_ms, luma in frames:
        frame = _Frame(time_ms, luma, look)
        recent.append(frame)
        if shown is not None and not shown.is_in(frame):
            yield shown.ended(time_ms)
            shown, before, recent = None, None, [frame]
        if before is not None and time_ms < before.time_ms + SAMPLE_MS:
            continue
        if shown is not None and before is not None:
            changed = shown.change(before, frame, recent)
            if changed is None:
                shown.extend(frame)
            else:
                yield shown.ended(changed)
                shown, recent = None, [each for each in recent if each.time_ms >= changed]
                before = before if before.time_ms >= changed else None
        if shown is None and before is not None:
            strokes = look.text(before.mask & frame.mask)
            if np.count_nonzero(strokes) >= look.fewest and _is_still(strokes, before, frame):
                shown = _Shown(strokes, [before, frame], recent, look)
        recent = [each for each in recent if before is None or each.time_ms >= before.time_ms]
        before = frame
    if shown is not None and frame is not None:
        yield shown.ended(frame.time_ms + _frame_ms(recent))


def _is_still(strokes: Mask, *frames: _Frame) -> bool:
    """Whether the strokes are most of what is there in each frame; of a sign that moves they are what overlaps."""
    around = near(strokes)
    fewest = min(int(np.count_nonzero(frame.mask & around)) for frame in frames)
    return int(np.count_nonzero(strokes)) >= STILL * fewest


def _frame_ms(recent: Sequence[_Frame]) -> float:
    return (recent[-1].time_ms - recent[0].time_ms) / (len(recent) - 1) if len(recent) > 1 else 0.0


@dataclass(frozen=True)
class _Look:
    """How strokes are looked for."""

    line_height: int
    anchor: Anchor | None
    marks: tuple[Box, ...]
    dark: bool

    @property
    def fewest(self) -> int:
        return fewest_strokes(self.line_height)

    def text(self, mask: Mask) -> Mask:
        """What of a mask may be letters of a text."""
        if np.count_nonzero(mask) < self.fewest:
            return mask
        return text_strokes(mask, self.line_height, self.anchor)


@dataclass
class _Frame:
    """A frame of the band; its strokes are found when they are first asked for."""

    time_ms: float
    luma: Luma
    look: _Look

    @cached_property
    def mask(self) -> Mask:
        """Its strokes, bool [H, W]."""
        contrasts = contrast(self.luma, self.look.line_height, self.look.dark)
        mask = stroke_mask(contrasts, self.look.line_height, self.look.marks)
        return one_colour(mask, self.luma, self.look.dark)

    def level(self, where: _Where) -> float:
        """How much it stands out where a text's strokes are, on the mean."""
        import cv2

        found = contrast(self.luma[where.rows, where.columns], self.look.line_height, self.look.dark)
        return float(cv2.mean(found, where.mask)[0])


class _Where:
    """Some pixels of the band, and the rectangle around them that tells how they stand out."""

    def __init__(self, pixels: Mask, look: _Look) -> None:
        margin = kernel_side(look.line_height)
        rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
        self.rows = slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin)
        self.columns = slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin)
        self.mask = np.ascontiguousarray(pixels[self.rows, self.columns]).view(np.uint8)


class _Shown:
    """A text while it is followed. `recent` are the frames among which it began."""

    def __init__(self, strokes: Mask, stacked: list[_Frame], recent: list[_Frame], look: _Look) -> None:
        self.stacked = stacked
        self.look = look
        self._recent = recent
        self._skipped = 1
        self._votes = 2 * strokes.astype(np.uint8)
        self._set_strokes(strokes)

    def _set_strokes(self, strokes: Mask) -> None:
        self.strokes = strokes
        self._where = _Where(strokes, self.look)
        self._levels = [frame.level(self._where) for frame in self.stacked[1:]]

    def is_in(self, frame: _Frame) -> bool:
        """Whether the text still stands out in a frame."""
        level = frame.level(self._where)
        self._levels.append(level)
        return level >= 0.5 * median(self._levels[-NUM_LEVELS:])

    def change(self, before: _Frame, now: _Frame, recent: Sequence[_Frame]) -> float | None:
        """Returns from when on another text is shown, None where it is still this one."""
        fewest = self.look.fewest
        size = np.count_nonzero(self.strokes)
        added = self.look.text(now.mask & before.mask & ~near(self.strokes))
        if np.count_nonzero(self.strokes & now.mask) < KEPT * size:
            lost = self.strokes & ~near(now.mask)
            return _turn(recent, lost if np.count_nonzero(lost) >= fewest else self.strokes & ~now.mask, self.look)
        if np.count_nonzero(added) > min(ADDED * size, ADDED_LETTERS * fewest):
            return _turn(recent, added, self.look)
        return None

    def extend(self, frame: _Frame) -> None:
        """Goes on with a sample: what moves behind the text falls away from its strokes and out of the stack."""
        if len(self.stacked) < NUM_STACKED:
            self.stacked.append(frame)
            self._votes += frame.mask
            strokes = self.look.text(self._votes > MOST * len(self.stacked))
            if np.count_nonzero(strokes) >= self.look.fewest:
                self._set_strokes(strokes)
        elif self._skipped >= NUM_STACKED and len(self.stacked) < 2 * NUM_STACKED:
            self.stacked.append(frame)
            self._skipped = 0
        self._skipped += 1

    def ended(self, end_ms: float) -> Display:
        """Closes the display."""
        usual = median(self._levels)
        start_ms = self.stacked[-1].time_ms
        for frame in reversed(self._recent):
            if frame.level(self._where) < 0.5 * usual:
                break
            start_ms = frame.time_ms
        pictures = [frame.luma for frame in self.stacked]
        # The first and the last may show it fading.
        inner = pictures[1:-1] if len(pictures) > 3 else pictures
        stack = np.maximum.reduce(inner) if self.look.dark else np.minimum.reduce(inner)
        return Display(start_ms, end_ms, self.strokes, stack, inner[len(inner) // 2])


def _turn(recent: Sequence[_Frame], pixels: Mask, look: _Look) -> float:
    """Returns the time of the first frame after which the pixels' level is that of the other side."""
    where = _Where(pixels, look)
    levels = [frame.level(where) for frame in recent]
    half = (max(levels) + min(levels)) / 2
    is_last_high = levels[-1] >= half
    at = len(levels) - 1
    while at > 0 and (levels[at - 1] >= half) == is_last_high:
        at -= 1
    return recent[at].time_ms
