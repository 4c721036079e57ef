"""The `tesseract` text reader: the `tesseract` program, one run a picture."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

import ipl
from ipl.errors import InputError
from ipl.records import Reading
from ipl_extractors.ocr.dark_letters import Page, as_on_pages
from ipl_extractors.ocr.rapidocr_reader import RapidOcr

__all__ = ["Tesseract", "parse_tsv"]

Picture = npt.NDArray[np.uint8]
WORD_LEVEL = "5"
SINGLE_LINE = "7"
SURE = 0.85
"""A line that scores lower is read again, its letters taken for others."""
CJK = r"[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef\u3000-\u303f]"


WIDE = dict(zip(",.!?:;", "，。！？：；", strict=True))
"""Chinese and Japanese marks, which tesseract tells as if they were half as wide."""


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
        "421 ms of a processor for a line as wide as a 720p picture, up to three times that for one that is not sure, "
        "850 ms for all of the picture (benchmarks/text_readers.py)"
    )

    language: str = "eng"
    "tesseract's code of the language; several are joined by a plus sign: chi_sim+eng"
    min_score: float = 0.3
    "readings that score lower are left out, 0 to 1"

    def __post_init__(self) -> None:
        """Says before any work that the program or a language is missing."""
        _program(self.language)

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
        best: list[Reading] = []
        for page in as_on_pages(picture):
            found = [_in_picture(each, page, picture) for each in _read(program, self.language, page.luma)]
            best = max(best, found, key=_score)
            if _score(best) >= SURE:
                break
        return [each for each in best if each.score >= self.min_score]


def _score(found: Sequence[Reading]) -> float:
    return min((each.score for each in found), default=0.0)


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


def _read(program: str, language: str, picture: Picture) -> list[Reading]:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    command = [program, "stdin", "stdout", "-l", language, "--psm", SINGLE_LINE, "tsv"]
    done = subprocess.run(command, input=file.getvalue(), capture_output=True, check=False)
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise InputError(f"text reader tesseract: exit code {done.returncode}: {said}")
    return parse_tsv(done.stdout.decode("utf-8", "replace"))


def parse_tsv(table: str) -> list[Reading]:
    """Turns tesseract's table of words into readings of lines, top to bottom; a line's score is its words' mean.

    A character's score is its word's, and its centre is where it is if all of the word's are as wide.
    """
    lines: dict[tuple[str, ...], list[_Word]] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == WORD_LEVEL and cells[11].strip():
            left, top, width, height = map(int, cells[6:10])
            word = _Word(cells[11].strip(), float(cells[10]) / 100, (left, top, left + width, top + height))
            lines.setdefault(tuple(cells[1:5]), []).append(word)
    return sorted(map(_line_of, lines.values()), key=lambda each: (each.box[1], each.box[0]))


def _line_of(words: Sequence[_Word]) -> Reading:
    boxes = np.array([word.box for word in words])
    left, top = boxes[:, :2].min(axis=0).tolist()
    right, bottom = boxes[:, 2:].max(axis=0).tolist()
    text, centres, scores = "", list[float](), list[float]()
    for word in words:
        # Tesseract takes each Chinese or Japanese character for a word.
        joins = re.search(f"{CJK}$", text) and re.match(f"{CJK}|[{''.join(WIDE)}]+$", word.text)
        if text and not joins:
            text, centres, scores = f"{text} ", [*centres, word.box[0]], [*scores, word.score]
        at = np.linspace(word.box[0], word.box[2], 2 * len(word.text) + 1)[1::2]
        text, centres, scores = text + word.text, [*centres, *at.tolist()], [*scores, *[word.score] * len(word.text)]
    text = re.sub(rf"(?<={CJK})(\.(?!\.)|[,!?:;]+)", lambda found: "".join(WIDE[each] for each in found[0]), text)
    score = float(np.mean([word.score for word in words]))
    return Reading(text, score, (left, top, right, bottom), tuple(centres), tuple(scores))
