"""Where a video's burned-in subtitles stand: the detector on a few frames spread over it, then rows of changing text.

Coordinates are pixels of the picture as shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
from rapidfuzz.fuzz import ratio

from ipl.hookspecs import ReadText
from ipl.mining.media import Box, frames
from ipl.records import MediaInfo, Reading

__all__ = ["Band", "choose_band", "find_band"]

NUM_PROBES = 24
FEWEST_PROBES = 8
SAME_TEXT = 75
"""Two readings are of one text from this rapidfuzz ratio on, 0 to 100."""
ALWAYS_THERE = 0.9
"""The share of probes from which on a text that never changes is a logo."""
MIN_SCORE = 0.6


@dataclass(frozen=True, slots=True)
class Band:
    """The strip, as wide as the picture, in which subtitles appear, and the marks in it that never change."""

    box: Box
    line_height: int
    marks: tuple[Box, ...] = ()


@dataclass(slots=True)
class _Row:
    """Readings that stand on one height of the picture: (probe, reading)."""

    found: list[tuple[int, Reading]] = field(default_factory=list)

    @property
    def centre(self) -> float:
        return median((each.box[1] + each.box[3]) / 2 for _, each in self.found)

    @property
    def height(self) -> float:
        return median(each.box[3] - each.box[1] for _, each in self.found)

    @property
    def num_texts(self) -> int:
        """How many different texts stood here."""
        texts: list[str] = []
        for _, reading in self.found:
            if all(ratio(reading.text, text) < SAME_TEXT for text in texts):
                texts.append(reading.text)
        return len(texts)

    @property
    def num_probes(self) -> int:
        return len({probe for probe, _ in self.found})


def find_band(media: MediaInfo, read_text: ReadText) -> Band | None:
    """Returns where the subtitles stand, or None where a video has none."""
    probes = [read_text([picture], False)[0] for picture in _pictures(media)]
    return choose_band(probes, media.width, media.height)


def _pictures(media: MediaInfo) -> Iterator[np.ndarray[Any, Any]]:
    """A few frames, evenly spread; each is sought, so that a long video need not be decoded."""
    number = min(NUM_PROBES, max(FEWEST_PROBES, media.duration_ms // 1500))
    for probe in range(number):
        start_ms = (2 * probe + 1) * media.duration_ms // (2 * number)
        # Nothing comes past the end of a file that was cut short; following the band tells of it.
        yield from (picture for _, picture in islice(frames(media.path, 1, start_ms=start_ms, on_damage=_ignore), 1))


def _ignore(_: str) -> None:
    pass


def choose_band(probes: Sequence[Sequence[Reading]], width: int, height: int) -> Band | None:
    """Chooses the band from what was read in each probe.

    A row of text is a candidate if its text changes, or comes and goes; one that never does is a logo. Of the
    candidates the one with the most changes wins, the lower of two equal ones; rows next to it join it.
    """
    readings = [(probe, each) for probe, found in enumerate(probes) for each in found if _is_text(each, height)]
    marks = list(_marks(readings, len(probes)))
    rows = _rows([each for each in readings if not any(_overlap(each[1].box, mark) for mark in marks)])
    candidates = [row for row in rows if row.num_probes >= 2 or (len(probes) < NUM_PROBES and row.num_texts)]
    if not candidates:
        return None
    best = max(candidates, key=lambda row: (row.num_texts, row.num_probes, row.centre))
    if best.num_texts < 2 and best.num_probes < 2:
        return None
    lines = [best]
    for row in sorted(candidates, key=lambda row: abs(row.centre - best.centre)):
        near = min(abs(row.centre - line.centre) for line in lines) < 1.8 * best.height
        if row is not best and near and 0.6 < row.height / best.height < 1.6:
            lines.append(row)
    margin = 0.4 * best.height
    tops = [each.box[1] for line in lines for _, each in line.found]
    bottoms = [each.box[3] for line in lines for _, each in line.found]
    # Room for one more line on either side: in a few probes a second line may not have shown.
    top = min(min(tops), min(line.centre for line in lines) - 1.3 * best.height) - margin
    box = Box(0, max(0, int(top)), width, min(height, round(max(bottoms) + margin)))
    return Band(box, round(best.height), tuple(mark for mark in marks if _overlap(mark, box)))


def _is_text(reading: Reading, height: int) -> bool:
    left, top, right, bottom = reading.box
    upright = bottom - top > 1.5 * (right - left) and len(reading.text) > 1
    sized = 0.015 * height < bottom - top < 0.2 * height
    return sized and not upright and reading.score >= MIN_SCORE and any(map(str.isalnum, reading.text))


def _marks(readings: Sequence[tuple[int, Reading]], num_probes: int) -> Iterator[Box]:
    """Yields the boxes of texts that stand at one place in nearly all probes."""
    taken: set[int] = set()
    for number, (_, reading) in enumerate(readings):
        if number in taken:
            continue
        same = [
            other
            for other, (_, each) in enumerate(readings)
            if _overlap(each.box, reading.box) and ratio(each.text, reading.text) >= SAME_TEXT
        ]
        taken.update(same)
        if num_probes >= 4 and len({readings[other][0] for other in same}) >= ALWAYS_THERE * num_probes:
            boxes = np.array([readings[other][1].box for other in same])
            left, top = boxes[:, :2].min(axis=0).tolist()
            right, bottom = boxes[:, 2:].max(axis=0).tolist()
            yield Box(left, top, right, bottom)


def _overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _rows(readings: Sequence[tuple[int, Reading]]) -> list[_Row]:
    rows: list[_Row] = []
    for probe, reading in sorted(readings, key=lambda each: each[1].box[1] + each[1].box[3]):
        centre, height = (reading.box[1] + reading.box[3]) / 2, reading.box[3] - reading.box[1]
        fits = [row for row in rows if abs(row.centre - centre) < 0.4 * row.height and 0.6 < height / row.height < 1.6]
        row = min(fits, key=lambda row: abs(row.centre - centre), default=None)
        if row is None:
            rows.append(row := _Row())
        row.found.append((probe, reading))
    return rows
