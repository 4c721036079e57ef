"""Rows of text in a few frames: readings on one height that start, end, or are centred, at one place.

That is what subtitles have in common, and words that just happen to stand on one height have not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Literal

import numpy as np
from rapidfuzz.fuzz import partial_ratio, ratio

from ipl.records import Reading

__all__ = [
    "FIRST_KINDS",
    "PLACES",
    "SAME_PART",
    "SAME_TEXT",
    "SHORTEST_PART",
    "Anchor",
    "Kind",
    "Row",
    "anchors_beside",
    "find_rows",
    "is_same_text",
]

SAME_TEXT = 75
"""Two readings are of one text from this rapidfuzz ratio on, 0 to 100."""
SAME_PART, SHORTEST_PART = 90, 4
"""A text of so many letters is a part of another from this partial ratio on."""

STILL = 0.15
"""By how much of its height a still text's centre varies, at the most."""
PIECES = 1.6
"""How much higher one piece of a line may seem than another: with and without a letter that hangs below."""
CLOSE = 0.1
"""How far off their anchor detectors find lines, as a share of their height."""
MIDDLE = 0.02
"""How far from the middle of the width lines have their centre that are meant to have it there, as a share of it."""

FEWEST_BESIDE = 2
"""So many different texts make another place on the height of a row."""

Found = tuple[int, Reading]
"""A reading, and the number of the frame that it is from."""
Kind = Literal["left", "centre", "right"]
FIRST_KINDS: tuple[Kind, ...] = ("centre", "left")
KINDS_BESIDE: tuple[Kind, ...] = ("left", "right", "centre")
"""What the lines of a film have in common, and those of other speakers beside them."""
WIDE_MARKS, NOT_INKED = frozenset("。，、！"), 0.35
"""Marks as wide as a letter, and how much of them is empty, as a share of the line's height: no detector sees that."""


def _middle(line: Reading) -> float:
    left, top, right, bottom = line.box
    empty = NOT_INKED * (bottom - top) if line.text[-1:] in WIDE_MARKS else 0.0
    return (left + right + empty) / 2


