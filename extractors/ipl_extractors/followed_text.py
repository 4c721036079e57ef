"""A text while it is followed: whether it is still there, or has changed, what it is made of, and when it was shown.

Shapes: H rows, W columns of the band.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import numpy as np

from ipl_extractors.band_frame import Frame, Look, Where
from ipl_extractors.display import Display
from ipl_extractors.growing import next_words
from ipl_extractors.readings import LEAST_MS
from ipl_extractors.strokes import CONTRAST, Luma, Mask, common_share, contrast, near

__all__ = ["ADDED_LETTERS", "FollowedText"]

KEPT = 0.7
"""Text is still there while this share of its strokes is."""
ROW_KEPT = 0.5
"""And this share of those on the row where every text has a line: a line and a board are no text when its line goes."""
ADDED = 0.5
ADDED_LETTERS = 10
"""New strokes, as a share of the old ones or as so many letters, from which on it is another text, though the
old strokes stay: they may be a still background, or an upper line."""
NUM_STACKED, NUM_SKIPPED = 8, 4
"""So many samples of a text are looked at one after the other, and then one of so many."""
MOST = 0.6
"""The share of samples in which a pixel must be a stroke: where the background is as bright, some come and go."""
SUDDEN = 0.25
"""A drop of a text's level from one frame to the next by this share is its end, unlike the steps of a fade."""
AT_ONCE = 0.5
"""A text's level rises by this share of what it is from one frame to the next where it comes without a fade."""
STAYED = 0.75
"""A pixel comes at once that stood out less than the rest of this share before it stands out."""
CLEAR = 0.8
"""A text that stands out by this share of the most it does is clear: neither blurred, nor fading, nor hardly seen."""
DIMMEST = 0.4
"""Text that is displayed stands out by this share, or more, of what it does where it is clear: half at its begin."""
PURE = 0.6
"""Luma is this share, or less, of the brightest part of colours that it tells too little of: red, blue, purple."""
NUM_FADING = 3
"""In so many samples, less one, a text has come out, or begins to go."""
MOST_APART = 4
"""So many of the words that came last are followed each by itself: if one goes, it is another text's turn."""
NUM_UNSEEN = 2
"""In so many samples after the last word comes what is too small to be seen coming: a full stop."""
NUM_LEVELS = 25
"""Over how many frames the usual level of a text is taken."""
DIP_MS = 400
"""Two fades of a text that meet, its out and its in, are over in so much time."""
DIP, STEADY = 0.85, 0.03
"""A level dips that falls below the one share of what it was, and comes back; it is steady within the other."""
FADED = 0.9
"""A fade dims all pixels by the same share: so many of them, as a share, by nearly the same."""


