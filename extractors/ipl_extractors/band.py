"""Where a video's burned-in subtitles stand: the detector on a few frames, until rows of changing text are plain.

There may be several bands: lines move to the top while a sign is shown at the bottom, or a translation stands there.

Coordinates are pixels of the picture as shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from rapidfuzz.fuzz import ratio

from ipl.hookspecs import ReadText
from ipl.mining.media import Box, frames, key_frames
from ipl.mining.timeline import gaps, length_ms, union
from ipl.records import MediaInfo, Reading, Span
from ipl_extractors.outlines import ENCLOSED, cast, enclosed, rim
from ipl_extractors.probes import Probes
from ipl_extractors.rows import PLACES, SAME_TEXT, Anchor, Row, anchors_beside, find_rows, is_same_text
from ipl_extractors.sightings import Sighting, scaled
from ipl_extractors.strokes import CONTRAST, Luma, contrast, one_colour

__all__ = ["Band", "BandSearch", "choose_bands"]

NUM_PROBES = 24
CLOSEST_MS = 2000
"""Probes lie no closer than this: about the display of a text of some words."""
LONG_MS = 300_000
"""From this length of a video on, probes are key frames all over it; a shorter one is decoded from its start."""
FAR_MS = 5000
"""A key frame that lies longer before where a probe should be is none for it."""
PROBE_HEIGHT = 720
ENOUGH_TEXTS = 3
"""So many different texts on one row, and not half as many on any other, need no further probe."""
ALWAYS_THERE = 0.9
"""The share of probes from which on a text that never changes is a logo."""
NUM_LATER, LEAST_LATER_MS = 3, 4000
"""In so many frames of the rest of a video, if it is that long, a logo is looked for once more."""
MIN_SCORE = 0.6
MIDDLE = 0.35, 0.65
AT_EDGE = 0.006
"""The share of the width that subtitles keep free on either side."""
PURE = 80
"""How much brighter in one colour than in luma letters are of which luma tells too little: red, blue, purple."""
SELDOM, SOMETIMES = 0.1, 0.2
"""Letters may be of one colour here and of another there: two speakers, by line; a karaoke line, by stroke."""
BARE = 1.0
"""How much darker than the scene what is right beside letters without outlines is at the most, seen from the letters:
0.91 to 0.97 of bare ones over five films; of any others over forty 1.04 or more, of those in a clear box the least."""
FEWEST_SEEN = 200
"""Of so many pixels of strokes that must have been seen."""
SHADOW = 0.12
"""How much more of what is dark lies to one side of bright letters than to the other: 0.19 of letters with a shadow
and no outline, at most 0.06 of dark ones of eleven films."""
CLEARER = 0.1
"""How much more of white letters is closed off in luma than by the brightest colour, at the least: mostly 0.2."""
OFF_MIDDLE = 0.05
MOST_BANDS = 3
MOST_PLACES = 3
"""At so many places of one row lines may stand: at the left, in the middle, and at the right."""
MOST_GAPS = 6
LEAST_GAP_MS, LONG_GAP_MS = 1500, 6000
"""Where nothing is displayed for so long, another band may show, and where for so long, several texts of it."""
OTHER_SIZE = 0.6, 1.7
"""How high the letters of a further band may be, as shares of the first's."""
JITTER = 0.2
"""How far a text's box may be off in another probe, as a share of its height."""
SAME_SIZE, SAME_ANCHOR = (0.7, 1.4), 0.3
"""How high a lone line may be, as shares of the others, and how far off their anchor, as a share of their height.

One without letters that hang below ("Hm.") is a quarter lower."""
ENOUGH_LETTERS, SAME_WIDTH = 12, 0.15
"""Letters of one size are in the mean of so many as wide, but for this share."""

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
    bare: bool = False
    """the letters have no outlines, and stand in no box: beside them the scene is as it is"""
    colourful: bool = False
    """the letters stand out by their colour more than by their luma: pure red or blue"""
    rows: tuple[float, ...] = ()
    """the heights on which the middles of lines were seen; first where one of nearly every text is: its last, at the
    top of the picture its first"""


