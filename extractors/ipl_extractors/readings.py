"""From readings of displayed texts to cues: doubtful readings, pieces of one text, votes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz.fuzz import partial_ratio, ratio

from ipl_extractors.outlines import NONE_CLOSED, Closed, most_closed
from ipl_extractors.rows import SAME_PART, SHORTEST_PART
from ipl_extractors.strokes import box_of, overlap

__all__ = ["ALIKE_TEXTS", "DOUBTFUL_AGREE", "LEAST_MS", "NEXT_WORD_MS", "Merger", "Text", "Vote", "loses_little"]

ALIKE_TEXTS = 80
"""Readings differ in single letters from this rapidfuzz ratio on, 0 to 100."""
DOUBTFUL_AGREE = 60
"""Two doubtful readings are of one text from this rapidfuzz ratio on, 0 to 100."""
SAME_PLACE = 0.3
"""The share of strokes that the first and the last piece of one text have in common, at the least."""
NEAR = 0.3
"""By so much of a line's height the sides of a text that grows move from one of its pieces to the next, at the most."""
EVENLY = 0.3
"""What grows goes to both sides evenly: its middle moves by less than this share of what it gets wider."""
SAME_STROKES = 0.5
"""From this share of the fewer strokes on, two texts that follow each other show the same letters."""
SOME_STROKES = 0.3
"""From this share of a text's strokes on, what nothing was read of may be a piece of it."""
STILL_SHOWN = 0.5
"""A text's strokes stand out by this share of what they did, or more, while it is shown."""
LEAST_SEEN_MS = 200
"""What is displayed for a shorter time may not be in the samples that it is seen by: they are 100 ms apart."""
MOST_UNREAD = 8
"""Over so many pieces that nothing was read of a text goes on, at the most: signs of a scene may touch for hours."""
LEAST_MS, SHORTEST_MS = 833, 400
"""What houses ask for at least, and half of it; what shows for a shorter time must be read without a doubt."""
BESIDE = 0.3
"""By so much more of a line's height it is off the anchor if a sign touches it."""
SHORTEST_TEXT = 2
"""Of so many characters is what shows for a shorter time, at the least: a stroke of the scene is read as a 1."""


MOST_ADDED, NEXT_WORD_MS = 4, 400
"""So many words a text grows by at the most, some of which may be displayed for too short a time to be seen; and for
how long nothing of it may be seen."""
FADING_MS = 200
"""For how long nothing of a text may be seen while it fades slowly."""
LEAST_WORD = 3
"""Words of fewer letters are misread at times."""
ENDS = frozenset(".!?…。！？")
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
"""Words, and letters of what is written without spaces."""


class Vote(NamedTuple):
    """What was read of a piece of a display, its score from 0 to 1, and how long the piece was shown.

    A piece's best reading has all of that time, its others have none: they do not count, but they are evidence.
    """

    text: str
    score: float
    shown_ms: int
    num_unknown: int = 0
    """how many of its words the language does not have"""
    off_anchor: float = 0.0
    """how far the ink of one of its lines is off the band's anchor, at the most, as a share of a line's height"""


