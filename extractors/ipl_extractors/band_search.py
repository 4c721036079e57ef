"""Looks for bands of subtitles in a video: the detector on a few frames, until rows of changing text are plain.

There may be several bands: lines move to the top while a sign is shown at the bottom, or a translation stands there.

Coordinates are pixels of the picture as shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ipl.hookspecs import ReadText
from ipl.mining.media import Box, frames, key_frames
from ipl.mining.timeline import gaps, length_ms, union
from ipl.records import MediaInfo, Reading, Span
from ipl_extractors.band import (
    LEAST_SCORE,
    NUM_PROBES,
    Band,
    Candidates,
    choose_bands,
    find_candidates,
    is_plain,
    may_hold_text,
)
from ipl_extractors.band_frame import Look
from ipl_extractors.lettering import lettering
from ipl_extractors.probes import Probes
from ipl_extractors.sightings import Sighting, scaled
from ipl_extractors.weave import stays, weaves

__all__ = ["BandSearch"]

CLOSEST_MS = 2000
"""Probes lie no closer than this: about the display of a text of some words."""
CLIP_MS, CLIP_PROBES = 8000, 8
"""A video so short may show one text, or two, which must be seen twice: it has so many probes, closer together."""
LONG_MS = 300_000
"""From this length of a video on, probes are key frames all over it; a shorter one is decoded from its start."""
FAR_MS = 5000
"""A key frame that lies longer before where a probe should be is none for it."""
PROBE_HEIGHT = 720
FEWEST_PROBES = 3
"""A short video's rows are plain after so many probes, if they are."""
FIRST_PROBES = 5
"""So many of a short video's frames are decoded while the first of them are looked at: mostly they are enough."""
NUM_LATER, LEAST_LATER_MS = 3, 4000
"""In so many frames of the rest of a video, if it is that long, a logo is looked for once more."""
MOST_PLACES = 3
"""At so many places of one row lines may stand: at the left, in the middle, and at the right."""
MOST_GAPS = 6
LEAST_GAP_MS, LONG_GAP_MS = 1500, 6000
"""Where nothing is displayed for so long, another band may show, and where for so long, several texts of it."""

Picture = npt.NDArray[np.uint8]


class BandSearch:
    """Looks for bands on frames that are spread over a video, and once more where nothing was shown in those found."""

    def __init__(self, media: MediaInfo, read_text: ReadText) -> None:
        self._media = media
        self._scale = min(1.0, PROBE_HEIGHT / media.height)
        self._seen = Probes(read_text, may_hold_text, LEAST_SCORE)

    def bands(self) -> list[Band]:
        """Returns where the subtitles stand, the likeliest band first; nothing where a video has none."""
        fewest = FEWEST_PROBES if self._media.duration_ms < LONG_MS else NUM_PROBES // 2
        for time_ms, picture in _pictures(self._media, self._height):
            self._seen.look(time_ms, picture)
            if len(self._seen.pictures) >= fewest and is_plain(self._candidates().rows):
                break
        self._doubt_marks()
        return self._found()

    def more_bands(self, known: Sequence[Band], displayed: Iterable[Span]) -> list[Band]:
        """Returns the bands that show where nothing was `displayed` in those that are known."""
        for middle_ms in _in_gaps(gaps(union(displayed), Span(0, self._media.duration_ms))):
            for time_ms, picture in _frames(self._media.path, 1, self._height, middle_ms, 1):
                self._seen.look(time_ms, picture, anew=True)
        more: list[Band] = []
        for band in self._found():
            there = [each for each in [*known, *more] if each.overlaps(band.box)]
            if not there:
                more.append(band)
            elif band.is_on_rows_of(there[0]) and len(there) < MOST_PLACES and not self._are_at(there, band):
                more.append(replace(band, box=there[0].box, rows=there[0].rows))
        return more

    def _are_at(self, known: Sequence[Band], band: Band) -> bool:
        """Whether most lines of a band stand at an anchor of bands that are known, too."""
        lines = [each.reading for each in self.sightings(band)]
        own = [each for each in lines if band.is_at_anchor(each)]
        return 2 * sum(any(other.is_at_anchor(each) for other in known) for each in own) >= len(own)

    def sightings(self, band: Band) -> list[Sighting]:
        """Returns what was read in a band, in pixels of the picture."""
        return [
            Sighting(time_ms, each)
            for time_ms, found in zip(self._seen.times_ms, self._probes, strict=True)
            for each in found
            if band.box.top <= (each.box[1] + each.box[3]) / 2 < band.box.bottom
        ]

    def weaves(self, band: Band) -> bool:
        """Whether the text of a band does not stand quite still; where probes show that it does, they are believed."""
        twice = {  # a line of each probe tells
            number: Box(*(round(side * self._scale) for side in each.box))
            for number, (one, other) in enumerate(pairwise(self._probes))
            for each in one
            if band.overlaps(each.box) and each.text in {same.text for same in other}
        }
        look, seen = (
            Look(max(8, round(band.line_height * scale)), dark=band.lettering.dark) for scale in (1.0, self._scale)
        )
        still = stays(self._seen.pictures, twice, seen)
        return not still and weaves(self._media, band.box, look, self.sightings(band))

    def _doubt_marks(self) -> None:
        """Looks at later frames too, if they do not show what has been in nearly all so far: that was no logo then."""
        marks, end_ms = self._candidates().marks, self._media.duration_ms
        past_ms = max(self._seen.times_ms, default=0)
        if not marks or end_ms >= LONG_MS or end_ms - past_ms < LEAST_LATER_MS:
            return
        boxes = [Box(*(round(side * self._scale) for side in mark)) for mark in marks]
        for part in range(NUM_LATER):
            near_ms = round(past_ms + (2 * part + 1) * (end_ms - past_ms) / (2 * NUM_LATER))
            for time_ms, picture in _about(self._media.path, self._height, near_ms):
                if time_ms > past_ms and not all(self._seen.shows(box, picture) for box in boxes):
                    self._seen.look(time_ms, picture, anew=True)

    @property
    def _height(self) -> int:
        return round(self._media.height * self._scale)

    @property
    def _probes(self) -> list[list[Reading]]:
        return [[scaled(each, 1 / self._scale) for each in found] for found in self._seen.readings]

    def _candidates(self) -> Candidates:
        return find_candidates(self._probes, self._media.width, self._media.height)

    def _found(self) -> list[Band]:
        bands = choose_bands(self._probes, self._media.width, self._media.height)
        probes = list(zip(self._seen.pictures, self._probes, strict=True))
        found = []
        for band in bands:
            lines = [crop for probe in probes for crop in _crops(band, *probe, self._scale)]
            found.append(replace(band, lettering=lettering(lines, round(band.line_height * self._scale))))
        # At another place of the same rows stand signs, if they are the other way round.
        first = {band.box: band for band in reversed(found)}
        return [band for band in found if band.lettering.dark == first[band.box].lettering.dark]