class BandSearch:
    """Looks for bands on frames that are spread over a video, and once more where nothing was shown in those found."""

    def __init__(self, media: MediaInfo, read_text: ReadText) -> None:
        self._media = media
        self._scale = min(1.0, PROBE_HEIGHT / media.height)
        self._seen = Probes(read_text, _may_hold_text, MIN_SCORE)

    def bands(self) -> list[Band]:
        """Returns where the subtitles stand, the likeliest band first; nothing where a video has none."""
        fewest = ENOUGH_TEXTS if self._media.duration_ms < LONG_MS else NUM_PROBES // 2
        for time_ms, picture in _pictures(self._media, self._height):
            self._seen.look(time_ms, picture)
            if len(self._seen.pictures) >= fewest and _is_plain(self._candidates()[1]):
                break
        self._doubt_marks()
        return self._found()

    def more_bands(self, known: Sequence[Band], displayed: Iterable[Span]) -> list[Band]:
        """Returns the bands that show where nothing was `displayed` in those that are known."""
        for middle_ms in _in_gaps(gaps(union(displayed), Span(0, self._media.duration_ms))):
            for time_ms, picture in islice(_frames(self._media.path, 1, self._height, middle_ms), 1):
                self._seen.look(time_ms, picture, anew=True)
        more: list[Band] = []
        for band in self._found():
            there = [each for each in [*known, *more] if _overlap(each.box, band.box)]
            if not there:
                more.append(band)
            elif _is_beside(band, there) and not self._are_at(there, band):
                more.append(replace(band, box=there[0].box, rows=there[0].rows))
        return more

    def _are_at(self, known: Sequence[Band], band: Band) -> bool:
        """Whether most lines of a band stand at an anchor of bands that are known, too."""
        lines = [each.reading for each in self.sightings(band)]
        own = [each for each in lines if _stands_at_anchor(each, band)]
        return 2 * sum(any(_stands_at_anchor(each, other) for other in known) for each in own) >= len(own)

    def sightings(self, band: Band) -> list[Sighting]:
        """Returns what was read in a band, in pixels of the picture."""
        return [
            Sighting(time_ms, each)
            for time_ms, found in zip(self._seen.times_ms, self._probes, strict=True)
            for each in found
            if band.box.top <= (each.box[1] + each.box[3]) / 2 < band.box.bottom
        ]

    def _doubt_marks(self) -> None:
        """Looks at later frames too, if they do not show what has been in nearly all so far: that was no logo then."""
        marks = self._candidates()[0]
        past_ms, end_ms = self._seen.times_ms[-1] if marks else 0, self._media.duration_ms
        if not marks or end_ms - past_ms < LEAST_LATER_MS:
            return
        boxes = [Box(*(round(side * self._scale) for side in mark)) for mark in marks]
        for part in range(NUM_LATER):
            near_ms = round(past_ms + (2 * part + 1) * (end_ms - past_ms) / (2 * NUM_LATER))
            for time_ms, picture in islice(_frames(self._media.path, 1, self._height, near_ms), 1):
                if not all(self._seen.shows(box, picture) for box in boxes):
                    self._seen.look(time_ms, picture, anew=True)

    @property
    def _height(self) -> int:
        return round(self._media.height * self._scale)

    @property
    def _probes(self) -> list[list[Reading]]:
        return [[scaled(each, 1 / self._scale) for each in found] for found in self._seen.readings]

    def _candidates(self) -> tuple[list[Box], list[Row], list[tuple[int, Reading]]]:
        return _candidates(self._probes, self._media.width, self._media.height)

    def _found(self) -> list[Band]:
        bands = choose_bands(self._probes, self._media.width, self._media.height)
        probes = list(zip(self._seen.pictures, self._probes, strict=True))
        found = [
            _coloured(band, [_crops(band, *probe, self._scale) for probe in probes], self._scale) for band in bands
        ]
        # At another place of the same rows stand signs, if they are the other way round.
        first = {band.box: band for band in reversed(found)}
        return [band for band in found if band.dark == first[band.box].dark]


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
        if band.box.top <= each.box[1] and each.box[3] <= band.box.bottom and _stands_at_anchor(each, band)
    ]
    cut = [tuple(round(side * scale) for side in box) for box in boxes]
    return [picture[top:bottom, left:right] for left, top, right, bottom in cut if right > left and bottom > top]