class FollowedText:
    """A text while it is followed. `recent` are the frames among which it began, `prior` is the one before them.

    `may_wait`: its second word may keep people waiting, as others of the band were written word by word.
    """

    def __init__(
        self, strokes: Mask, stacked: list[Frame], recent: list[Frame], prior: Frame | None, look: Look, may_wait: bool
    ) -> None:
        self.stacked = stacked
        self.look = look
        self._recent = recent
        self._prior = prior
        self._seen_ms = stacked[-1].time_ms
        self._may_wait = may_wait
        self._skipped = 1
        self._early, self._latest = stacked[-1], stacked
        self._votes = 2 * strokes.astype(np.uint8)
        self._trail: list[tuple[Frame, float]] = []
        self._written: list[Mask] = []  # what was added to it word by word
        self._complete: list[Frame] = []  # samples since the last word came
        self._set_strokes(strokes)

    def _set_strokes(self, strokes: Mask) -> None:
        self.strokes = strokes
        self._where = Where(strokes, self.look)
        self._levels = [frame.level(self._where) for frame in self.stacked[1:]]

    def is_in(self, frame: Frame) -> bool:
        """Whether the text still stands out in a frame."""
        level = frame.level(self._where)
        self._levels.append(level)
        return level >= 0.5 * median(self._levels[-NUM_LEVELS:])

    def since_dip(self, now: Frame) -> list[Frame]:
        """The frames since its strokes all went dim and came back, that of the dip first; none where they did not.

        It has faded out and in again: the same text is displayed once more.
        """
        self._trail.append((now, self._levels[-1]))
        while self._trail[-1][0].time_ms - self._trail[0][0].time_ms > DIP_MS:
            del self._trail[0]
        levels = [level for _, level in self._trail]
        at = levels.index(min(levels))
        ends = levels[0], levels[-1]
        if not 1 < at < len(levels) - 2 or levels[at] > DIP * min(ends):
            return []
        falls = all(later <= one + STEADY * ends[0] for one, later in pairwise(levels[: at + 1]))
        rises = all(later >= one - STEADY * ends[1] for one, later in pairwise(levels[at:]))
        is_over = abs(levels[1] - ends[0]) <= STEADY * ends[0] and abs(levels[-2] - ends[1]) <= STEADY * ends[1]
        frames = [frame for frame, _ in self._trail]
        if not (falls and rises and is_over and self._fades(frames[0], frames[at])):
            return []
        self._trail.clear()
        return frames[at:]

    def _fades(self, clear: Frame, dim: Frame) -> bool:
        """Whether all of the text is dimmer in one frame than in another, by about the same share."""
        share = _share(dim, clear, self._where)
        return share is not None and share <= DIP

    def gone(self, recent: Sequence[Frame]) -> float:
        """Returns from when on the text is gone that is not in the last frame of `recent`.

        Another text may have some strokes in common with it, enough to stay unnoticed for some frames.
        """
        levels = [frame.level(self._where) for frame in recent]
        drops = [one - other for one, other in pairwise(levels)]
        if not drops or max(drops) < SUDDEN * median(self._levels):
            return recent[-1].time_ms
        return recent[drops.index(max(drops)) + 1].time_ms

    def change(self, before: Frame, now: Frame, recent: Sequence[Frame]) -> float | None:
        """Returns from when on another text is shown, None where it is still this one."""
        fewest, on_row = self.look.fewest, self.look.on_row
        size = np.count_nonzero(self.strokes)
        is_line_kept = _is_kept(on_row(self.strokes), on_row(now.mask), ROW_KEPT)
        if not (is_line_kept and _is_kept(self.strokes, now.mask)):
            if self._trail and self._fades(self._trail[0][0], now):
                return None  # it is still there by its level, and may come back
            lost = self.strokes & ~near(now.mask)
            return _turn(recent, lost if np.count_nonzero(lost) >= fewest else self.strokes & ~now.mask, self.look)
        gone = [word for word in self._written if self._has(before, word) and not self._has(now, word)]
        if gone:
            return _turn(recent, np.any(gone, axis=0), self.look)
        much = min(ADDED * size, ADDED_LETTERS * fewest)
        added = now.mask & before.mask & ~near(self._text)
        if self._write(added, recent):
            self._complete = [before]
            return None
        if np.count_nonzero(on_row(self._text)) < fewest <= np.count_nonzero(on_row(added)):
            much = fewest  # what has been followed is no text, or not all of one
        if np.count_nonzero(added) > much:
            anchor = self.look.anchor
            if anchor is not None and anchor.kind == "left" and _come_as_one(recent, added, self.look):
                added &= self.look.text(added | self.strokes)  # a text may begin with the strokes of this one
            else:
                added = self.look.text(added)
            if np.count_nonzero(added) > much:
                return _turn(recent, added, self.look)
        return None

    @property
    def _text(self) -> Mask:
        """Its strokes, with the words that were added."""
        return np.logical_or.reduce([self.strokes, *self._written]) if self._written else self.strokes

    def _write(self, added: Mask, recent: Sequence[Frame]) -> bool:
        """Takes what is the next word of the text among strokes that are new; returns whether any is."""
        has_stood = recent[-1].time_ms - self._seen_ms >= LEAST_MS  # long enough to be a text of its own
        if has_stood and not self._written and not self._may_wait:
            return False
        words = next_words(self._text, added, self.look, bool(self._written))
        if words is None or not (_come_as_one(recent, words, self.look) or _come_and_stay(recent, words, self.look)):
            return False
        words &= self.look.text(words | self._text)
        if np.count_nonzero(words) < self.look.fewest:
            return False
        if len(self._written) >= MOST_APART:
            self._written[:2] = [self._written[0] | self._written[1]]
        self._written.append(words)
        return True

    def extend(self, frame: Frame) -> None:
        """Goes on with a sample: what moves behind the text falls away from its strokes and out of the stack."""
        if self._written:
            self._complete = [*self._complete[-NUM_STACKED:], frame]
        self._latest = [*self._latest[1 - NUM_FADING :], frame]
        if len(self.stacked) < NUM_FADING:
            self._early = frame
        if len(self.stacked) < NUM_STACKED:
            self.stacked.append(frame)
            self._votes += frame.mask
            strokes = self.look.text(self._votes > MOST * len(self.stacked))
            if np.count_nonzero(strokes) >= self.look.fewest and not self._written:
                self._set_strokes(strokes)
        elif self._skipped >= NUM_SKIPPED:
            self.stacked.append(frame)
            if len(self.stacked) > 2 * NUM_STACKED:
                levels = self._stacked_levels()
                del self.stacked[levels.index(min(levels))]
            self._skipped = 0
        self._skipped += 1

    def _stacked_levels(self) -> list[float]:
        return [frame.level(self._where) for frame in self.stacked]

    def ended(self, end_ms: float, after: Frame | None, recent: Sequence[Frame]) -> Display:
        """Closes the display; `after` is a frame after it, `recent` are the last ones of it and those since."""
        usual = median(self._levels)
        start_ms, before = self._seen_ms, self._prior
        for frame in reversed(self._recent):
            if frame.level(self._where) < 0.5 * usual:
                before = frame
                break
            start_ms = frame.time_ms
        whole = self._finish_writing([frame for frame in recent if frame.time_ms < end_ms])
        has_grown = whole is not self.stacked
        own = [frame for frame in whole if frame.time_ms < end_ms]
        stacked, (clear, clearest, strokes) = whole, self._seen(whole)
        if 0 < len(own) < len(whole) and not self._show(own, clear, strokes):
            stacked, (clear, clearest, strokes) = own, self._seen(own)
        stack, picture = self._common([frame.luma for frame in clear]), clearest.luma
        if clearest.is_coloured and self._is_faint(stack, strokes) and _are_pure([*clear, clearest], strokes):
            stack, picture = self._common([frame.light for frame in clear]), clearest.light
        return Display(
            start_ms,
            end_ms,
            strokes,
            stack,
            picture,
            early=self._latest[0].contrasts if has_grown else min(self._early, stacked[-1], key=_time).contrasts,
            late=self._latest[0].contrasts,
            before=before.contrasts if before else None,
            after=after.contrasts if after else None,
            has_grown=has_grown,
        )

    def _seen(self, stacked: Sequence[Frame]) -> tuple[list[Frame], Frame, Mask]:
        """Which of some frames are clear, the clearest, and the text's strokes in those."""
        levels = [frame.level(self._where) for frame in stacked]
        clear = [frame for frame, level in zip(stacked, levels, strict=True) if level >= CLEAR * max(levels)]
        votes = np.sum([frame.mask for frame in clear], axis=0)
        strokes = self.look.text(votes > MOST * len(clear))
        strokes = strokes if np.count_nonzero(strokes) >= self.look.fewest else self.strokes
        return clear, stacked[levels.index(max(levels))], strokes

    def _show(self, own: Sequence[Frame], clear: Sequence[Frame], strokes: Mask) -> bool:
        """Whether the frames before its end show the strokes that are seen in clear ones: dimly, as it fades.

        A sample after its end may show the next text, where something was followed for a frame or two.
        """
        where = Where(strokes, self.look)
        return max(frame.level(where) for frame in own) >= DIMMEST * max(frame.level(where) for frame in clear)

    def _finish_writing(self, last: Sequence[Frame]) -> list[Frame]:
        """Takes the words that were added, and have stayed, for the text's, and returns the frames that show all.

        The last word may not show in two samples: it is looked for in the `last` two frames.
        """
        if self._written and len(last) > 1:
            known = near(self._text)
            if self._write(last[-1].mask & last[-2].mask & ~known, last):
                self._complete = self._latest = list(last[-2:])
        words = [word for word in self._written if any(self._has(frame, word) for frame in self._latest)]
        if not words:
            return self.stacked
        self.strokes = np.any([self.strokes, *words], axis=0)
        self._where = Where(self.strokes, self.look)
        return self._complete[NUM_UNSEEN:] if len(self._complete) > 2 * NUM_UNSEEN else self._complete

    def _has(self, frame: Frame, word: Mask) -> bool:
        return _is_kept(word, frame.mask)

    def _is_faint(self, luma: Luma, strokes: Mask) -> bool:
        """Whether a tenth of the strokes hardly stand out."""
        return bool(np.percentile(contrast(luma, self.look.line_height, self.look.dark)[strokes], 10) <= CONTRAST)

    def _common(self, pictures: Sequence[Luma]) -> Luma:
        common: Luma = np.maximum.reduce(pictures) if self.look.dark else np.minimum.reduce(pictures)
        return common


