"""Lines that were read in whole frames, while the band was looked for.

What was read so is as good as what is read of a display's stack, and other errors are in it: the frame has its
colours, the stack has not what moves behind. So a line that was surely read need not be read again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ipl.mining.media import Box
from ipl.records import Reading
from ipl_extractors.display import Display

__all__ = ["BESIDE", "Sighting", "placed", "reading_of", "scaled"]

WITHIN_MS = 200
"""So long after a display's begin and before its end a frame shows it for sure: the one before may stand in for it."""
BESIDE = 0.5
"""How much beside a line's box is read with it, as a share of its height: detectors cut off the last dots."""
OFF_LINE = 0.35
"""How far off a line its box may lie, as a share of the line's height."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A line read in the frame at `time_ms`."""

    time_ms: float
    reading: Reading

    def within(self, area: Box, scale: float) -> Sighting:
        """The same line in the pixels of an area of the frame that is made `scale` times as large."""
        left, top, right, bottom = self.reading.box
        box = left - area.left, top - area.top, right - area.left, bottom - area.top
        return replace(self, reading=scaled(placed(self.reading, box), scale))


def placed(reading: Reading, box: tuple[int, int, int, int]) -> Reading:
    """The same text in another box."""
    right = box[0] - reading.box[0]
    return replace(reading, box=box, centres=tuple(centre + right for centre in reading.centres))


def scaled(reading: Reading, scale: float) -> Reading:
    """The same text in a picture that is so many times as large."""
    left, top, right, bottom = (round(scale * side) for side in reading.box)
    centres = tuple(scale * centre for centre in reading.centres)
    return replace(reading, box=(left, top, right, bottom), centres=centres)


def reading_of(
    display: Display, line: Box, extent: tuple[int, int], line_height: int, sightings: Iterable[Sighting]
) -> Reading | None:
    """What was read, and seen whole, of a display's line; of several the surest.

    `line` is the line's box in the band, `extent` the first column of its ink in the box and the one after the last.
    """
    first, last = line.left + extent[0], line.left + extent[1]
    middle = (line.top + line.bottom) / 2
    reach = BESIDE * line_height
    seen = [
        each.reading
        for each in sightings
        if display.start_ms + WITHIN_MS <= each.time_ms <= display.end_ms - WITHIN_MS
        and abs((each.reading.box[1] + each.reading.box[3]) / 2 - middle) <= OFF_LINE * line_height
        and each.reading.box[0] - reach <= first
        and last <= each.reading.box[2] + reach
    ]
    surest = max(seen, key=lambda each: each.score, default=None)
    if surest is None:
        return None
    left, top, right, bottom = surest.box
    return placed(surest, (left - line.left, top - line.top, right - line.left, bottom - line.top))
