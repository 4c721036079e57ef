"""Displays of a band read, some at a time, with what is known of the band so far.

1. What is on in nearly all displays, and between them too, is no text, but a logo; what was there before a display
   and is after it, a sign.
2. Each line is read from the stack of its frames, the scene between outlined letters painted over, if it was not
   surely read in a whole frame before. A doubtful one is read again, with more room above and below: with all but its
   strokes wiped out, and if that differs, from one frame as it is. Mostly the stack is best, as recognisers know text
   with a picture behind it.
3. What is read beside the line's own ink is of a sign that touches it.
4. What only the ink can tell, the track's typography puts right.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz.fuzz import ratio

from ipl.hookspecs import ReadText
from ipl.mining.media import Box
from ipl.records import Reading
from ipl_extractors.band_frame import Look
from ipl_extractors.crops import Crop, line_crop, without_scene
from ipl_extractors.display import Display
from ipl_extractors.lexicon import Lexicon
from ipl_extractors.line_boxes import line_boxes, tallest
from ipl_extractors.outlines import NONE_CLOSED, Closed, enclosed, most_closed
from ipl_extractors.persistent import Persistent
from ipl_extractors.probes import one_line
from ipl_extractors.read_ahead import ReadAhead
from ipl_extractors.readings import ALIKE_TEXTS, DOUBTFUL_AGREE, Text, Vote, loses_little
from ipl_extractors.scenery import STAYED, logo_area, share_on, without_logo, without_signs
from ipl_extractors.sightings import Sighting, reading_of
from ipl_extractors.strokes import Luma, Mask, contrast, near, runs, stroke_mask
from ipl_extractors.typography import Line, Typography
from ipl_extractors.wording import worded

__all__ = ["BandReader"]

OVER_IT = 0.5
"""A letter of which less than this share is a logo's too covers it: the logo is not to be wiped out there."""
SURE_LETTER = 0.7
"""A letter that scores lower makes a line doubtful."""
FAIRLY_SURE = 0.85
"""A score from which on a doubtful reading need not be like another one: short texts rarely are."""
NEAR_LINE = 0.7
"""Lines of one text begin farther from one another than this share of their height."""
WITNESS = 0.5
"""A reading that is more likely wrong than right bears out no other."""
FAINT_MARKS = frozenset(".,-…'\"")
"""What is too small to be seen for sure in the ink. A long dash is not: without ink it is the edge of a letterbox."""
BARS = frozenset("1Il一丨")
"""What alone is no text for sure: a bar of the scene looks just like it."""
BEFORE, BEYOND = 0.1, 0.5
"""How far to the left and to the right of the ink a character may seem to stand, as shares of the line's height.

A recogniser reads from left to right and tells a character when most of it is past: of 403 lines none began before the
ink, and of 221 the last character stood up to a quarter of the height beyond it.
"""
MISSED = 0.6
"""How far from a letter's centre its own ink is at the most, as a share of the line's height."""


class _Line(NamedTuple):
    """A line of a display: its box in the band, its pictures, and what was read of it in a whole frame."""

    box: Box
    crop: Crop
    seen: Reading | None


@dataclass
class _Taken:
    """A display that waits to be read."""

    display: Display
    alone: Display
    """without signs"""
    lines: list[_Line] = field(default_factory=list)
    is_clean: bool = False
    """whether those were found when nothing of it was known to be always there"""


