"""Rows of text in a few frames: readings on one height that start, or are centred, at one place.

That is what subtitles have in common, and words that just happen to stand on one height have not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import Literal

from rapidfuzz.fuzz import partial_ratio, ratio

from ipl.records import Reading

__all__ = ["Anchor", "Row", "find_rows", "is_same_text"]

SAME_TEXT = 75
"""Two readings are of one text from this rapidfuzz ratio on, 0 to 100."""
SAME_PART, SHORTEST_PART = 90, 4
"""A text of so many letters is a part of another from this partial ratio on."""

Found = tuple[int, Reading]
"""A reading, and the number of the frame that it is from."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where every line of a row starts, or where its centre is, in pixels from the left."""

    kind: Literal["left", "centre"]
    x: float

    def scaled(self, scale: float) -> Anchor:
        """The same place in a picture that is so many times as large."""
        return Anchor(self.kind, self.x * scale)


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
        texts: list[str] = []
        for _, reading in self.found:
            if not any(is_same_text(reading.text, text) for text in texts):
                texts.append(reading.text)
        return len(texts)

    @cached_property
    def num_frames(self) -> int:
        """In how many frames text stood here."""
        return len({frame for frame, _ in self.found})

    @cached_property
    def is_still(self) -> bool:
        """Whether its texts begin at one place, to within what detectors vary; a sign in a moving picture does not."""
        for side in (0, 1):
            places = [each.box[side] for _, each in self.found]
            if max(places) - min(places) > 0.15 * self.height:
                return False
        return True

    def is_next_to(self, other: Row) -> bool:
        """Whether the two may be lines of one text."""
        near = abs(self.centre - other.centre) < 1.5 * min(self.height, other.height)
        return near and _are_alike(self.height, other.height)


def is_same_text(one: str, other: str) -> bool:
    """Whether two texts at one place are no change.

    They are alike; or one is a part of the other, as of a sign that is half covered; or both have no letters, as
    clocks and counters.
    """
    if not any(map(str.isalpha, one + other)) or ratio(one, other) >= SAME_TEXT:
        return True
    return min(len(one), len(other)) >= SHORTEST_PART and partial_ratio(one, other) >= SAME_PART


def find_rows(readings: Iterable[Found]) -> list[Row]:
    """Returns the rows that readings form, each with those of its readings that share an anchor."""
    heaps: list[list[Found]] = []
    for frame, reading in sorted(readings, key=lambda each: each[1].box[1] + each[1].box[3]):
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
    return [_aligned(_whole_lines(heap)) for heap in heaps]


def _centre(found: Sequence[Found]) -> float:
    return median((each.box[1] + each.box[3]) / 2 for _, each in found)


def _height(found: Sequence[Found]) -> float:
    return median(each.box[3] - each.box[1] for _, each in found)


def _are_alike(one_height: float, other_height: float) -> bool:
    return 0.65 < one_height / other_height < 1.5


def _whole_lines(heap: list[Found]) -> list[Found]:
    """Joins neighbours in one frame: a detector may take a line apart at a wide gap."""
    joined: list[Found] = []
    for frame, reading in sorted(heap, key=lambda each: (each[0], each[1].box[0])):
        if joined and joined[-1][0] == frame and reading.box[0] - joined[-1][1].box[2] < 1.5 * _height(heap):
            last = joined[-1][1]
            box = last.box[0], min(last.box[1], reading.box[1]), reading.box[2], max(last.box[3], reading.box[3])
            joined[-1] = frame, replace(last, text=f"{last.text} {reading.text}", box=box)
        else:
            joined.append((frame, reading))
    return joined


def _aligned(heap: Sequence[Found]) -> Row:
    """The readings that share an anchor, of the one that most different texts share."""
    tolerance = 0.5 * _height(heap)
    rows = []
    for kind in ("centre", "left"):
        places = [(each.box[0] + each.box[2]) / 2 if kind == "centre" else float(each.box[0]) for _, each in heap]
        for at in places:
            near = [number for number, place in enumerate(places) if abs(place - at) <= tolerance]
            anchor = Anchor("centre" if kind == "centre" else "left", median(places[number] for number in near))
            rows.append(Row(anchor, tuple(heap[number] for number in near)))
    return max(rows, key=lambda row: (row.num_texts, row.num_frames))
