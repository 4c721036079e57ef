"""The `tesseract` text reader: the `tesseract` program, one run a picture."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt

import ipl
from ipl.errors import InputError
from ipl.records import Reading
from ipl_extractors.ocr.rapidocr_reader import RapidOcr

__all__ = ["Tesseract", "parse_tsv"]

Picture = npt.NDArray[np.uint8]
WORD_LEVEL = "5"
SINGLE_LINE = "7"
CJK = r"[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef\u3000-\u303f]"


@ipl.plugin("tesseract")
class Tesseract:
    """Reads text in over 100 languages with the tesseract program, where it is installed.

    It reads lines. Where these are in a picture rapidocr's detector tells: tesseract's own search is made for pages,
    and finds next to nothing over a scene.
    """

    LANGUAGES: ClassVar[str] = "over 100, each a package of the system's (Debian: tesseract-ocr-chi-sim, ...)"
    COST: ClassVar[str] = (
        "216 ms of a processor for a line as wide as a 720p picture, 556 ms for all of it (benchmarks/text_readers.py)"
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
            [replace(read, box=place.box) for place in places for read in self._line(program, _cut(picture, place.box))]
            for picture, places in zip(pictures, found, strict=True)
        ]

    def _line(self, program: str, picture: Picture) -> list[Reading]:
        return [each for each in _read(program, self.language, picture) if each.score >= self.min_score]


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
    """Turns tesseract's table of words into readings of lines, top to bottom; a line's score is its words' mean."""
    lines: dict[tuple[str, ...], list[tuple[str, float, list[int]]]] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == WORD_LEVEL and cells[11].strip():
            left, top, width, height = map(int, cells[6:10])
            word = (cells[11].strip(), float(cells[10]) / 100, [left, top, left + width, top + height])
            lines.setdefault(tuple(cells[1:5]), []).append(word)
    readings = []
    for words in lines.values():
        boxes = np.array([box for _, _, box in words])
        left, top = boxes[:, :2].min(axis=0).tolist()
        right, bottom = boxes[:, 2:].max(axis=0).tolist()
        # Tesseract takes each Chinese or Japanese character for a word.
        text = re.sub(rf"(?<={CJK}) (?={CJK})", "", " ".join(word for word, _, _ in words))
        score = float(np.mean([score for _, score, _ in words]))
        readings.append(Reading(text, score, (left, top, right, bottom)))
    return sorted(readings, key=lambda each: (each.box[1], each.box[0]))