@dataclass(frozen=True, slots=True)
class Text:
    """One displayed text and all that was read of it; nothing that could be relied on, perhaps."""

    start_ms: int
    end_ms: int
    readings: tuple[Vote, ...]
    picture: npt.NDArray[np.uint8]
    strokes: npt.NDArray[np.bool_]
    contrasts: npt.NDArray[np.uint8]
    """how much each pixel stands out all the time: at its begin or its end, where it does less"""
    last_strokes: npt.NDArray[np.bool_] | None = None
    """those of the last piece that something was read of, if there were several"""
    closed: Closed = NONE_CLOSED
    """which shares of the strokes of one of its lines are closed off by others, at the most; 0 if nothing was read"""
    on_row: bool = True
    """whether one of its lines stands where one of every text of the band does"""
    on_a_row: bool = True
    """whether one of its lines stands where any was seen in the probes"""
    has_grown: bool = False
    """whether it was written word by word"""

    @property
    def newest_strokes(self) -> npt.NDArray[np.bool_]:
        """Those of its last piece."""
        return self.strokes if self.last_strokes is None else self.last_strokes

    @property
    def is_short(self) -> bool:
        """Whether it stands for a shorter time than people need to read it: a text as it fades, a sign, or "No!"."""
        return self.end_ms - self.start_ms < SHORTEST_MS

    @property
    def is_hasty(self) -> bool:
        """Whether it stands for a shorter time than houses let it."""
        return self.end_ms - self.start_ms < LEAST_MS

    @property
    def moves(self) -> bool:
        """Whether its last piece stands elsewhere than its first, as of a sign that drifts; a text may slowly grow."""
        if self.last_strokes is None or overlap(self.strokes, self.last_strokes) >= SAME_PLACE:
            return False
        first, last = box_of(self.strokes), box_of(self.last_strokes)
        wider = (last.right - last.left) - (first.right - first.left)
        drifted = max(map(abs, np.subtract(_middle(self.last_strokes), _middle(self.strokes))))
        return bool(drifted >= EVENLY * wider)

    def best(self) -> tuple[str, float]:
        """The text that was read for the longest time, weighed by the scores, and the mean of its scores.

        Of pieces that read alike, those with the fewest unknown words are asked: the others were read over something.
        What a piece has beside the words of another, and puts it off the anchor, is a sign that touches them.
        """
        votes: dict[str, list[Vote]] = defaultdict(list)
        for vote in self.readings:
            votes[vote.text].append(vote)
        ranked = sorted(votes.items(), key=lambda item: -sum(vote.score * vote.shown_ms for vote in item[1]))
        ranked = [item for item in ranked if _is_alone(item, ranked[0])] or ranked
        alike = [(text, found) for text, found in ranked if ratio(ranked[0][0], text) >= ALIKE_TEXTS]
        shown = [item for item in alike if any(vote.shown_ms for vote in item[1])] or alike
        whole = [item for item in shown if loses_little(shown[0][0], item[0])]
        text, found = min(whole, key=lambda item: item[1][0].num_unknown)
        counted = [vote.score for vote in found if vote.shown_ms] or [found[0].score]
        return text, sum(counted) / len(counted)


class Merger:
    """Joins neighbours that are pieces of one text, and leaves out what nothing was read of.

    Something that passes behind a text can cut its display into pieces and spoil the reading of one. Pieces
    touch, and read alike (rapidfuzz ratio from `same_text` on, spaces left out) or stand on the same strokes. What
    nothing was read of between two that read alike, on the same strokes, is a piece of theirs too, if these still stand
    out in it: some pieces at the most, and each seen by itself. So is what the next text begins with, and goes on.
    What stands for a short time only must have more than one character, and be read with `sure_score` or so from two
    pictures. None may touch it that is as short, as of a sign that moves through the band, or has the same letters.
    It must have a line on the band's row; so must what stands for less than houses let it, beside a piece in which
    nothing could be read. A single letter that stands for less than that must be surely read, too.
    """

    def __init__(self, same_text: float, sure_score: float) -> None:
        self._same_text = same_text
        self._sure_score = sure_score
        self._before: Text | None = None
        self._last: Text | None = None
        self._unread: list[Text] = []  # after the last one with readings, each touching the one before

    def push(self, text: Text) -> Iterator[Text]:
        """Takes the next piece, and yields the text before it if that is whole."""
        while self._unread and self._continues(self._unread[-1], text):
            text = _joined(self._unread.pop(), text)
        last = self._last
        newest = (last, *self._unread)[-1]
        if last and newest:
            touches = _touch(newest, text)
            gap_ms = text.start_ms - newest.end_ms
            if (
                (touches and self._goes_on(last, text))
                or (gap_ms <= NEXT_WORD_MS and _grows(last, text))
                or (gap_ms <= FADING_MS and _is_faint_piece(last, text, self._same_text))
            ):
                self._last, self._unread = reduce(_joined, (*self._unread, text), last), []
                return
            if touches and last.readings and not text.readings and len(self._unread) < MOST_UNREAD:
                self._unread.append(text)
                return
        yield from self._whole((*self._unread, text)[0])
        self._before, self._last, self._unread = newest, text, []

    def end(self) -> Iterator[Text]:
        """Yields the last text."""
        yield from self._whole((*self._unread, None)[0])
        self._before, self._last, self._unread = None, None, []

    def _looks_like(self, one: Text, other: Text) -> bool:
        """Whether two texts have the same letters, unless both are surely read, and say they have not."""
        are_two = one.readings and other.readings and _are_two(one, other, self._sure_score)
        return overlap(one.strokes, other.strokes) > SAME_STROKES and not are_two

    def _goes_on(self, last: Text, text: Text) -> bool:
        """Whether the last text goes on with a piece that touches it, or what is unread after it."""
        return _bridges(last, self._unread, text) if self._unread else self._continues(last, text)

    def _continues(self, one: Text, other: Text) -> bool:
        return _touch(one, other) and _one_text(one, other, self._same_text, self._sure_score)

    def _whole(self, after: Text | None) -> Iterator[Text]:
        last = self._last
        if not last or not last.readings or last.moves:
            return
        beside = [one for one in (self._before, after) if one and (_touch(one, last) or _touch(last, one))]
        best, score = last.best()
        is_sure = score >= self._sure_score or sum(vote.text == best for vote in last.readings) > 1
        if last.is_short:
            is_alone = not any(one.is_short or self._looks_like(one, last) for one in beside)
            is_told = last.on_row and is_alone and is_sure and len(best) >= SHORTEST_TEXT
        elif last.is_hasty:
            is_told = is_sure or len(best) >= SHORTEST_TEXT
            is_told &= last.on_row or not any(one.is_short and not one.readings for one in beside)
        else:
            is_told = True
        if is_told:
            yield last