def _is_kept(strokes: Mask, mask: Mask, share: float = KEPT) -> bool:
    """Whether this share of some strokes is still there."""
    return bool(np.count_nonzero(strokes & mask) >= share * np.count_nonzero(strokes))


def _time(frame: Frame) -> float:
    return frame.time_ms


def _are_pure(frames: Sequence[Frame], strokes: Mask) -> bool:
    """Whether many of a text's pixels are of a pure colour: all, or those of a karaoke line that are (not) sung."""
    purity = np.concatenate([frame.luma[strokes] / np.maximum(frame.light[strokes], 1) for frame in frames])
    return bool(np.percentile(purity, 25) <= PURE)


def _share(dim: Frame, clear: Frame, where: Where) -> float | None:
    """By which share of what they do in another frame some pixels stand out; None where it is not nearly one share."""
    return common_share(dim.contrasts_of(where), clear.contrasts_of(where), FADED)


def _come_as_one(recent: Sequence[Frame], pixels: Mask, look: Look) -> bool:
    """Whether all pixels come from one frame to the next, or fade in alike, not bit by bit as those of a sign do."""
    where = Where(pixels, look)
    levels = [frame.level(where) for frame in recent]
    if max((later - one for one, later in pairwise(levels)), default=0.0) >= AT_ONCE * max(levels):
        return True
    shares = [_share(frame, recent[-1], where) for frame in recent]
    return shares[0] is not None and shares[0] <= DIP and None not in shares