def _coloured(band: Band, crops: Sequence[Sequence[Picture]], scale: float) -> Band:
    """The band, and how its letters differ from what is around them."""
    import cv2

    pictures = [picture for found in crops for picture in found]
    line_height = round(band.line_height * scale)
    lumas = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8) for picture in pictures]
    values: list[Luma] = [picture.max(axis=2) for picture in pictures]
    closed = [
        (enclosed(value, line_height), enclosed(luma, line_height)) for value, luma in zip(values, lumas, strict=True)
    ]
    pure = [
        _are_pure(value, luma, line_height) and by_value >= by_luma - CLEARER
        for value, luma, (by_value, by_luma) in zip(values, lumas, closed, strict=True)
    ]
    colourful = sum(pure) > SELDOM * len(pure)
    tell = [max(both) if colourful else both[1] for both in closed]  # either may fail to tell of a letter what it is
    lights = values if colourful else lumas
    is_open = bool(tell) and median(tell) < ENCLOSED
    has_shadow = is_open and median(cast(light, line_height) for light in lights) >= SHADOW
    dark = is_open and not has_shadow
    bare = has_shadow or _are_bare([255 - light if dark else light for light in lights], line_height)
    return replace(band, dark=dark, bare=bare, colourful=colourful)


def _are_bare(crops: Sequence[Luma], line_height: int) -> bool:
    """Whether bright letters have nothing around them that lets them stand out; false where that does not show."""
    rims = [rim(crop, line_height) for crop in crops]
    num_seen = sum(each.num_pixels for each in rims)
    return num_seen >= FEWEST_SEEN and sum(each.darker * each.num_pixels for each in rims) < BARE * num_seen


def _are_pure(value: Luma, luma: Luma, line_height: int) -> bool:
    """Whether some of the bright strokes in a crop are of a pure colour; `value` is the brightest of its colours."""
    strokes = one_colour(contrast(value, line_height) > CONTRAST, value)
    pure = strokes & (value.astype(np.int16) - luma > PURE)
    return int(np.count_nonzero(pure)) > SOMETIMES * max(1, int(np.count_nonzero(strokes)))