def _joined(one: Text, other: Text) -> Text:
    """Two neighbours as one, seen as the first of them that something was read of."""
    closed = most_closed(one.closed, other.closed)
    if _grows(one, other):
        on_row, on_a_row = one.on_row or other.on_row, one.on_a_row or other.on_a_row
        return replace(other, start_ms=one.start_ms, closed=closed, on_row=on_row, on_a_row=on_a_row, has_grown=True)
    joined = replace(one, end_ms=other.end_ms, readings=one.readings + other.readings, closed=closed)
    if one.is_short and _is_part(one, other):
        return replace(other, start_ms=one.start_ms, readings=joined.readings, closed=closed)
    if not other.readings or (other.is_short and _is_part(one, other)):
        return joined
    if not one.readings:
        return replace(
            joined,
            picture=other.picture,
            strokes=other.strokes,
            contrasts=other.contrasts,
            on_row=other.on_row,
            on_a_row=other.on_a_row,
        )
    return replace(
        joined,
        last_strokes=other.strokes,
        on_row=one.on_row or other.on_row,
        on_a_row=one.on_a_row or other.on_a_row,
    )


def _middle(strokes: npt.NDArray[np.bool_]) -> list[float]:
    """The mean row and column of a text's strokes: a bit of the scene beside them hardly moves it."""
    return [float(np.mean(places)) for places in np.nonzero(strokes)]


def _touch(one: Text, other: Text) -> bool:
    """Whether there is no time between a text and a later one."""
    return one.start_ms <= other.start_ms <= one.end_ms


def _one_text(one: Text, other: Text, same_text: float, sure_score: float) -> bool:
    same_strokes = overlap(one.strokes, other.strokes) > SAME_STROKES
    if not (one.readings and other.readings):
        read = [each for each in (one, other) if each.readings]
        shared = np.count_nonzero(one.strokes & other.strokes)  # a bar of the scene is half of an X
        return same_strokes and all(shared > _least_shared(each) * np.count_nonzero(each.strokes) for each in read)
    alike = _likeness(one, other)
    if alike < same_text:
        may_be_misread = alike >= DOUBTFUL_AGREE and same_strokes and not _are_two(one, other, sure_score)
        return may_be_misread or _is_part(one, other)
    # Said twice, and the second time elsewhere, or larger: no sign that drifts stands still for so long.
    is_elsewhere = overlap(one.newest_strokes, other.strokes) < SAME_STROKES and not _are_near(one, other)
    return one.is_hasty or other.is_hasty or not is_elsewhere


def _are_near(one: Text, other: Text) -> bool:
    """Whether a text begins and ends about where the last piece of another does: it slowly grows."""
    box, other_box = box_of(one.newest_strokes), box_of(other.strokes)
    reach = NEAR * (box.bottom - box.top) / (one.best()[0].count("\n") + 1)
    return all(abs(side - same) <= reach for side, same in zip(box, other_box, strict=True))