class BandReader:
    """Turns the displays of one band into texts; `sure_score` and `min_score` are the reader's scores, 0 to 1.

    `sightings` are lines of it that have been read before, `language` is the source's, if it is known.
    """

    def __init__(
        self,
        look: Look,
        read_text: ReadText,
        min_score: float,
        sure_score: float,
        sightings: Sequence[Sighting] = (),
        language: str | None = None,
    ) -> None:
        self._look = look
        self._sightings = sightings
        self._read_text = read_text
        self._min_score = min_score
        self._sure_score = sure_score
        self._lexicon = Lexicon(language)
        self._typography = Typography()
        self._displayed = Persistent()
        self._taken: list[_Taken] = []

    @property
    def apostrophe(self) -> str:
        """The kind of apostrophe that the band's text has, as far as it was read; what is read has straight ones."""
        return self._typography.apostrophe

    @property
    def num_taken(self) -> int:
        """How many displays wait to be read."""
        return len(self._taken)

    def take(self, display: Display, always_on: Mask) -> None:
        """Takes the next display, to be read with those around it; has its lines read ahead as they seem to be.

        `always_on` is what stands out while no text is shown, as far as that is known, bool [H, W].
        """
        stands_out = contrast(display.stack, self._look.line_height, self._look.dark)
        self._displayed.add(stroke_mask(stands_out, self._look.line_height, self._look.marks, self._look.bare))
        taken = _Taken(display, without_signs(display, self._look))
        self._taken.append(taken)
        if isinstance(self._read_text, ReadAhead):
            self._prepare(taken, always_on, self._logo(always_on))
            unread = [line.crop for line in taken.lines if not (line.seen and self._is_whole(line.seen, line.crop))]
            for crop in unread:
                self._read_text.expect([_picture(crop.tight), _picture(crop.wiped)], partial(self._will_do, crop))

    def read(self, always_on: Mask) -> Iterator[Text]:
        """Yields the text of each display taken, in order; a text without readings where nothing can be relied on."""
        taken, self._taken = self._taken, []
        logo = self._logo(always_on)
        for each in taken:
            self._prepare(each, always_on, logo)
        lines = [line for each in taken for line in each.lines]
        variants = self._variants([line.crop for line in lines], [line.seen for line in lines])
        for each in taken:
            found = _without_lone_bar({line.box: next(variants) for line in each.lines})
            told_once = _once(found, self._look.line_height)
            told = [box for box, line in found.items() if line]
            on_row, on_a_row = (any(map(has, told)) for has in (self._look.is_on_row, self._look.is_on_a_row))
            closed = reduce(most_closed, (self._closed(each.display, box) for box in told), NONE_CLOSED)
            own = _inside(each.display.strokes, told) if told else each.display.strokes
            off_anchor = max((self._off_anchor(line) for line in each.lines if line.box in told), default=0.0)
            text = self._text(replace(each.display, strokes=own), told_once, off_anchor)
            yield replace(text, closed=closed, on_row=on_row, on_a_row=on_a_row)

    def _logo(self, always_on: Mask) -> Mask:
        return logo_area(self._displayed.always & always_on, self._look)

    def _prepare(self, taken: _Taken, always_on: Mask, logo: Mask) -> None:
        """Finds a display's lines without what is always there; those that it has stay if nothing of it ever was."""
        alone = taken.alone
        is_clean = not logo.any() and not (alone.strokes & always_on).any()
        if taken.is_clean and is_clean:
            return
        share = share_on(alone.strokes, always_on)
        letters = alone.strokes & (share >= STAYED)
        over_it = alone.strokes & (share < OVER_IT)
        shown = without_logo(replace(alone, strokes=alone.strokes & ~letters), logo & ~near(over_it))
        crops = [(box, line_crop(shown, box, self._look)) for box in self._boxes(shown, letters)]
        taken.lines = [_Line(box, crop, self._seen(shown, box, crop)) for box, crop in crops]
        taken.is_clean = is_clean

    def _closed(self, display: Display, box: Box) -> Closed:
        """Which shares of a line's strokes are closed off by others, in those of its pictures where most are."""
        lines = [each[box.top : box.bottom, box.left : box.right] for each in (display.stack, display.picture)]
        bright = (255 - each if self._look.dark else each for each in lines)
        both = (Closed(*(enclosed(of, self._look.line_height) for of in (each, 255 - each))) for each in bright)
        return reduce(most_closed, both)

    def _boxes(self, display: Display, foreign: Mask) -> list[Box]:
        if np.count_nonzero(display.strokes) < self._look.fewest:
            return []
        boxes = self._line_boxes(display.strokes, foreign)
        if all(box.bottom - box.top <= tallest(self._look.line_height) for box in boxes):
            return boxes
        # Two lines may look like one where the scene is seen between them.
        return max(boxes, self._line_boxes(without_scene(display, self._look), foreign), key=len)

    def _line_boxes(self, strokes: Mask, foreign: Mask) -> list[Box]:
        return line_boxes(strokes, self._look.line_height, self._look.anchor, foreign, self._look.rows)

    def _seen(self, display: Display, box: Box, crop: Crop) -> Reading | None:
        found = reading_of(display, box, crop.extent, self._look.line_height, self._sightings)
        return found and _own(found, crop, self._look.line_height)

    def _variants(self, crops: Sequence[Crop], seen: Sequence[Reading | None]) -> Iterator[list[Reading]]:
        """Reads each line, and yields all that was read of it, the best first; nothing that cannot be relied on.

        What was `seen` of a line before counts as read, and first if it is sure.
        """
        known = {number: each for number, each in enumerate(seen) if each}
        surely = {number: each for number, each in known.items() if self._is_whole(each, crops[number])}
        others = [number for number in range(len(crops)) if number not in surely]
        read = surely | self._read({number: (crops[number], crops[number].tight) for number in others})
        self._lexicon.learn(each for each in read.values() if not self._is_doubtful(each))
        found = [[worded(read[number], self._lexicon)] for number in range(len(crops))]
        doubtful = [number for number in others if not self._is_whole(found[number][0], crops[number])]
        for number in known.keys() & doubtful:
            found[number].append(worded(known[number], self._lexicon))
        unsettled = [number for number in doubtful if len(found[number]) == 1 or not self._is_settled(found[number])]
        self._read_again(found, {number: (crops[number], crops[number].wiped) for number in unsettled})
        unknown = [number for number in surely if not self._is_settled(found[number])]
        self._read_again(found, {number: (crops[number], crops[number].tight) for number in unknown})
        open_ = [number for number, each in enumerate(found) if not self._is_settled(each)]
        self._read_again(found, {number: (crops[number], crops[number].picture) for number in open_})
        lines = [Line(each.text, each.centres, crop.ink) for crop, of in zip(crops, found, strict=True) for each in of]
        mended = iter(self._typography.mend(lines))
        for readings in found:
            yield self._reliable([replace(each, text=next(mended)) for each in readings])

    def _read_again(self, found: list[list[Reading]], pictures: Mapping[int, tuple[Crop, Luma]]) -> None:
        """Adds to what was `found` of some lines, by their numbers, what is read from another picture of each."""
        for number, each in self._read(pictures).items():
            found[number].append(worded(each, self._lexicon))

    def _is_settled(self, found: Sequence[Reading]) -> bool:
        """Whether all that was read of a line is the same, none of it with a low score, and made of words."""
        is_same = len({each.text for each in found}) == 1 and min(each.score for each in found) >= self._min_score
        return is_same and not self._lexicon.num_unknown(found[0].text)

    def _is_whole(self, reading: Reading, crop: Crop) -> bool:
        """Whether a reading of a line is sure, and nothing of the line is beside it."""
        return not (self._is_doubtful(reading) or _misses_ink(reading, crop, self._look.line_height))

    def _will_do(self, crop: Crop, found: Sequence[Reading]) -> bool:
        """Whether what was read of a line from a picture is no reason to read it from another."""
        return self._is_whole(self._told(found, crop), crop)

    def _is_doubtful(self, reading: Reading) -> bool:
        """Whether a reading, or one letter of it, is not sure; the sureness of many others hides that of one."""
        return reading.score < self._sure_score or min(reading.scores, default=1.0) < SURE_LETTER

    def _read(self, pictures: Mapping[int, tuple[Crop, Luma]]) -> dict[int, Reading]:
        """Reads a picture of each of some lines, by their numbers."""
        if not pictures:
            return {}
        found = self._read_text([_picture(luma) for _, luma in pictures.values()], True)
        return {
            number: self._told(each, crop) for (number, (crop, _)), each in zip(pictures.items(), found, strict=True)
        }

    def _told(self, found: Sequence[Reading], crop: Crop) -> Reading:
        """What was read of a line from a picture of it, without what is beside it."""
        return _own(one_line(found), crop, self._look.line_height)

    def _reliable(self, found: list[Reading]) -> list[Reading]:
        """What was read of a line, the best first; nothing where it cannot be relied on.

        Best is, of those like what most pictures say, the one whose least sure letter is surest; but one with fewer
        unknown words, unless two pictures surely say the same, of a name. A reading can be relied on that is sure by
        itself, or fairly sure and like another one, or the same from all pictures.
        """
        agreeing = defaultdict[str, float](float)
        for each in found:
            agreeing[each.text] += each.score
        ranked = sorted((each for each in found if each.text), key=lambda each: (-agreeing[each.text], -each.score))
        if not ranked or not any(map(str.isalnum, ranked[0].text)):
            return []
        most = _plain(ranked[0].text)
        alike = [each for each in ranked if ratio(most, _plain(each.text)) >= ALIKE_TEXTS]
        sure = [each for each in alike if each.text == ranked[0].text and not self._is_doubtful(each)]
        if len(sure) > 1:
            best = max(sure, key=_least_sure)
        else:
            # A name that is cut into words has no unknown word: how it is spaced, and its case, most pictures say.
            of_letters = {_letters(each.text): each.text for each in reversed(alike)}
            told = [each for each in alike if of_letters[_letters(each.text)] == each.text]
            whole = (each for each in told if loses_little(ranked[0].text, each.text))
            best = max(whole, key=lambda each: (-self._lexicon.num_unknown(each.text), _least_sure(each)))
        rest = [each for each in ranked if each is not best]
        witnesses = [each for each in rest if each.score >= WITNESS]
        agreed = any(ratio(_plain(best.text), _plain(each.text)) >= DOUBTFUL_AGREE for each in witnesses)
        fairly_sure = best.score >= self._min_score and (agreed or best.score >= FAIRLY_SURE)
        same = len(ranked) == len(found) > 1 and all(each.text == best.text for each in rest)
        return [best, *rest] if best.score >= self._sure_score or fairly_sure or same else []

    def _off_anchor(self, line: _Line) -> float:
        """How far a line's ink is off the anchor, as a share of its height; 0 where lines have none in common."""
        if self._look.anchor is None:
            return 0.0
        first, end = line.crop.extent
        return self._look.anchor.off(line.box.left + first, line.box.left + end - 1) / self._look.line_height

    def _text(self, display: Display, lines: Sequence[list[Reading]], off_anchor: float) -> Text:
        """The display's text, line by line, as its best readings have it; the others count for nothing but show."""
        start_ms, end_ms = round(display.start_ms), round(display.end_ms)
        told = [line for line in lines if line]
        votes = []
        for variant in range(max(map(len, told), default=0)):
            chosen = [line[min(variant, len(line) - 1)] for line in told]
            text, score = "\n".join(each.text for each in chosen), min(each.score for each in chosen)
            shown_ms = 0 if variant else end_ms - start_ms
            votes.append(Vote(text, score, shown_ms, self._lexicon.num_unknown(text), off_anchor))
        always = np.minimum(display.early, display.late)
        return Text(
            start_ms,
            end_ms,
            tuple(votes),
            display.picture,
            display.strokes,
            always,
            has_grown=display.has_grown,
        )


