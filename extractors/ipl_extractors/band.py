"""Where subtitles stand: the strips of the picture in which text changes, told from what was read on some frames.

Coordinates are pixels of the picture as shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

import numpy as np
from rapidfuzz.fuzz import ratio

from ipl.mining.media import Box
from ipl.records import Reading
from ipl_extractors.band_frame import OFF_ROW
from ipl_extractors.lettering import OUTLINED, Lettering
from ipl_extractors.rows import FIRST_KINDS, PLACES, SAME_TEXT, Anchor, Row, anchors_beside, find_rows, is_same_text

__all__ = [
    "LEAST_SCORE",
    "NUM_PROBES",
    "Band",
    "Candidates",
    "choose_bands",
    "find_candidates",
    "is_plain",
    "may_hold_text",
]

NUM_PROBES = 24
"""So many frames tell of a band for sure; where rows are plain, fewer."""
ENOUGH_TEXTS = 3
"""So many different texts on one row, and not half as many on any other, need no further probe."""
ALWAYS_THERE = 0.9
"""The share of probes from which on a text that never changes is a logo."""
LEAST_SCORE = 0.6
MIDDLE = 0.35, 0.65
AT_EDGE = 0.006
"""The share of the width that subtitles keep free on either side."""
OFF_MIDDLE = 0.05
MOST_BANDS = 3
OTHER_SIZE = 0.6, 1.7
"""How high the letters of a further band may be, as shares of the first's."""
JITTER = 0.2
"""How far a text's box may be off in another probe, as a share of its height."""
SAME_SIZE, SAME_ANCHOR = (0.7, 1.4), 0.3
"""How high a lone line may be, as shares of the others, and how far off their anchor, as a share of their height.

One without letters that hang below ("Hm.") is a quarter lower."""
FEWEST_WANDERING, WANDERING = 8, 0.25
"""Of so many texts less than this share begin, end or have their middle at one height where each has one of its own."""
ENOUGH_LETTERS, SAME_WIDTH = 12, 0.15
"""Letters of one size are in the mean of so many as wide, but for this share."""


@dataclass(frozen=True, slots=True)
class Band:
    """The strip, as wide as the picture, in which subtitles appear, and the marks in it that never change."""

    box: Box
    line_height: int
    anchor: Anchor
    marks: tuple[Box, ...] = ()
    lettering: Lettering = OUTLINED
    rows: tuple[float, ...] = ()
    """the heights on which the middles of lines were seen; first where one of nearly every text is: its last, at the
    top of the picture its first"""

    def overlaps(self, box: Sequence[int]) -> bool:
        """Whether it has some of a box."""
        return _overlap(self.box, box)

    def is_at_anchor(self, line: Reading) -> bool:
        """Whether a line stands where those of the band do."""
        return abs(PLACES[self.anchor.kind](line) - self.anchor.x) <= 0.5 * self.line_height

    def is_on_rows_of(self, other: Band) -> bool:
        """Whether its lines stand on the heights of another's, at another place, and look alike."""
        is_near = abs(other.box.top - self.box.top) <= self.line_height
        return is_near and self.lettering.dark == other.lettering.dark


def choose_bands(probes: Sequence[Sequence[Reading]], width: int, height: int) -> list[Band]:
    """Chooses the bands from what was read in each probe, the likeliest first.

    A row of text is a candidate if its text changes, or comes and goes; one that never does is a logo. The
    candidate with the most changes makes the first band, the lower of two equal ones; rows next to it join it.
    Another band needs to have had different texts of about the same size, or one that is set as those of the first.
    """
    marks, candidates, still = find_candidates(probes, width, height)
    if wandering := _wandering(still, width, height):
        return [wandering]
    bands: list[Band] = []
    beside: list[Band] = []
    first: Row | None = None
    for best in candidates:
        lone = best.num_texts < 2 and not (
            _goes_with(best, first, width) if first else _may_be_all(best, width, height)
        )
        unlike = bands and not OTHER_SIZE[0] < best.height / bands[0].line_height < OTHER_SIZE[1]
        if lone or unlike or any(band.box.top < best.centre < band.box.bottom for band in bands):
            continue
        lines = _lines(best, candidates, width)
        box = _box(lines, width, height)
        if not any(_overlap(box, band.box) for band in bands):
            inside = tuple(mark for mark in marks if _overlap(mark, box))
            first = first or best
            band = Band(box, round(best.height), best.anchor, inside, rows=tuple(_heights(lines, still)))
            bands.append(band)
            beside += [replace(band, anchor=anchor) for anchor in anchors_beside(lines, still, width)]
    bands = bands[:MOST_BANDS]
    if first and (row := _across(first, still, width)):
        bands[:1] = _parted(bands[0], first, row, width, height)
    return [*bands, *(band for band in beside if band.box in {each.box for each in bands})]


