"""The `tesseract` text reader: the `tesseract` program, one run a picture."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

import ipl
from ipl.errors import InputError
from ipl.records import Reading
from ipl_extractors.languages import tesseract_code
from ipl_extractors.ocr.dark_letters import Page, as_on_pages
from ipl_extractors.ocr.rapidocr_reader import RapidOcr

__all__ = ["Tesseract", "parse_tsv"]

Picture = npt.NDArray[np.uint8]
WORD_LEVEL = "5"
SINGLE_LINE, RAW_LINE = "7", "13"
"""How tesseract is to take a picture: as one with a line, or as the line itself, where it finds none: it may take the
bar that joins Bengali letters for a rule."""
OUTPUTS = "-c", "tessedit_create_txt=1", "-c", "tessedit_create_tsv=1"
"""As text and as a table; not by the names of config files, which may not be there."""
SCRIPT = "script/"
"""Models of a script are called so, which read all languages that are written in it."""
SURE = 0.85
"""A line that scores lower is read again, its letters taken for others."""
CJK = r"[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef\u3000-\u303f]"
UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
"""Thai, Lao, Burmese and Khmer letters: tesseract takes each for a word, and only its text has the spaces."""
NON_JOINER = r"\u200c(?=[\s,.!?;:]|$)"
"""What keeps two letters apart has none to do so at the end of a word, where tesseract tells many of them in Tamil."""

RIGHT_TO_LEFT = frozenset({"R", "AL"})
"""Bidirectional classes of letters: of Hebrew and the like, and of Arabic."""
WIDE = dict(zip(",.!?:;", "，。！？：；", strict=True))
"""Chinese and Japanese marks, which tesseract tells as if they were half as wide."""
ARABIC = dict(zip(",;?", "،؛؟", strict=True))
"""Marks of texts in Arabic letters, of which it tells some as if these were Latin."""


class _Word(NamedTuple):
    text: str
    score: float
    box: tuple[int, int, int, int]


@ipl.plugin("tesseract")
class Tesseract:
    """Reads text in over 100 languages with the tesseract program, where it is installed.

    It reads lines, as dark letters on white. Where these are in a picture rapidocr's detector tells: tesseract's own
    search is made for pages, and finds next to nothing over a scene.
    """

    LANGUAGES: ClassVar[str] = "over 100, each a package of the system's (Debian: tesseract-ocr-chi-sim, ...)"
    COST: ClassVar[str] = (
        "421 ms of a processor for a line as wide as a 720p picture, up to six times that for one that is not sure, "
        "850 ms for all of the picture (benchmarks/text_readers.py)"
    )

    language: str = "eng"
    "tesseract's code of the language; several are joined by a plus sign: chi_sim+eng"
    min_score: float = 0.3
    "readings that score lower are left out, 0 to 1"

    def __post_init__(self) -> None:
        """Says before any work that the program or a language is missing."""
        _program(self.language)

    def cannot_read(self, language: str) -> str | None:
        """Says that it was told to read another language; None where it has no model of this one, or is to read it."""
        code = tesseract_code(language)
        told = {each.removesuffix("_vert") for each in self.language.split("+")}
        if code is None or code in told or any(each.startswith(SCRIPT) for each in told):
            return None
        return (
            f"it is told to read {self.language}, and {language} is {code}: what these do not share will be read "
            f"wrongly; set text_reader={{use: tesseract, language: {code}}}"
        )

    @ipl.hookimpl
    def read_text(self, pictures: Sequence[Picture], lines: bool | None) -> list[list[Reading]]:
        """Reads each picture (uint8 [H, W, 3], RGB), or all as single lines; with None for `lines` none is read."""
        if not pictures:
            return []
        program = _program(self.language)
        if lines:
            return [self._line(program, picture) for picture in pictures]
        found = RapidOcr().read_text(pictures, None)
        if lines is None:
            return found
        return [
            [
                replace(read, box=place.box, centres=tuple(place.box[0] + each for each in read.centres))
                for place in places
                for read in self._line(program, _cut(picture, place.box))
            ]
            for picture, places in zip(pictures, found, strict=True)
        ]

    def _line(self, program: str, picture: Picture) -> list[Reading]:
        """What was read most surely of the line's letters, as bright ones, or if these are not sure as others."""
        best = self._best(program, picture, SINGLE_LINE) or self._best(program, picture, RAW_LINE)
        return [each for each in best if each.score >= self.min_score]

    def _best(self, program: str, picture: Picture, how: str) -> list[Reading]:
        """The best of what was read of the line's pages, which are made until one is surely read."""
        best: list[Reading] = []
        for page in as_on_pages(picture):
            found = [_in_picture(each, page, picture) for each in _read(program, self.language, page.luma, how)]
            best = max(best, found, key=_gain) if best and found else best or found
            if _score(best) >= SURE:
                break
        return best


def _score(found: Sequence[Reading]) -> float:
    return min((each.score for each in found), default=0.0)


def _gain(found: Sequence[Reading]) -> float:
    """How many letters are more likely right than wrong: of two pages one may show but a part of the line."""
    return sum(score - 0.5 for each in found for score in each.scores)