def _come_and_stay(recent: Sequence[Frame], pixels: Mask, look: Look) -> bool:
    """Whether each pixel comes from one frame to the next, and stays, as of letters that are written one by one."""
    where = Where(pixels, look)
    shares = np.array([frame.contrasts_of(where) for frame in recent]) / np.maximum(recent[-1].contrasts_of(where), 1)
    are_there = shares >= AT_ONCE
    stays = np.all(are_there[:-1] <= are_there[1:], axis=0)
    first = np.argmax(are_there, axis=0)
    if np.mean(first > 0) < AT_ONCE:  # it was there all along
        return False
    is_sudden = (first == 0) | (shares[np.maximum(first - 1, 0), np.arange(shares.shape[1])] <= 1 - STAYED)
    return bool(np.mean(stays & is_sudden) >= FADED)


def _turn(recent: Sequence[Frame], pixels: Mask, look: Look) -> float:
    """Returns the time of the first frame after which the pixels' level is that of the other side."""
    where = Where(pixels, look)
    levels = [frame.level(where) for frame in recent]
    half = (max(levels) + min(levels)) / 2
    is_last_high = levels[-1] >= half
    at = len(levels) - 1
    while at > 0 and (levels[at - 1] >= half) == is_last_high:
        at -= 1
    return recent[at].time_ms