PLACES: dict[Kind, Callable[[Reading], float]] = {
    "centre": _middle,
    "left": lambda line: float(line.box[0]),
    "right": lambda line: float(line.box[2]),
}


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where every line of a row starts or ends, or where its centre is, in pixels from the left."""

    kind: Kind
    x: float

    def scaled(self, scale: float) -> Anchor:
        """The same place in a picture that is so many times as large."""
        return Anchor(self.kind, self.x * scale)

    def off(self, first: float, last: float) -> float:
        """How far from it a line from column `first` to `last` starts, ends, or has its centre, in pixels."""
        return abs({"left": first, "centre": (first + last) / 2, "right": last}[self.kind] - self.x)


@dataclass(frozen=True)
class Row:
    """Readings on one height of the picture that share an anchor."""

    anchor: Anchor
    found: tuple[Found, ...]

    @cached_property
    def centre(self) -> float:
        """Its height in the picture, in pixels from the top."""
        return _centre(self.found)

    @cached_property
    def height(self) -> float:
        """How high its letters are, as the detector sees them."""
        return _height(self.found)

    @cached_property
    def num_texts(self) -> int:
        """How many different texts stood here."""
        return _num_texts(self.found)

    @cached_property
    def num_frames(self) -> int:
        """In how many frames text stood here."""
        return len({frame for frame, _ in self.found})

    @cached_property
    def is_still(self) -> bool:
        """Whether its one text stays, in two frames in a row, with its centre at one place; a sign in the scene moves.

        Detectors' boxes vary in size, so their sides are at places that differ more.
        """
        frames = sorted({frame for frame, _ in self.found})
        if all(later - one > 1 for one, later in pairwise(frames)):
            return False
        centres = [np.add(each.box[:2], each.box[2:]) / 2 for _, each in self.found]
        return bool(np.ptp(centres, axis=0).max() <= STILL * self.height)

    def is_next_to(self, other: Row) -> bool:
        """Whether the two may be lines of one text."""
        near = abs(self.centre - other.centre) < 1.5 * min(self.height, other.height)
        return near and _are_alike(self.height, other.height)


def _close(found: Iterable[Found], anchor: Anchor, height: float) -> list[Found]:
    """The readings that stand at an anchor to within what detectors vary, of letters so high."""
    place_of = PLACES[anchor.kind]
    return [each for each in found if abs(place_of(each[1]) - anchor.x) <= CLOSE * height]


def _num_texts(found: Iterable[Found]) -> int:
    texts: list[str] = []
    for _, reading in found:
        if not any(is_same_text(reading.text, text) for text in texts):
            texts.append(reading.text)
    return len(texts)


def is_same_text(one: str, other: str) -> bool:
    """Whether two texts at one place are no change.

    They are alike; or one is a part of the other, as of a sign that is half covered; or both have no letters, as
    clocks and counters.
    """
    if not any(map(str.isalpha, one + other)) or ratio(one, other) >= SAME_TEXT:
        return True
    return min(len(one), len(other)) >= SHORTEST_PART and partial_ratio(one, other) >= SAME_PART


def find_rows(readings: Iterable[Found], width: int, kinds: Sequence[Kind] = FIRST_KINDS) -> list[Row]:
    """Returns the rows that readings form, each with those that share an anchor, in pictures so many pixels wide.

    The anchor is of one of some `kinds`, if in doubt of the first.
    """
    heaps: list[list[Found]] = []
    # A detector may take a line apart at a wide gap; a sign may stand beside a line. So both count, the pieces as they
    # are and put together: a piece alone may be too low for the heap of its line, or begin where others do.
    for frame, reading in sorted(_spans(readings), key=lambda each: each[1].box[1] + each[1].box[3]):
        centre, height = (reading.box[1] + reading.box[3]) / 2, reading.box[3] - reading.box[1]
        fits = [
            heap
            for heap in heaps
            if abs(_centre(heap) - centre) < 0.4 * _height(heap) and _are_alike(height, _height(heap))
        ]
        if fits:
            min(fits, key=lambda heap: abs(_centre(heap) - centre)).append((frame, reading))
        else:
            heaps.append([(frame, reading)])
    return [_aligned(heap, width, kinds) for heap in heaps]


def anchors_beside(rows: Sequence[Row], readings: Iterable[Found], width: int) -> Iterator[Anchor]:
    """Yields where else lines stand on the heights of some rows: those of other speakers.

    Two different texts of the same height at one place are some.
    """
    shown = [each for row in rows for each in row.found]
    rest = [each for each in _spans(readings) if any(_is_on(row, each) for row in rows)]
    while rest := [each for each in rest if not any(_is_in(each, other) for other in shown)]:
        # Each row of a frame counts as a frame of its own.
        numbered = [(frame * len(rows) + _nearest(rows, reading), reading) for frame, reading in rest]
        row = _aligned(numbered, width, KINDS_BESIDE)
        if _num_texts(_close(row.found, row.anchor, row.height)) >= FEWEST_BESIDE:
            yield row.anchor
        shown += [(number // len(rows), reading) for number, reading in row.found]


def _nearest(rows: Sequence[Row], reading: Reading) -> int:
    return min(range(len(rows)), key=lambda number: abs(_centre([(0, reading)]) - rows[number].centre))


def _is_on(row: Row, found: Found) -> bool:
    """Whether a reading stands on the height of a row, and is as high."""
    return abs(_centre([found]) - row.centre) < 0.4 * row.height and _are_alike(_height([found]), row.height)


def _is_in(one: Found, other: Found) -> bool:
    """Whether two readings of one frame are of the same line, or one of a piece of it."""
    (frame, reading), (other_frame, other_reading) = one, other
    box, line = reading.box, other_reading.box
    return frame == other_frame and box[0] < line[2] and line[0] < box[2] and box[1] < line[3] and line[1] < box[3]


def _centre(found: Sequence[Found]) -> float:
    return median((each.box[1] + each.box[3]) / 2 for _, each in found)


def _height(found: Sequence[Found]) -> float:
    return median(each.box[3] - each.box[1] for _, each in found)


def _are_alike(one_height: float, other_height: float) -> bool:
    return 0.65 < one_height / other_height < 1.5


def _spans(readings: Iterable[Found]) -> Iterator[Found]:
    """Yields what may be a line: each reading, and neighbours on one height in one frame as one."""
    pieces = sorted(readings, key=lambda each: (each[0], each[1].box[0]))
    for first, (frame, reading) in enumerate(pieces):
        yield frame, reading
        for other_frame, other in pieces[first + 1 :]:
            if other_frame != frame:
                break
            if not _may_be_one(reading, other):
                continue
            box = reading.box[0], min(reading.box[1], other.box[1]), other.box[2], max(reading.box[3], other.box[3])
            reading = replace(reading, text=f"{reading.text} {other.text}", box=box)
            yield frame, reading


def _may_be_one(left: Reading, right: Reading) -> bool:
    """Whether two readings may be pieces of one line, the right one close to the end of the left one."""
    heights = [each.box[3] - each.box[1] for each in (left, right)]
    off = abs(left.box[1] + left.box[3] - right.box[1] - right.box[3]) / 2
    gap = right.box[0] - left.box[2]
    return max(heights) < PIECES * min(heights) and off < 0.4 * max(heights) and abs(gap) < 1.5 * min(heights)


def _aligned(heap: Sequence[Found], width: int, kinds: Sequence[Kind]) -> Row:
    """The lines that share an anchor, of the anchor that most different texts share, and most closely.

    Those count first that share it to within what detectors vary. Lines that are about as long as each other share
    their start and their centre both, but only one of them so closely; others are near it where a word was not found.
    In the middle of the picture, where most are meant to be, they need not be so close, and of two anchors that as many
    share this is theirs.
    """
    spans = sorted(heap, key=lambda each: each[1].box[2] - each[1].box[0])
    height = _height(heap)
    best: tuple[tuple[float, ...], Row] | None = None
    for kind in kinds:
        place_of = PLACES[kind]
        for at in {place_of(each) for _, each in spans}:
            widest = {frame: each for frame, each in spans if abs(place_of(each) - at) <= 0.5 * height}
            places = [place_of(each) for each in widest.values()]
            anchor = Anchor(kind, median(places))
            row = Row(anchor, tuple(sorted(widest.items(), key=lambda item: item[0])))
            off = round(sum(abs(place - anchor.x) for place in places) / (CLOSE * height))
            is_usual = kind == "centre" and abs(anchor.x - width / 2) <= MIDDLE * width
            num_close = _num_texts(_close(row.found, anchor, height))
            at_all = row.num_texts if is_usual else num_close
            counts = at_all, num_close, row.num_texts, row.num_frames
            rank = *counts, is_usual, -off, -kinds.index(kind)
            if best is None or rank > best[0]:
                best = rank, row
    assert best is not None, "a heap is not empty"
    return best[1]
