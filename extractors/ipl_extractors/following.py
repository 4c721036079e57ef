"""Follows the text in a band by its own strokes, frame by frame, not by the picture around it.

Text stays where it is while it is shown, so the strokes that two samples of the band share are text (or still
background), whatever moves behind it. New text is looked for in samples; that a text is still there is seen in
every frame, and cheaply, by how much its own strokes stand out. Both ends of a display are found in that curve:

    level of its strokes   ▁▁▁▂▅▇▇▇▇▇▇▇▇▆▇▇▇▇▁▁▁
    half of the usual      ····|··············|··
    displayed                  start          end

A text that fades out and in at once never falls to half; but all of its pixels go dim alike, and come back.

Shapes: H rows, W columns of the band.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ipl_extractors.band_frame import Frame, Look, Picture
from ipl_extractors.display import Display
from ipl_extractors.followed_text import FollowedText
from ipl_extractors.persistent import Persistent
from ipl_extractors.strokes import Mask, near
from ipl_extractors.weave import aligned

__all__ = ["Follower", "follow"]

SAMPLE_MS = 100
"""How often new text is looked for; it must show in two samples."""
STILL = 0.6
"""The share of its strokes that a text has in common with itself a sample later; background may add some."""
ENOUGH_GROWN = 2
"""So many texts that were written word by word are no coincidence."""


def follow(frames: Iterable[tuple[float, Picture]], look: Look) -> Iterator[Display]:
    """Yields each text while it stands still, from every frame of the band (time in ms, and its picture)."""
    follower = Follower(look)
    for time_ms, picture in frames:
        yield from follower.push(time_ms, picture)
    yield from follower.end()


class Follower:
    """Takes the frames of a band one by one, and gives each text when its display is over."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._shown: FollowedText | None = None
        self._before: Frame | None = None  # the last sample
        self._recent: list[Frame] = []  # all frames since the sample before that one
        self._last: Frame | None = None
        self._prior: Frame | None = None  # the last frame before the recent ones
        self._blank = Persistent()
        self._num_grown = 0

    @property
    def always_on(self) -> Mask:
        """What stands out nearly always while no text is shown, bool [H, W], or [1, 1] where that is not known."""
        return self._blank.always

    @property
    def _are_written(self) -> bool:
        """Whether texts of this band are written word by word."""
        return self._num_grown >= ENOUGH_GROWN

    def push(self, time_ms: float, picture: Picture) -> Iterator[Display]:
        """Yields the text whose display a frame ends; there may be two, if another began and ended just before."""
        frame = self._last = self._steadied(Frame(time_ms, picture, self._look))
        self._recent.append(frame)
        if self._shown is not None and not self._shown.is_in(frame):
            gone_ms = self._shown.gone(self._recent)
            after = next(each for each in self._recent if each.time_ms >= gone_ms)
            yield self._ended(gone_ms, after)
            self._forget(gone_ms)
            self._shown, self._before = None, None
            frame = self._released()
        if self._shown is not None and (since := self._shown.since_dip(frame)):
            yield self._ended(since[0].time_ms, None)
            self._shown = FollowedText(self._shown.strokes, since[-2:], since[1:], None, self._look, self._are_written)
        before = self._before
        if before is not None and time_ms < before.time_ms + SAMPLE_MS:
            return
        if self._shown is not None and before is not None:
            changed = self._shown.change(before, frame, self._recent)
            if changed is None:
                self._shown.extend(frame)
            else:
                yield self._ended(changed, frame)
                self._shown = None
                self._forget(changed)
                self._before = before if before.time_ms >= changed else None
                frame, before = self._released(), self._before
        if self._shown is None and before is not None:
            strokes = self._look.text(before.mask & frame.mask)
            if np.count_nonzero(strokes) >= self._look.fewest and _is_still(strokes, before, frame):
                if self._look.weaves:
                    self._recent = [aligned(each, strokes) for each in self._recent]
                self._shown = FollowedText(
                    strokes, [before, frame], self._recent, self._prior, self._look, self._are_written
                )
            else:
                self._blank.add(before.mask)  # not this frame's, in which a text may have begun
        if before is not None:
            self._forget(before.time_ms)
        self._before = frame.as_it_came() if self._shown is None else frame

    def _steadied(self, frame: Frame) -> Frame:
        """A frame, if the band weaves, moved to where the text stands that is shown, or may be in the last sample."""
        if not self._look.weaves:
            return frame
        if self._shown is not None:
            return aligned(frame, self._shown.strokes)
        strokes = None if self._before is None else self._look.text(self._before.mask)
        return frame if strokes is None or not strokes.any() else aligned(frame, strokes)

    def _released(self) -> Frame:
        """The last frame, when the text is gone that all were moved to: what weaves is put upon the last sample."""
        if self._look.weaves:
            frames = [each.as_it_came() for each in self._recent]
            self._before = next(
                (each for each in frames if self._before and each.time_ms == self._before.time_ms), None
            )
            self._recent = [each if each is self._before else self._steadied(each) for each in frames]
            self._last = self._recent[-1]
        return self._recent[-1]

    def _ended(self, end_ms: float, after: Frame | None) -> Display:
        assert self._shown is not None, "a text is shown"
        display = self._shown.ended(end_ms, after, self._recent)
        self._num_grown += display.has_grown
        return display

    def _forget(self, until_ms: float) -> None:
        """Forgets the frames before a time, all but the last of them."""
        self._prior = next((each for each in reversed(self._recent) if each.time_ms < until_ms), self._prior)
        self._recent = [each for each in self._recent if each.time_ms >= until_ms]

    def end(self) -> Iterator[Display]:
        """Yields what is shown up to the last frame."""
        if self._shown is not None and self._last is not None:
            yield self._ended(self._last.time_ms + _frame_ms(self._recent), None)
            self._shown = None


def _is_still(strokes: Mask, *frames: Frame) -> bool:
    """Whether the strokes are most of what is there in each frame; of a sign that moves they are what overlaps."""
    around = near(strokes)
    fewest = min(int(np.count_nonzero(frame.mask & around)) for frame in frames)
    return int(np.count_nonzero(strokes)) >= STILL * fewest


def _frame_ms(recent: Sequence[Frame]) -> float:
    return (recent[-1].time_ms - recent[0].time_ms) / (len(recent) - 1) if len(recent) > 1 else 0.0