def _in_picture(reading: Reading, page: Page, picture: Picture) -> Reading:
    """What was read on a page, where it is in the picture that the page is of."""
    height, width = picture.shape[:2]
    left, top, right, bottom = map(page.back, reading.box)
    box = (max(0, int(left)), max(0, int(top)), min(width, round(right)), min(height, round(bottom)))
    return replace(reading, box=box, centres=tuple(map(page.back, reading.centres)))


def _cut(picture: Picture, box: tuple[int, int, int, int]) -> Picture:
    left, top, right, bottom = box
    return picture[max(0, top) : bottom, max(0, left) : right]


@cache
def _program(language: str) -> str:
    program = shutil.which("tesseract")
    if program is None:
        raise InputError(
            "text reader tesseract: no program of that name on PATH; install it "
            "(Debian: apt install tesseract-ocr), or use rapidocr"
        )
    listed = subprocess.run([program, "--list-langs"], capture_output=True, text=True, check=False)
    known = (listed.stdout + listed.stderr).split("\n")[1:]
    missing = [each for each in language.split("+") if each not in known]
    if missing:
        package = f"tesseract-ocr-{missing[0].replace('_', '-')}"
        raise InputError(
            f"text reader tesseract: language {'+'.join(missing)} is not installed; known: "
            f"{', '.join(filter(None, known))}; install it (Debian: apt install {package})"
        )
    return program


def _read(program: str, language: str, picture: Picture, how: str) -> list[Reading]:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    with TemporaryDirectory() as folder:
        told = Path(folder) / "line"
        command = [program, "stdin", str(told), "-l", language, "--psm", how, *OUTPUTS]
        done = subprocess.run(command, input=file.getvalue(), capture_output=True, check=False)
        if done.returncode != 0:
            said = " ".join(done.stderr.decode("utf-8", "replace").split())
            raise InputError(f"text reader tesseract: exit code {done.returncode}: {said}")
        text, table = (told.with_suffix(f".{each}").read_text("utf-8", "replace") for each in ("txt", "tsv"))
    return parse_tsv(table, text)


def parse_tsv(table: str, text: str = "") -> list[Reading]:
    """Turns tesseract's table of words into readings of lines, top to bottom; a line's score is its words' mean.

    A character's score is its word's, and its centre is where it is if all of the word's are as wide. `text` is what
    tesseract has of the same as plain text.
    """
    lines: dict[tuple[str, ...], list[_Word]] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == WORD_LEVEL and cells[11].strip(" _"):
            left, top, width, height = map(int, cells[6:10])
            word = _Word(cells[11].strip(), float(cells[10]) / 100, (left, top, left + width, top + height))
            lines.setdefault(tuple(cells[1:5]), []).append(word)
    spaced = {re.sub(r"\s", "", line): " ".join(line.split()) for line in text.splitlines()}
    return sorted((_line_of(each, spaced) for each in lines.values()), key=lambda each: (each.box[1], each.box[0]))


def _line_of(words: Sequence[_Word], spaced: Mapping[str, str]) -> Reading:
    """The words as a line; `spaced` has the lines as they are spaced, by what they are without any space."""
    boxes = np.array([word.box for word in words])
    left, top = boxes[:, :2].min(axis=0).tolist()
    right, bottom = boxes[:, 2:].max(axis=0).tolist()
    text, centres, scores = "", list[float](), list[float]()
    whole = spaced.get("".join(word.text for word in words), "")
    is_unspaced = re.search(UNSPACED, whole) is not None
    for word in words:
        # Tesseract takes each Chinese or Japanese character for a word.
        joins = bool(re.search(f"{CJK}$", text) and re.match(f"{CJK}|[{''.join(WIDE)}]+$", word.text))
        if is_unspaced:
            joins = whole[len(text) : len(text) + 1] != " "
        if text and not joins:
            text, centres, scores = f"{text} ", [*centres, word.box[0]], [*scores, word.score]
        at = np.linspace(word.box[0], word.box[2], 2 * len(word.text) + 1)[1::2]
        text, centres, scores = text + word.text, [*centres, *at.tolist()], [*scores, *[word.score] * len(word.text)]
    text = re.sub(rf"(?<={CJK})(\.(?!\.)|[,!?:;]+)", lambda found: "".join(WIDE[each] for each in found[0]), text)
    text = re.sub(r"(?<=[\u0600-\u06ff])[,;?]", lambda found: ARABIC[found[0]], text)
    if re.search(r"[\u0370-\u03ff]", text):
        text = text.replace("\u00b5", "\u03bc")  # micro, which looks like the Greek letter that it was made of
    if any(unicodedata.bidirectional(each) in RIGHT_TO_LEFT for each in text):
        centres = []  # they tell of texts that run from left to right
    score = float(np.mean([word.score for word in words]))
    reading = Reading(text, score, (left, top, right, bottom), tuple(centres), tuple(scores))
    return _without(reading, NON_JOINER)


def _without(reading: Reading, pattern: str) -> Reading:
    """The reading without the characters that a pattern finds."""
    gone = {match.start() for match in re.finditer(pattern, reading.text)}
    if not gone:
        return reading
    kept = [at for at in range(len(reading.text)) if at not in gone]
    return replace(
        reading,
        text="".join(reading.text[at] for at in kept),
        centres=tuple(reading.centres[at] for at in kept) if reading.centres else (),
        scores=tuple(reading.scores[at] for at in kept),
    )
