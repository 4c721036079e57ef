"""What a reading gets wrong that the ink tells: capitals, digits for bars, a bar too many, lost dashes and spaces.

In a long line the words around a letter tell it apart from its capital; in "Go!" nothing does but its height. How
high a capital is, is learnt from all lines of the track, as they are of one typeface.
Shapes: H rows, W columns of a line's crop.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipl_extractors.strokes import Mask, runs

__all__ = ["Line", "Typography", "with_apostrophes"]

STRAIGHT, CURLED = "'", "’"

REMEMBERED = 400
SMALL, LARGE = 0.8, 0.95
"""A letter lower than the one share of the tall letters' height is small, one higher than the other is a capital."""
LOW, FEWEST_LOW = frozenset("aemnr"), 5
"""Letters that are no higher than an x; so many tell how high that is in the track's typeface, if it is high."""
NEAR_LOW = 0.4
"""A letter that is no farther from that height to a capital's than this share of the way is small, too: in 20 pixels an
x is 0.8 of a capital in some faces, an o of others 0.83."""
CAPITAL = 0.86
"""As LARGE, where capitals are expected; they are at times a little less high than an l."""
FEW = 3
"""In lines of more letters the recogniser has a context that tells small letters from capitals."""
BAR = 0.8
"""A glyph that fills its box to this share is a bar."""
NO_FLAG = 0.65
"""A 1, with its flag, fills less of its box: of 42 all but two did, which were an I."""
DASH_HEIGHT, DASH_LENGTH, DASH_MIDDLE = 0.2, (0.1, 0.6), (0.35, 0.75)
"""How high and long a dash may be, and where its middle is, as shares of the height of all of its line's ink."""
A_BAR_LESS = MappingProxyType({"自": "白", "目": "日"})
"""Letters of four bars one above the other, and those that are the same with three."""
WITHIN = 0.15
"""How far to both sides of such a letter's centre nothing is but its bars, as a share of its width."""
RESOLVED = 18
"""In narrower letters, in pixels, four bars may look like three."""
JOINED = 0.75
"""How long such a letter's bars are, as a share of the longest: what is seen of the scene within its frame is shorter,
as it has the letter's outline on both sides."""
EVEN = 1.4
"""How much farther apart two of its three bars are than the others, at the most; more, and there is a fourth."""
TALL_ENOUGH = 0.5
"""How far apart the first and the last bar are, as a share of the width: less, and one of them was not seen."""
OFF_LINE = 0.1
"""How far a letter's foot may be off the others', as a share of its height."""
NEARLY, SPACE = 0.75, 0.12
"""How wide a space is at least, as a share of the others, and of the height of its line's ink."""
BEFORE_MARK = 0.5
"""The same before a mark, where French has spaces, and English has none."""
CURLY, FEWEST_CURLY = 0.1, 2
"""From this share, and number, of lines on of which a reading has a curly apostrophe all are: of straight ones rapidocr
took 1 of 106 for curly, of four films' lines with curly ones it read 0, 18, 43 and 71 % so."""
TURNED_AS = frozenset("iIl1|;j")
"""What a "¡" is read as."""
NARROW, HANGS, TAPERS = 0.35, 0.12, 0.5
"""How wide it is at the most, how much lower than a capital it begins and ends at the least, as shares of a capital's
height, and how much of its box it fills: so is it in nearly all upright faces of DejaVu and Liberation, and no j."""
DASHES = frozenset("-–—")
TWINS = frozenset("cosuvwxzCOSUVWXZ")
"""Letters whose capitals look like them, only larger."""
TALL = frozenset("ABDEFGHIJKLMNPQRTYbdfhkl0123456789!?")
"""Signs as high as a capital."""
_AFTER_MARK = re.compile(r"(?<=[,.!?;:])\w|(?<=^[-–])\w")
_BEFORE_MARK = re.compile(r"(?<=\w) (?=[.,!?;:/])")
_HYPHEN = re.compile(r"(?<=\w)(?: -|- |-)(?=\w)")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])['’](?=[^\W\d_])")
_TITLE = re.compile(r"\b(Mrs?|Ms|Dr|Prof)(?:, (?=[A-Z][a-z'])|\.(?=[A-Z]))")
"""A title before a name, with a comma or without a space, as none is ever written."""
_STARTS = re.compile(r"(^|[.!?] ?)\W*$")
"""What stands before the first letter of a sentence."""


@dataclass(frozen=True)
class Line:
    """A line that was read: its text, where each character's centre is in pixels, and its ink, bool [H, W]."""

    text: str
    centres: tuple[float, ...]
    ink: Mask

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """Stretches of columns with ink, ends exclusive."""
        return _runs(self.ink.any(axis=0))

    @cached_property
    def glyphs(self) -> dict[int, _Glyph]:
        """Each letter that has a run to itself, by its number."""
        owners: dict[int, list[int]] = defaultdict(list)
        for number, run in zip(self.letters, self.run_of, strict=True):
            owners[run].append(number)
        return {numbers[0]: _glyph(self.ink, *self.runs[run]) for run, numbers in owners.items() if len(numbers) == 1}

    @cached_property
    def rows(self) -> tuple[int, int]:
        """The first row with ink, and the one after the last."""
        inked = np.flatnonzero(self.ink.any(axis=1))
        return int(inked[0]), int(inked[-1]) + 1

    @cached_property
    def letters(self) -> list[int]:
        """The numbers of the characters that are no space."""
        return [number for number, each in enumerate(self.text) if each != " "]

    @cached_property
    def run_of(self) -> list[int]:
        """For each letter the number of the run that it stands in, never one before that of an earlier letter."""
        if len(self.runs) == len(self.letters):  # surer than the recogniser's places, which are rough
            return list(range(len(self.runs)))
        found: list[int] = []
        for number in self.letters:
            distances = [max(first - self.centres[number], self.centres[number] - end, 0) for first, end in self.runs]
            nearest = int(np.argmin(distances))
            found.append(max(nearest, found[-1]) if found else nearest)
        return found

    def gap(self, one: int, other: int) -> float:
        """The widest stretch without ink between two characters' centres, in pixels."""
        left, right = self.centres[one], self.centres[other]
        gaps = ((max(end, left), min(first, right)) for (_, end), (first, _) in pairwise(self.runs))
        return max((right - left for left, right in gaps), default=0.0)

    def between(self, one: int, other: int) -> list[tuple[int, int]]:
        """The runs of ink between those of two letters."""
        runs = dict(zip(self.letters, self.run_of, strict=True))
        return self.runs[runs[one] + 1 : runs[other]]


class Typography:
    """What is known of a track's typeface; it learns from each batch of lines before it mends them."""

    def __init__(self) -> None:
        self._capitals: deque[int] = deque(maxlen=REMEMBERED)
        self._low: deque[float] = deque(maxlen=REMEMBERED)  # as shares of the tall letters of their line
        self._apostrophes: Counter[str] = Counter()

    @property
    def apostrophe(self) -> str:
        """The apostrophe of the track: all are of one kind, straight or curly, and readers waver."""
        are_curly = self._apostrophes[CURLED] >= max(FEWEST_CURLY, CURLY * self._apostrophes.total())
        return CURLED if are_curly else STRAIGHT

    def mend(self, lines: Sequence[Line]) -> list[str]:
        """Returns the lines' texts with what the ink tells put right; a line without centres keeps its letters.

        Apostrophes are straight: which kind is the track's is known when all of it has been read.
        """
        told = [line for line in lines if len(line.centres) == len(line.text) and line.text and line.runs]
        for line in told:
            self._learn(line)
        mended = {id(line): self._mended(line) for line in told}
        kinds: dict[int, set[str]] = defaultdict(set)
        for line in lines:  # several may be readings of one
            kinds[id(line.ink)].update(_APOSTROPHE.findall(line.text))
        self._apostrophes.update(CURLED if CURLED in each else STRAIGHT for each in kinds.values() if each)
        return [with_apostrophes(mended.get(id(line), line.text), STRAIGHT) for line in lines]

    def _learn(self, line: Line) -> None:
        tall = [glyph.height for number, glyph in line.glyphs.items() if line.text[number] in TALL]
        self._capitals += tall
        if tall:
            low = (glyph.height for number, glyph in line.glyphs.items() if line.text[number] in LOW)
            self._low += [height / median(tall) for height in low]

    @property
    def _small(self) -> float:
        """Up to which share of a capital's height a letter is small."""
        if len(self._low) < FEWEST_LOW:
            return SMALL
        low = median(self._low)
        return min(LARGE, max(SMALL, low + NEAR_LOW * (1 - low)))

    def _mended(self, line: Line) -> str:
        glyphs, small = line.glyphs, self._small
        letters = list(line.text)
        tall = [glyph for number, glyph in glyphs.items() if line.text[number] in TALL]
        heights = [glyph.height for glyph in tall]
        are_alike = len(heights) > 1 and min(heights) > CAPITAL * max(heights)
        usual = median(self._capitals) if self._capitals else 0.0
        capital = median(heights) if heights else usual
        # What is behind a letter may make it higher; another one as high bears it out, or those of the lines before.
        is_borne_out = are_alike or not usual or CAPITAL < capital / usual < 1 / CAPITAL
        for number, glyph in glyphs.items():
            # What hangs below the line is no part of the letter, but of the picture behind it.
            if not tall or abs(glyph.bottom - median(each.bottom for each in tall)) <= OFF_LINE * glyph.height:
                height = capital if is_borne_out else 0.0
                letters[number] = _letter(line.text, number, glyph, height, small, are_alike)
        for number in _with_a_bar_too_many(line):
            letters[number] = A_BAR_LESS[letters[number]]
        text = _set_marks(_set_spaces("".join(letters), line))
        if _has_turned_mark(line, glyphs, capital):
            return "¡" + text[_is_in_first_run(line) :].lstrip()
        return "- " + text if _has_dash(line) and text[0] not in DASHES else text


def with_apostrophes(text: str, apostrophe: str) -> str:
    """The text with this kind of apostrophe between its letters."""
    return _APOSTROPHE.sub(apostrophe, text)


def _letter(text: str, number: int, glyph: _Glyph, capital: float, small: float, is_certain: bool) -> str:
    """The letter that the ink shows, given how high capitals are (0 where that is not known), and how certainly.

    `small` is up to which share of that height letters of a short line are small; elsewhere a capital is mostly a name.
    """
    letter = text[number]
    if letter in TWINS and capital:
        share = glyph.height / capital
        is_short = sum(map(str.isalpha, text)) <= FEW
        may_start = _STARTS.search(text[:number]) is not None  # "Mr. Okafor" too: there a capital is no mistake
        if (share < small and is_short) or (share < SMALL and is_certain and not may_start):
            return letter.lower()
        if (share > LARGE and is_short) or (share > CAPITAL and is_certain and may_start):
            return letter.upper()
    beside = text[max(0, number - 1) : number] + text[number + 1 : number + 2]
    if letter in "1|" and not any(map(str.isdigit, beside)) and glyph.filled >= NO_FLAG:
        return "I"
    return letter


def _with_a_bar_too_many(line: Line) -> list[int]:
    """The numbers of the letters that have four bars as they were read, and three in the ink.

    What is seen of the scene within a letter's outline adds a bar to it, mostly a shorter one, and takes none away: the
    other way round, ink of four bars tells nothing.
    """
    wide = [number for number, each in enumerate(line.text) if "\u3400" <= each <= "\u9fff"]
    widths = [line.centres[other] - line.centres[one] for one, other in pairwise(wide) if other == one + 1]
    if not widths or median(widths) < RESOLVED:
        return []
    reach = WITHIN * median(widths)
    found = []
    for number in wide:
        if line.text[number] in A_BAR_LESS:
            first, end = round(line.centres[number] - reach), round(line.centres[number] + reach) + 1
            inner = line.ink[:, max(0, first) : end]
            is_bar = inner.sum(axis=1) >= BAR * max(1, inner.shape[1])
            bars = _runs(is_bar)
            lengths = [_length(line.ink[top:bottom], round(line.centres[number])) for top, bottom in bars]
            joined = [bar for bar, length in zip(bars, lengths, strict=True) if length >= JOINED * max(lengths)]
            middles = [(top + bottom) / 2 for top, bottom in joined]
            apart = [below - above for above, below in pairwise(middles)]
            if len(apart) == 2 and max(apart) <= EVEN * min(apart) and sum(apart) >= TALL_ENOUGH * median(widths):
                found.append(number)
    return found


def _length(ink: Mask, column: int) -> int:
    """How long the stretch of ink is, over all of some rows, that has a column in it, or is next to it."""
    first, end = min(_runs(ink.any(axis=0)), key=lambda run: max(run[0] - column, column - run[1] + 1, 0))
    return end - first


def _has_dash(line: Line) -> bool:
    """Whether a dash stands before a line's first letter, which the recogniser has not read."""
    if line.run_of[0] == 0:
        return False
    (first, end), (top, bottom) = line.runs[0], line.rows
    dash, height = _glyph(line.ink, first, end), bottom - top
    is_long = DASH_LENGTH[0] < (end - first) / height < DASH_LENGTH[1]
    return is_long and dash.filled >= BAR and _lies_as_a_dash(line, dash)


def _lies_as_a_dash(line: Line, glyph: _Glyph) -> bool:
    """Whether something is as low as a dash may be, and on the middle of the line."""
    top, bottom = line.rows
    height = bottom - top
    middle = (glyph.bottom - glyph.height / 2 - top) / height
    return bool(glyph.height <= DASH_HEIGHT * height and DASH_MIDDLE[0] < middle < DASH_MIDDLE[1])


def _has_turned_mark(line: Line, glyphs: Mapping[int, _Glyph], capital: float) -> bool:
    """Whether a Spanish "¡" stands before a line's first letter, which was read as a bar, as an i, or not at all.

    It is as narrow as a bar, is lower than a capital, and hangs below the line.
    """
    is_read = _is_in_first_run(line)
    tall = [glyph.bottom for number, glyph in glyphs.items() if number and line.text[number] in TALL]
    if "!" not in line.text or (is_read and line.text[0] not in TURNED_AS) or not tall or not capital:
        return False
    (first, end), foot = line.runs[0], median(tall)
    mark = _glyph(line.ink, first, end)
    is_low = min(mark.bottom - foot, mark.bottom - mark.height - (foot - capital)) >= HANGS * capital
    return bool(is_low and end - first <= NARROW * capital and mark.filled >= TAPERS)


def _is_in_first_run(line: Line) -> bool:
    """Whether a line's first letter stands in its first ink."""
    return line.centres[0] < line.runs[0][1]


def _set_spaces(text: str, line: Line) -> str:
    """Puts a space after a mark where the ink has one as wide as those between the line's words.

    Within a word no space is after a hyphen if the ink has none there, nor before a mark, and a hyphen without ink is a
    space. Between two words the ink does not tell: one space in twenty is half as wide as the others of its line.
    """
    between = [line.gap(at - 1, at + 1) for at, each in enumerate(text) if each == " " and 0 < at < len(text) - 1]
    if not between:
        return text
    wide = median(between)
    top, bottom = line.rows
    least = max(NEARLY * wide, SPACE * (bottom - top))
    spaced = list(text)
    for match in _AFTER_MARK.finditer(text):
        if line.gap(match.start() - 1, match.start()) >= wide:
            spaced[match.start()] = " " + match[0]
    for match in _BEFORE_MARK.finditer(text):
        if len(between) > 2 and line.gap(match.start() - 1, match.end()) < BEFORE_MARK * wide:
            spaced[match.start()] = ""
    for match in _HYPHEN.finditer(text):
        before, after = match.start() - 1, match.end()
        runs = line.between(before, after)
        is_space = line.gap(before, after) >= least if not runs else _are_apart(line, before, after, least, runs)
        if is_space:
            spaced[match.start() : match.end()] = [" ", *[""] * (match.end() - match.start() - 1)]
        elif match[0] == "- " and line.gap(after - 2, after) < NEARLY * wide:
            spaced[after - 1] = ""
    return "".join(spaced)


def _are_apart(line: Line, one: int, other: int, least: float, between: Sequence[tuple[int, int]]) -> bool:
    """Whether two letters stand as far apart as words, with nothing between them but bits of the scene.

    These are shorter than a hyphen, of which a pixel may be all that is seen, and higher, or not on the middle.
    """
    runs = dict(zip(line.letters, line.run_of, strict=True))
    apart = line.runs[runs[other]][0] - line.runs[runs[one]][1]
    shortest = DASH_LENGTH[0] * (line.rows[1] - line.rows[0])

    def is_bit(first: int, end: int) -> bool:
        return end - first < shortest and not _lies_as_a_dash(line, _glyph(line.ink, first, end))

    return apart >= least and all(is_bit(*run) for run in between)


def _set_marks(text: str) -> str:
    """Sets marks as they are set.

    They are of full width after Chinese or Japanese letters, and of half width after Latin ones; an ellipsis has three
    dots, of which recognisers lose one, or two where nothing is before it; a title has a dot and a space before a name.
    """
    text = _TITLE.sub(r"\1. ", text)
    text = re.sub(r"(?<=[^.])\.\.(?!\.)|^\.{1,2}(?= \w)", "...", text)
    text = re.sub(r"(?<=[\u3040-\u30ff\u3400-\u9fff])[?!,:;]", lambda mark: chr(ord(mark[0]) + 0xFEE0), text)
    return re.sub(r"(?<=[A-Za-z0-9])[？！，：；]", lambda mark: chr(ord(mark[0]) - 0xFEE0), text)


def _runs(flags: npt.ArrayLike) -> list[tuple[int, int]]:
    """Stretches of flags that are set, ends exclusive."""
    return [(int(run[0]), int(run[-1]) + 1) for run in runs(np.flatnonzero(flags), 1)]


class _Glyph(NamedTuple):
    """One letter's ink: how high it is and where it ends, in pixels, and how much of its box it fills."""

    height: int
    bottom: int
    filled: float


def _glyph(ink: Mask, first: int, end: int) -> _Glyph:
    """What stands in some columns of a line's ink, of which each has some."""
    rows = np.flatnonzero(ink[:, first:end].any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return _Glyph(bottom - top, bottom, float(ink[top:bottom, first:end].mean()))
