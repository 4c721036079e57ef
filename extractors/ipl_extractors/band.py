"""Where a video's burned-in subtitles stand: the detector on a few frames, until rows of changing text are plain.

Coordinates are pixels of the picture as shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from ipl.hookspecs import ReadText
from ipl.mining.media import Box, frames, key_frames
from ipl.records import MediaInfo, Reading
from ipl_extractors.rows import Anchor, Row, find_rows, is_same_text
from ipl_extractors.strokes import CONTRAST, contrast

__all__ = ["Band", "choose_band", "find_band"]

NUM_PROBES = 24
CLOSEST_MS = 2000
"""Probes lie no closer than this: about the display of a text of some words."""
LONG_MS = 300_000
"""From this length of a video on, probes are key frames all over it; a shorter one is decoded from its start."""
PROBE_HEIGHT = 720
ENOUGH_TEXTS = 3
"""So many different texts on one row, and not half as many on any other, need no further probe."""
ALWAYS_THERE = 0.9
"""The share of probes from which on a text that never changes is a logo."""
MIN_SCORE = 0.6
MIDDLE = 0.35, 0.65
AT_EDGE = 0.006
"""The share of the width that subtitles keep free on either side."""
AS_BRIGHT = 25
MOSTLY = 0.75
"""The share of texts from which on the letters are taken for dark."""

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Band:
    """The strip, as wide as the picture, in which subtitles appear, and the marks in it that never change."""

    box: Box
    line_height: int
    anchor: Anchor
    marks: tuple[Box, ...] = ()
    dark: bool = False
    """the letters are darker than what is around them"""


def find_band(media: MediaInfo, read_text: ReadText) -> Band | None:
    """Returns where the subtitles stand, or None where a video has none."""
    scale = min(1.0, PROBE_HEIGHT / media.height)
    pictures: list[Picture] = []
    probes: list[list[Reading]] = []
    for picture in _pictures(media, round(media.height * scale)):
        pictures.append(picture)
        probes.append([_scaled(reading, 1 / scale) for reading in read_text([picture], False)[0]])
        if len(probes) >= ENOUGH_TEXTS and _is_plain(_candidates(probes, media.width, media.height)[1]):
            break
    band = choose_band(probes, media.width, media.height)
    if band is None:
        return None
    inside = [
        picture[round(top * scale) : round(bottom * scale), round(left * scale) : round(right * scale)]
        for picture, found in zip(pictures, probes, strict=True)
        for left, top, right, bottom in (reading.box for reading in found)
        if band.box.top <= top and bottom <= band.box.bottom and right > left
    ]
    return replace(band, dark=_are_dark(inside, round(band.line_height * scale)))


def _pictures(media: MediaInfo, height: int) -> Iterator[Picture]:
    """A few frames in the order in which to look at them."""
    if media.duration_ms < LONG_MS:
        step_ms = max(CLOSEST_MS, media.duration_ms // NUM_PROBES)
        # Nothing comes past the end of a file that was cut short; following the band tells of it.
        found = frames(media.path, 1000 / step_ms, height=height, start_ms=step_ms // 2, on_damage=_ignore)
        yield from (picture for _, picture in found)
        return
    # Far apart first, and none near the ends, where titles stand.
    for probe in sorted(range(NUM_PROBES), key=lambda probe: f"{probe:05b}"[::-1]):
        near_ms = (2 * probe + 1) * media.duration_ms // (2 * NUM_PROBES)
        yield from (picture for _, picture in islice(key_frames(media.path, near_ms, height=height), 1))


def _ignore(_: str) -> None:
    pass


def _scaled(reading: Reading, scale: float) -> Reading:
    left, top, right, bottom = (round(side * scale) for side in reading.box)
    return replace(reading, box=(left, top, right, bottom))


def _are_dark(crops: Sequence[Picture], line_height: int) -> bool:
    """Whether the letters in crops of text are darker than what is around them.

    An outline stands out as much as the letters themselves. But behind dark letters it is always bright, up to the
    edges of the crop; behind bright ones with a dark outline, only now and then.
    """
    import cv2

    votes = []
    for crop in crops:
        luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.uint8)
        bright, dark = (contrast(luma, line_height, kind) for kind in (False, True))
        inside = luma[bright > CONTRAST]
        edges = np.concatenate([luma[0], luma[-1], luma[:, 0], luma[:, -1]])
        is_bright_around = len(inside) == 0 or np.median(edges) > np.percentile(inside, 80) - AS_BRIGHT
        votes.append(bool(is_bright_around) and int(dark.max()) > CONTRAST)
    return sum(votes) > MOSTLY * len(votes)


def choose_band(probes: Sequence[Sequence[Reading]], width: int, height: int) -> Band | None:
    """Chooses the band from what was read in each probe.

    A row of text is a candidate if its text changes, or comes and goes; one that never does is a logo. Of the
    candidates the one with the most changes wins, the lower of two equal ones; rows next to it join it.
    """
    marks, candidates = _candidates(probes, width, height)
    if not candidates:
        return None
    best = candidates[0]
    if best.num_texts < 2 and (best.num_frames < 2 or not best.is_still):
        return None
    lines = [best]
    for row in sorted(candidates, key=lambda row: abs(row.centre - best.centre)):
        if row is not best and any(row.is_next_to(line) for line in lines):
            lines.append(row)
    margin = 0.4 * best.height
    top = min(each.box[1] for line in lines for _, each in line.found)
    bottom = max(each.box[3] for line in lines for _, each in line.found)
    # Room for one more line, on the side where it would stand: in a few probes it may not have shown.
    if top + bottom > height:
        top -= round(best.height)
    else:
        bottom += round(best.height)
    box = Box(0, max(0, int(top - margin)), width, min(height, round(bottom + margin)))
    return Band(box, round(best.height), best.anchor, tuple(mark for mark in marks if _overlap(mark, box)))


def _candidates(probes: Sequence[Sequence[Reading]], width: int, height: int) -> tuple[list[Box], list[Row]]:
    """Returns what never changes, and the rows that may hold subtitles, the likeliest first."""
    readings = [(probe, each) for probe, found in enumerate(probes) for each in found if _is_text(each, width, height)]
    marks = list(_marks(readings, len(probes)))
    rows = find_rows([each for each in readings if not any(_overlap(each[1].box, mark) for mark in marks)])
    candidates = [row for row in rows if _may_be_subtitles(row, len(probes), height)]
    return marks, sorted(candidates, key=lambda row: (row.num_texts, row.num_frames, row.centre), reverse=True)


def _may_be_subtitles(row: Row, num_probes: int, height: int) -> bool:
    """Whether text came and went; in the middle of the picture, where titles stand, it must be there often."""
    if MIDDLE[0] * height < row.centre < MIDDLE[1] * height and row.num_frames < num_probes / 2:
        return False
    return row.num_frames >= 2 or num_probes < NUM_PROBES


def _is_plain(candidates: Sequence[Row]) -> bool:
    """Whether one row, with those next to it, has so many texts that no other can be the subtitles."""
    if not candidates or candidates[0].num_texts < ENOUGH_TEXTS:
        return False
    best = candidates[0]
    others = [row.num_texts for row in candidates[1:] if not row.is_next_to(best)]
    return 2 * max(others, default=0) < best.num_texts


def _is_text(reading: Reading, width: int, height: int) -> bool:
    left, top, right, bottom = reading.box
    cut = left <= AT_EDGE * width or right >= (1 - AT_EDGE) * width  # a ticker, or a sign that is half in the picture
    upright = bottom - top > 1.5 * (right - left) and len(reading.text) > 1
    sized = 0.015 * height < bottom - top < 0.2 * height
    return sized and not upright and not cut and reading.score >= MIN_SCORE and any(map(str.isalnum, reading.text))


def _marks(readings: Sequence[tuple[int, Reading]], num_probes: int) -> Iterator[Box]:
    """Yields the boxes of texts that stand at one place in nearly all probes."""
    taken: set[int] = set()
    for number, (_, reading) in enumerate(readings):
        if number in taken:
            continue
        same = [
            other
            for other, (_, each) in enumerate(readings)
            if _overlap(each.box, reading.box) and is_same_text(each.text, reading.text)
        ]
        taken.update(same)
        if num_probes >= 4 and len({readings[other][0] for other in same}) >= ALWAYS_THERE * num_probes:
            boxes = np.array([readings[other][1].box for other in same])
            left, top = boxes[:, :2].min(axis=0).tolist()
            right, bottom = boxes[:, 2:].max(axis=0).tolist()
            yield Box(left, top, right, bottom)


def _overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
