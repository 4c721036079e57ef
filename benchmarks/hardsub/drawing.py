"""What is drawn over a film of a genre, with libass's styles, and what of it are subtitles."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pysubs2
from drawn import SUBTITLES, Filter
from pysubs2 import Alignment, Color, SSAEvent, SSAFile, SSAStyle

from ipl.errors import InputError

SECONDS = 60
END_MS = 1000 * SECONDS
WHITE, BLACK = Color(255, 255, 255), Color(0, 0, 0)
GET = "install its package (Debian: fonts-liberation, fonts-dejavu, fonts-droid-fallback, fonts-urw-base35)"
CHINESE = "Droid Sans Fallback"
ADDED, SAID = 0, 1
"""The layers: subtitles lie above all else."""


@dataclass(frozen=True)
class Genre:
    """A film: how it is drawn over what, and how it is encoded."""

    name: str
    draw: Callable[[Drawing], None]
    clip: str
    width: int
    height: int
    frame_rate: int
    crf: int = 23
    suffix: str = ".mp4"
    brightness: float = 0.0
    """what is added to the clip's, -1 to 1"""
    seconds: int = SECONDS
    is_padded: bool = False
    """whether the clip is shown whole, over a blurred one"""
    after: tuple[Filter, ...] = ()
    """what is done to the pictures when all is drawn"""


class Drawing:
    """What is drawn over a film, and what of it are subtitles. Sizes and places are pixels of the picture."""

    def __init__(self, film: Genre) -> None:
        self.width, self.height = film.width, film.height
        self.all = SSAFile()
        self.all.info.update(PlayResX=str(film.width), PlayResY=str(film.height), WrapStyle="0")
        self.said: list[SSAEvent] = []
        captions = pysubs2.load(str(SUBTITLES / "cc-en.vtt"))
        self.lines = [
            (line.start, line.end, line.plaintext.replace("\n", " "))
            for line in captions
            if line.end < min(END_MS, 1000 * film.seconds)
        ]

    def style(self, name: str = "said", **fields: Any) -> None:
        """Adds a style, with fields of pysubs2's; that of subtitles is "said"."""
        usual: dict[str, Any] = {
            "fontname": "Liberation Sans",
            "fontsize": self.height / 16,
            "primarycolor": WHITE,
            "outlinecolor": BLACK,
            "backcolor": BLACK,
            "outline": self.height / 300,
            "shadow": 0,
            "marginv": self.height // 20,
            "marginl": self.width // 16,
            "marginr": self.width // 16,
        }
        style = SSAStyle(**{**usual, **fields})
        if families() and style.fontname not in families():
            raise InputError(f"font {style.fontname}: not installed, libass would draw boxes for its letters; {GET}")
        self.all.styles[name] = style

    def say(self, start_ms: int, end_ms: int, text: str, style: str = "said", tags: str = "") -> None:
        """Shows a subtitle."""
        self.note(start_ms, end_ms, text)
        self.show(start_ms, end_ms, tags + text, style)

    def say_all(self, most: int = 40, tags: str = "") -> None:
        """Shows the film's lines, in two rows those of more than so many letters."""
        for start, end, text in self.lines:
            self.say(start, end - 80, balanced(text, most), tags=tags)

    def note(self, start_ms: int, end_ms: int, text: str) -> None:
        """Notes a subtitle that is drawn in parts."""
        self.said.append(_event(start_ms, end_ms, text))

    def show(self, start_ms: int, end_ms: int, drawn: str, style: str = "said") -> None:
        """Draws a part of a subtitle."""
        self.all.append(_event(start_ms, end_ms, drawn, style, layer=SAID))

    def add(self, start_ms: int, end_ms: int, text: str, style: str = "added") -> None:
        """Shows what is no subtitle."""
        self.all.append(_event(start_ms, end_ms, text, style, layer=ADDED))

    def bar(self, start_ms: int, end_ms: int, box: tuple[int, int, int, int], colour: Color) -> None:
        """Shows a rectangle: left, top, right, bottom."""
        self.style("bar", outline=0, alignment=Alignment.TOP_LEFT)
        left, top, right, bottom = box
        paint = f"{{\\pos(0,0)\\1c&H{colour.b:02X}{colour.g:02X}{colour.r:02X}&\\p1}}"
        corners = f"m {left} {top} l {right} {top} {right} {bottom} {left} {bottom}"
        self.add(start_ms, end_ms, paint + corners, "bar")

    def without_additions(self) -> SSAFile:
        """The subtitles alone."""
        alone = SSAFile()
        alone.info, alone.styles = self.all.info, self.all.styles
        alone.extend(each for each in self.all if each.layer == SAID)
        return alone


@cache
def families() -> frozenset[str]:
    """The families of fonts that fontconfig knows, which libass asks; none where it has no command."""
    if shutil.which("fc-list") is None:
        return frozenset()
    told = subprocess.run(["fc-list", ":", "family"], check=True, capture_output=True, text=True).stdout
    return frozenset(name.strip() for line in told.splitlines() for name in line.split(","))


def _event(start_ms: int, end_ms: int, text: str, style: str = "said", layer: int = SAID) -> SSAEvent:
    return SSAEvent(start=start_ms, end=end_ms, text=text.replace("\n", "\\N"), style=style, layer=layer)


def chunks(line: tuple[int, int, str], most: int) -> Iterator[tuple[int, int, list[str]]]:
    """A line some words at a time, each for as long as its share of the letters is."""
    start, end, text = line
    words = text.split()
    parts = [words[at : at + most] for at in range(0, len(words), most)]
    if most > 1 < len(parts) and len(parts[-1]) == 1:  # a word alone would be gone before it is read
        parts[-2:] = [[*parts[-2], *parts[-1]]]
    letters = [len(" ".join(part)) for part in parts]
    ends = np.cumsum(letters) / sum(letters)
    before = start
    for part, share in zip(parts, ends, strict=True):
        until = start + round((end - start) * float(share))
        yield before, until, part
        before = until


def balanced(text: str, most: int = 40) -> str:
    """A text in two lines about as long as each other, if it has more letters than one line holds."""
    if len(text) <= most:
        return text
    words = text.split()
    at = min(range(1, len(words)), key=lambda at: abs(len(" ".join(words[:at])) - len(text) / 2))
    return " ".join(words[:at]) + "\n" + " ".join(words[at:])