def _least_shared(text: Text) -> float:
    """Which share of a text's strokes something that is not read has, if it shows the same text."""
    return SAME_STROKES if len(text.best()[0]) < SHORTEST_TEXT else SOME_STROKES


def _are_two(one: Text, other: Text, sure_score: float) -> bool:
    """Whether both texts are surely read, and each has a word that the other has not: "I copy it" before "I put it"."""
    (said, score), (told, other_score) = one.best(), other.best()
    return min(score, other_score) >= sure_score and _has_others(said, told) and _has_others(told, said)


def _has_others(text: str, other: str) -> bool:
    """Whether a text has a word that is like none of another text; letters that are written without spaces are none."""
    words, others = ([word for word in _WORDS.findall(each) if len(word) >= LEAST_WORD] for each in (text, other))
    return any(all(ratio(word, each) < DOUBTFUL_AGREE for each in others) for word in words)


def _is_faint_piece(one: Text, other: Text, same_text: float) -> bool:
    """Whether one of two texts is the other while it fades in or out, and hardly stands out from the scene."""
    if not (one.readings and other.readings and (one.is_short or other.is_short)):
        return False
    return _likeness(one, other) >= same_text and overlap(one.newest_strokes, other.strokes) > SAME_STROKES


def _grows(one: Text, other: Text) -> bool:
    """Whether a text is the one before it and a word or so more, as captions are that are written as they are spoken.

    A word is displayed alone for less time than a text is; no sentence that has ended goes on.
    """
    goes_on = one.is_hasty or (one.has_grown and _touch(one, other))
    if not (one.readings and other.readings) or not (goes_on or other.is_hasty):
        return False
    said, more = one.best()[0], other.best()[0]
    words, others = _WORDS.findall(said), _WORDS.findall(more)
    rolls = any(len(_WORDS.findall(above)) == len(words) for above in _beginnings(more))
    most = len(others) if other.has_grown and goes_on and not rolls else MOST_ADDED
    is_more = 0 < len(others) - len(words) <= most and said[-1] not in ENDS
    return is_more and ratio(" ".join(words), " ".join(others[: len(words)])) >= SAME_PART


def _beginnings(text: str) -> Iterator[str]:
    """The first line of a text, the first two, and so on, but not all: where one ends, the next may have rolled up."""
    lines = text.split("\n")
    return ("\n".join(lines[:number]) for number in range(1, len(lines)))


def _bridges(one: Text, between: Sequence[Text], other: Text) -> bool:
    """Whether two texts are the same one, shown all the time between them."""
    if not (one.readings and other.readings) or overlap(one.strokes, other.strokes) <= SAME_STROKES:
        return False
    fewest = STILL_SHOWN * np.mean(one.contrasts[one.strokes])
    is_shown = all(
        each.end_ms - each.start_ms >= LEAST_SEEN_MS and np.mean(each.contrasts[one.strokes]) >= fewest
        for each in between
    )
    return is_shown and _likeness(one, other) >= DOUBTFUL_AGREE


def _is_alone(read: tuple[str, list[Vote]], most: tuple[str, list[Vote]]) -> bool:
    """Whether a piece shows what most of a text does without words beside it that put it off the anchor."""
    letters, more = ("".join(text.split()) for text, _ in (read, most))
    if not SHORTEST_PART <= len(letters) < len(more) or letters not in more:
        return False
    off, off_most = ([vote.off_anchor for vote in votes if vote.shown_ms] for _, votes in (read, most))
    return bool(off and off_most) and min(off) + BESIDE <= min(off_most)


def loses_little(text: str, other: str) -> bool:
    """Whether another reading has about as many letters: one that leaves out a name has no unknown word."""
    letters, others = (sum(map(str.isalnum, each)) for each in (text, other))
    return others >= letters - 1


def _is_part(one: Text, other: Text) -> bool:
    """Whether what was read of a short piece is a part of what was read of the other one."""
    if not (one.readings and other.readings and (one.is_short or other.is_short)):
        return False
    said, whole = sorted((each.best()[0] for each in (one, other)), key=len)
    return SHORTEST_PART <= len(said) < len(whole) and partial_ratio(said, whole) >= SAME_PART


def _likeness(one: Text, other: Text) -> float:
    """How alike what was read of two texts is, spaces left out, 0 to 100."""
    return ratio(*(each.best()[0].replace(" ", "") for each in (one, other)))