def _in_gaps(empty: Iterable[Span]) -> Iterator[int]:
    """Yields times in the longest gaps, of long ones first the middle and then that of each half; some at the most."""
    rest = [gap for gap in empty if length_ms(gap) >= LEAST_GAP_MS]
    for _ in range(MOST_GAPS):
        if not rest:
            return
        gap = max(rest, key=length_ms)
        rest.remove(gap)
        middle_ms = (gap.start_ms + gap.end_ms) // 2
        yield middle_ms
        if length_ms(gap) >= LONG_GAP_MS:
            rest += [Span(gap.start_ms, middle_ms), Span(middle_ms, gap.end_ms)]


def _crops(band: Band, picture: Picture, readings: Sequence[Reading], scale: float) -> list[Picture]:
    """The texts of a band in a probe: what stands at its anchor, and no signs."""
    boxes = [
        each.box
        for each in readings
        if band.box.top <= each.box[1] and each.box[3] <= band.box.bottom and band.is_at_anchor(each)
    ]
    cut = [tuple(round(side * scale) for side in box) for box in boxes]
    return [picture[top:bottom, left:right] for left, top, right, bottom in cut if right > left and bottom > top]


def _pictures(media: MediaInfo, height: int) -> Iterator[tuple[float, Picture]]:
    """A few frames and their times in ms, in the order in which to look at them."""
    if media.duration_ms < LONG_MS:
        is_clip = media.duration_ms < CLIP_MS
        step_ms = media.duration_ms // CLIP_PROBES if is_clip else max(CLOSEST_MS, media.duration_ms // NUM_PROBES)
        step_ms = max(1, step_ms)
        start_ms, most = step_ms // 2, FIRST_PROBES
        while start_ms < media.duration_ms:
            # Nothing comes past the end of a file that was cut short; following the band tells of it.
            yield from _frames(media.path, 1000 / step_ms, height, start_ms, most)
            start_ms, most = start_ms + most * step_ms, 2 * most
        return
    # Far apart first, and none near the ends, where titles stand.
    for probe in sorted(range(NUM_PROBES), key=lambda probe: f"{probe:05b}"[::-1]):
        yield from _about(media.path, height, (2 * probe + 1) * media.duration_ms // (2 * NUM_PROBES))


def _about(path: Path, height: int, near_ms: int) -> Iterator[tuple[float, Picture]]:
    """The last key frame before a time, or the frame shown then where that is far: another probe may get the same."""
    shown = next(key_frames(path, near_ms, height=height), None)
    if shown is None or near_ms - shown[0] > FAR_MS:
        yield from _frames(path, 1, height, near_ms, 1)
    else:
        yield shown


def _frames(
    path: Path, frames_per_second: float, height: int, start_ms: int, most: int
) -> Iterator[tuple[int, Picture]]:
    """Frames to look at: not exact to the frame, and what is damaged will be told when the band is followed."""
    return frames(
        path,
        frames_per_second,
        height=height,
        start_ms=start_ms,
        most=most,
        only_references=True,
        on_damage=lambda _: None,
    )