def _picture(luma: Luma) -> npt.NDArray[np.uint8]:
    """A line as text readers take it, uint8 [H, W, 3]."""
    return np.repeat(luma[:, :, None], 3, axis=2)


def _inside(strokes: Mask, boxes: Sequence[Box]) -> Mask:
    """The strokes in some boxes: what else a display shows is no text."""
    inside = np.zeros_like(strokes)
    for left, top, right, bottom in boxes:
        inside[top:bottom, left:right] = strokes[top:bottom, left:right]
    return inside


def _without_lone_bar(lines: dict[Box, list[Reading]]) -> dict[Box, list[Reading]]:
    """The lines of a display, none where all that was read is a bar."""
    told = [line[0].text for line in lines.values() if line]
    return {} if len(told) == 1 and _plain(told[0]) in BARS else lines


def _once(lines: dict[Box, list[Reading]], line_height: int) -> list[list[Reading]]:
    """The lines without those that are a part of another: too near to it, alike, and read with less certainty."""
    told = {box: line for box, line in lines.items() if line}

    def is_part(box: Box, line: list[Reading]) -> bool:
        return any(
            0 < abs(box.top - other.top) < NEAR_LINE * line_height
            and line[0].score < readings[0].score
            and ratio(_plain(line[0].text), _plain(readings[0].text)) >= DOUBTFUL_AGREE
            for other, readings in told.items()
        )

    return [line for box, line in told.items() if not is_part(box, line)]