def _pictures(media: MediaInfo, height: int) -> Iterator[tuple[float, Picture]]:
    """A few frames and their times in ms, in the order in which to look at them."""
    if media.duration_ms < LONG_MS:
        step_ms = max(CLOSEST_MS, media.duration_ms // NUM_PROBES)
        # Nothing comes past the end of a file that was cut short; following the band tells of it.
        yield from _frames(media.path, 1000 / step_ms, height, step_ms // 2)
        return
    # Far apart first, and none near the ends, where titles stand.
    for probe in sorted(range(NUM_PROBES), key=lambda probe: f"{probe:05b}"[::-1]):
        near_ms = (2 * probe + 1) * media.duration_ms // (2 * NUM_PROBES)
        shown = next(key_frames(media.path, near_ms, height=height), None)
        if shown is None or near_ms - shown[0] > FAR_MS:  # few key frames: another probe may get the same one
            shown = next(_frames(media.path, 1, height, near_ms), None)
        if shown is not None:
            yield shown


def _frames(path: Path, frames_per_second: float, height: int, start_ms: int) -> Iterator[tuple[int, Picture]]:
    """Frames to look at: not exact to the frame, and what is damaged will be told when the band is followed."""
    return frames(
        path, frames_per_second, height=height, start_ms=start_ms, only_references=True, on_damage=lambda _: None
    )


def choose_bands(probes: Sequence[Sequence[Reading]], width: int, height: int) -> list[Band]:
    """Chooses the bands from what was read in each probe, the likeliest first.

    A row of text is a candidate if its text changes, or comes and goes; one that never does is a logo. The
    candidate with the most changes makes the first band, the lower of two equal ones; rows next to it join it.
    Another band needs to have had different texts of about the same size, or one that is set as those of the first.
    """
    marks, candidates, still = _candidates(probes, width, height)
    bands: list[Band] = []
    beside: list[Band] = []
    first: Row | None = None
    for best in candidates:
        lone = best.num_texts < 2 and not (_goes_with(best, first, width) if first else _may_be_all(best, width))
        unlike = bands and not OTHER_SIZE[0] < best.height / bands[0].line_height < OTHER_SIZE[1]
        if lone or unlike or any(band.box.top < best.centre < band.box.bottom for band in bands):
            continue
        lines = _lines(best, candidates, width)
        box = _box(lines, width, height)
        if not any(_overlap(box, band.box) for band in bands):
            inside = tuple(mark for mark in marks if _overlap(mark, box))
            first = first or best
            band = Band(box, round(best.height), best.anchor, inside, rows=tuple(row.centre for row in lines))
            bands.append(band)
            beside += [replace(band, anchor=anchor) for anchor in anchors_beside(lines, still, width)]
    bands = bands[:MOST_BANDS]
    return [*bands, *(band for band in beside if band.box in {each.box for each in bands})]


def _is_beside(band: Band, known: Sequence[Band]) -> bool:
    """Whether a band has its lines at another place of the rows that some known ones share."""
    is_on_rows = abs(known[0].box.top - band.box.top) <= band.line_height and known[0].dark == band.dark
    return is_on_rows and len(known) < MOST_PLACES


def _stands_at_anchor(line: Reading, band: Band) -> bool:
    return abs(PLACES[band.anchor.kind](line) - band.anchor.x) <= 0.5 * band.line_height


def _may_be_all(row: Row, width: int) -> bool:
    """Whether a row's one text may be all that a video has of subtitles: it stays, and in the middle of the width."""
    return row.num_frames >= 2 and row.is_still and _off(row, _middle(width)) < OFF_MIDDLE * width


def _goes_with(row: Row, first: Row, width: int) -> bool:
    """Whether a row's one text is as large as those of the first, and stands as a line that was moved out of the way.

    That is at the same anchor, or in the middle of the width; of a long line detectors may lose a letter at one end.
    """
    off_middle = _off(row, _middle(width))
    is_as_wide = _are_as_wide(row, first)
    if is_as_wide and off_middle < OFF_MIDDLE * width:
        return True
    is_as_large = is_as_wide or SAME_SIZE[0] < row.height / first.height < SAME_SIZE[1]
    return is_as_large and min(_off(row, first.anchor), off_middle) < SAME_ANCHOR * first.height


def _middle(width: int) -> Anchor:
    return Anchor("centre", width / 2)


def _off(row: Row, anchor: Anchor) -> float:
    """How far the lines of a row are off an anchor, in pixels."""
    return abs(median(PLACES[anchor.kind](line) for _, line in row.found) - anchor.x)


def _are_as_wide(row: Row, other: Row) -> bool:
    """Whether the letters of two rows of text are about as wide; a detector's boxes may be higher over a busy scene."""
    widths = [
        [(line.box[2] - line.box[0]) / len(line.text) for _, line in each.found if len(line.text) >= ENOUGH_LETTERS]
        for each in (row, other)
    ]
    return all(widths) and abs(median(widths[0]) / median(widths[1]) - 1) < SAME_WIDTH


def _lines(best: Row, candidates: Sequence[Row], width: int) -> list[Row]:
    """A row and those next to it, of which one text may have lines."""
    lines = [best]
    for row in sorted(candidates, key=lambda row: abs(row.centre - best.centre)):
        may_be = row is not best and (row.num_texts > 1 or best.num_texts < 2 or _goes_with(row, best, width))
        if may_be and any(row.is_next_to(line) for line in lines):
            lines.append(row)
    return lines


def _box(lines: Sequence[Row], width: int, height: int) -> Box:
    """The strip around rows, of which the first is the best."""
    best = lines[0]
    margin = 0.4 * best.height
    top = min(each.box[1] for line in lines for _, each in line.found)
    bottom = max(each.box[3] for line in lines for _, each in line.found)
    # Room for one more line, on the side where it would stand: in a few probes it may not have shown.
    if top + bottom > height:
        top -= round(best.height)
    else:
        bottom += round(best.height)
    return Box(0, max(0, int(top - margin)), width, min(height, round(bottom + margin)))


def _candidates(
    probes: Sequence[Sequence[Reading]], width: int, height: int
) -> tuple[list[Box], list[Row], list[tuple[int, Reading]]]:
    """Returns what never changes, the rows that may hold subtitles, the likeliest first, and all that stands still."""
    readings = [(probe, each) for probe, found in enumerate(probes) for each in found if _is_text(each, width, height)]
    marks = list(_marks(readings, len(probes)))
    still = [each for each in readings if not any(_drifts(each, other) for other in readings)]
    still = [each for each in still if not any(_is_of(each[1].box, mark) for mark in marks)]
    candidates = [row for row in find_rows(still, width) if _may_be_subtitles(row, len(probes), height)]
    return marks, _without_titles(candidates, width, height), still


def _without_titles(rows: Sequence[Row], width: int, height: int) -> list[Row]:
    """The likeliest first, and in the middle of the picture none that is there no more often than one elsewhere."""
    ranked = sorted(rows, key=lambda row: (row.num_texts, row.num_frames, row.centre), reverse=True)
    outside = [row for row in ranked if row.num_texts > 1 and not _is_in_the_middle(row, height)]
    most_frames = max((row.num_frames for row in outside), default=0)
    lines = [line for row in outside for line in _lines(row, ranked, width)]  # a text of many lines may reach there
    return [row for row in ranked if not _is_in_the_middle(row, height) or row in lines or row.num_frames > most_frames]


def _may_be_subtitles(row: Row, num_probes: int, height: int) -> bool:
    """Whether text came and went; in the middle of the picture, where titles stand, it must be there often."""
    if _is_in_the_middle(row, height) and row.num_frames < num_probes / 2:
        return False
    return row.num_frames >= 2 or num_probes < NUM_PROBES


def _is_in_the_middle(row: Row, height: int) -> bool:
    return MIDDLE[0] * height < row.centre < MIDDLE[1] * height


def _is_plain(candidates: Sequence[Row]) -> bool:
    """Whether one row, with those next to it, has so many texts that no other can be the subtitles."""
    if not candidates or candidates[0].num_texts < ENOUGH_TEXTS:
        return False
    best = candidates[0]
    others = [row.num_texts for row in candidates[1:] if not row.is_next_to(best)]
    return 2 * max(others, default=0) < best.num_texts


def _is_text(reading: Reading, width: int, height: int) -> bool:
    left, top, right, bottom = reading.box
    upright = bottom - top > 1.5 * (right - left) and len(reading.text) > 1
    is_read = reading.score >= MIN_SCORE and any(map(str.isalnum, reading.text))
    return is_read and not upright and _may_hold_text(reading.box, width, height)


def _may_hold_text(box: Sequence[int], width: int, height: int) -> bool:
    left, top, right, bottom = box
    cut = left <= AT_EDGE * width or right >= (1 - AT_EDGE) * width  # a ticker, or a sign that is half in the picture
    return 0.015 * height < bottom - top < 0.2 * height and not cut


def _marks(readings: Sequence[tuple[int, Reading]], num_probes: int) -> Iterator[Box]:
    """Yields the boxes of texts that stand at one place in nearly all probes."""
    taken: set[int] = set()
    for number, (_, reading) in enumerate(readings):
        if number in taken:
            continue
        same = [
            other
            for other, (_, each) in enumerate(readings)
            if _stands_at(each.box, reading.box) and is_same_text(each.text, reading.text)
        ]
        taken.update(same)
        if num_probes >= 4 and len({readings[other][0] for other in same}) >= ALWAYS_THERE * num_probes:
            boxes = np.array([readings[other][1].box for other in same])
            left, top = boxes[:, :2].min(axis=0).tolist()
            right, bottom = boxes[:, 2:].max(axis=0).tolist()
            yield Box(left, top, right, bottom)


def _drifts(one: tuple[int, Reading], other: tuple[int, Reading]) -> bool:
    """Whether a text stands elsewhere in a probe next to its own: a sign in a moving scene."""
    (probe, each), (other_probe, same) = one, other
    if abs(probe - other_probe) != 1 or ratio(each.text, same.text) < SAME_TEXT:
        return False
    stands = _stands_at(each.box, same.box) or _ends_at(each.box, same.box)
    return _overlap(each.box, same.box) and not stands


def _stands_at(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two boxes begin at one place, to within what detectors vary; a board drifts with the scene."""
    reach = JITTER * (other[3] - other[1])
    return abs(one[0] - other[0]) <= reach and abs(one[1] - other[1]) <= reach


def _ends_at(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two boxes end at one place: of a line a detector may find the end alone."""
    reach = JITTER * (other[3] - other[1])
    return abs(one[2] - other[2]) <= reach and abs(one[3] - other[3]) <= reach


def _is_of(box: Sequence[int], mark: Sequence[int]) -> bool:
    """Whether a text is part of a mark, or stands over it; detectors' boxes of lines next to it reach into it too."""
    return _overlap(box, mark) and mark[1] <= (box[1] + box[3]) / 2 < mark[3]


def _overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