def _wandering(still: Sequence[tuple[int, Reading]], width: int, height: int) -> Band | None:
    """The one band of a video that shows every text at a height of its own, in the middle of the width; or None."""
    if not still:
        return None
    high = median(each.box[3] - each.box[1] for _, each in still)
    blocks: dict[int, list[Reading]] = defaultdict(list)
    for probe, each in still:
        is_as_high = SAME_SIZE[0] * high < each.box[3] - each.box[1] < SAME_SIZE[1] * high
        if is_as_high and abs(PLACES["centre"](each) - width / 2) <= SAME_ANCHOR * high:
            blocks[probe].append(each)
    texts = {"\n".join(each.text for each in lines): lines for lines in blocks.values()}
    if len(texts) < FEWEST_WANDERING:
        return None
    tops = np.array([min(each.box[1] for each in lines) for lines in texts.values()])
    bottoms = np.array([max(each.box[3] for each in lines) for lines in texts.values()])
    sides = tops, bottoms, (tops + bottoms) / 2
    most = max(np.count_nonzero(np.abs(places - place) <= high / 2) for places in sides for place in places)
    if most >= WANDERING * len(texts):
        return None
    box = Box(0, max(0, round(tops.min() - high)), width, min(height, round(bottoms.max() + high)))
    return Band(box, round(high), _middle(width))


def _may_be_all(row: Row, width: int, height: int) -> bool:
    """Whether a row's one text may be all that a video has of subtitles.

    It stays, and in the middle of the width; where titles stand, in the middle of the picture, it is one.
    """
    return row.is_still and _off(row, _middle(width)) < OFF_MIDDLE * width and not _is_in_the_middle(row, height)


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


def _across(first: Row, still: Sequence[tuple[int, Reading]], width: int) -> Row | None:
    """Where the first row's lines start at the left, a row next to it whose lines end at the right: who sings with."""
    if first.anchor.kind != "left":
        return None
    rows = find_rows(still, width, (*FIRST_KINDS, "right"))
    ending = [row for row in rows if row.anchor.kind == "right" and row.num_texts > 1 and row.is_next_to(first)]
    return max(ending, key=lambda row: row.num_texts, default=None)


def _parted(band: Band, first: Row, across: Row, width: int, height: int) -> list[Band]:
    """A band whose first row is known, and one for the row next to it, each up to the middle between the two."""
    middle = round((first.centre + across.centre) / 2)
    box = _box([across], width, height)
    if across.centre > first.centre:
        boxes = band.box._replace(bottom=middle), box._replace(top=middle)
    else:
        boxes = band.box._replace(top=middle), box._replace(bottom=middle)
    rows = tuple(row for row in band.rows if boxes[0].top < row < boxes[0].bottom)
    other = Band(boxes[1], round(across.height), across.anchor, rows=(across.centre,))
    return [replace(band, box=boxes[0], rows=rows), other]


def _heights(lines: Sequence[Row], still: Sequence[tuple[int, Reading]]) -> list[float]:
    """On which heights the middles of lines stand, those of the rows first.

    Of texts that are centred about one height, a line by itself stands between where two do: right at their anchor.
    """
    best, heights = lines[0], [row.centre for row in lines]
    for _, each in still:
        middle, height = (each.box[1] + each.box[3]) / 2, each.box[3] - each.box[1]
        is_at_anchor = abs(PLACES[best.anchor.kind](each) - best.anchor.x) <= SAME_ANCHOR * best.height
        is_as_high = SAME_SIZE[0] < height / best.height < SAME_SIZE[1]
        is_between = min(heights) < middle < max(heights)
        is_new = all(abs(middle - known) > OFF_ROW * best.height for known in heights)
        if is_between and is_at_anchor and is_as_high and is_new:
            heights.append(middle)
    return heights


class Candidates(NamedTuple):
    """What the probes show."""

    marks: list[Box]
    """what never changes"""
    rows: list[Row]
    """those that may hold subtitles, the likeliest first"""
    still: list[tuple[int, Reading]]
    """all that stands still, with the probe's number"""


def find_candidates(probes: Sequence[Sequence[Reading]], width: int, height: int) -> Candidates:
    """Tells what of that which was read in some probes may hold subtitles, in pictures of this size."""
    readings = [(probe, each) for probe, found in enumerate(probes) for each in found if _is_text(each, width, height)]
    marks = list(_marks(readings, len(probes)))
    still = [each for each in readings if not any(_drifts(each, other) for other in readings)]
    still = [each for each in still if not any(_is_of(each[1].box, mark) for mark in marks)]
    candidates = [row for row in find_rows(still, width) if _may_be_subtitles(row, len(probes), height)]
    return Candidates(marks, _without_titles(candidates, width, height), still)


def _without_titles(rows: Sequence[Row], width: int, height: int) -> list[Row]:
    """The likeliest first, and in the middle of the picture none that is there no more often than one elsewhere.

    Nor one or two of a picture that is wider than high: on upright ones, of phones, subtitles stand there too.
    """
    fewest = ENOUGH_TEXTS if width > height else 1
    rows = [row for row in rows if not (_is_in_the_middle(row, height) and row.num_texts < fewest)]
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


def is_plain(candidates: Sequence[Row]) -> bool:
    """Whether one row, with those next to it, has so many texts that no other can be the subtitles."""
    if not candidates or candidates[0].num_texts < ENOUGH_TEXTS:
        return False
    best = candidates[0]
    others = [row.num_texts for row in candidates[1:] if not row.is_next_to(best)]
    return 2 * max(others, default=0) < best.num_texts


def _is_text(reading: Reading, width: int, height: int) -> bool:
    left, top, right, bottom = reading.box
    upright = bottom - top > 1.5 * (right - left) and len(reading.text) > 1
    is_read = reading.score >= LEAST_SCORE and any(map(str.isalnum, reading.text))
    return is_read and not upright and may_hold_text(reading.box, width, height)


def may_hold_text(box: Sequence[int], width: int, height: int) -> bool:
    """Whether what the detector found may be a line, in a picture of this size."""
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