def _least_sure(reading: Reading) -> float:
    """The score of the letter that is least sure, 0 where the reader does not tell."""
    return min(reading.scores, default=0.0)


def _letters(text: str) -> str:
    """The text without its spaces and its case."""
    return text.replace(" ", "").casefold()


def _plain(text: str) -> str:
    """The text with marks of half and full width made the same."""
    return unicodedata.normalize("NFKC", text)


def _misses_ink(reading: Reading, crop: Crop, line_height: int) -> bool:
    """Whether there is ink so far before the first or behind the last letter that it is of another one beside it."""
    columns = np.flatnonzero(crop.ink.any(axis=0))
    if len(reading.centres) != len(reading.text) or not reading.text or not len(columns):
        return False
    first, last = reading.centres[0], reading.centres[-1]
    for part in runs(columns, MISSED * line_height):
        if part[0] <= first <= part[-1] and first - part[0] > MISSED * line_height:
            return True
        if part[0] <= last <= part[-1] and part[-1] - last > MISSED * line_height:
            return True
    return False


def _own(reading: Reading, crop: Crop, line_height: int) -> Reading:
    """The reading without what stands beside the line's ink."""
    if len(reading.centres) != len(reading.text):
        return reading
    first, last = crop.extent[0] - BEFORE * line_height, crop.extent[1] + BEYOND * line_height
    kept = [
        number
        for number, centre in enumerate(reading.centres)
        if first <= centre <= last or reading.text[number] in FAINT_MARKS
    ]
    if not kept or len(kept) == len(reading.text):
        return reading
    return reading.part(kept[0], kept[-1] + 1)
