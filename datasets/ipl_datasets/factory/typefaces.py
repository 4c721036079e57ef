"""Typefaces: what letters are drawn with, and which of them this machine has.

Three sources: fonts of the system, the Latin font that Pillow carries, and the one with Chinese, Japanese and
Korean letters (WenQuanYi Micro Hei) that OpenCV 5 carries. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ipl.errors import InputError

__all__ = ["CJK", "FAMILIES", "Typeface", "find_font", "typeface"]

CJK: Literal["cjk"] = "cjk"
"""The name, in place of a file, of the font that OpenCV carries."""

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sans": ("LiberationSans-Regular", "Arial", "NotoSans-Regular", "DejaVuSans"),
        "bold": ("LiberationSans-Bold", "Arial_Bold", "NotoSans-Bold", "DejaVuSans-Bold"),
        "serif": ("LiberationSerif-Regular", "Times_New_Roman", "NotoSerif-Regular", "DejaVuSerif"),
        "condensed": ("LiberationSansNarrow-Bold", "Arial_Narrow", "DejaVuSansCondensed-Bold"),
    }
)
"""Kinds of typefaces, and the files in which systems have them."""
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts", "~/.fonts")

Ink = npt.NDArray[np.uint8]


class Typeface(Protocol):
    """A font at one size, in pixels. Places count from the left end of a line and the top of its tallest letters."""

    def width(self, line: str) -> float:
        """How far a line reaches."""

    def box(self, line: str, stroke: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a line's ink, its outline of `stroke` pixels included."""

    def draw(self, ink: Ink, line: str, left: float, top: float, stroke: int) -> None:
        """Draws a line into `ink` (uint8 [H, W], 255 where it covers all)."""


def find_font(family: str) -> Path | None:
    """Returns the system's file for one of FAMILIES, or None where it has none."""
    files = _system_fonts()
    return next((files[stem] for stem in FAMILIES[family] if stem in files), None)


@cache
def _system_fonts() -> dict[str, Path]:
    folders = [Path(folder).expanduser() for folder in _FOLDERS]
    files = [file for folder in folders if folder.is_dir() for file in sorted(folder.rglob("*.[to]tf"))]
    return {file.stem.replace(" ", "_"): file for file in files}


def typeface(font: Path | str | None, size: float) -> Typeface:
    """Returns a typeface: of a file, of CJK, or (None) the one that Pillow carries. Raises InputError."""
    if font == CJK:
        return _OpenCv(size)
    if font is None:
        return _Pillow(ImageFont.load_default(size))
    try:
        return _Pillow(ImageFont.truetype(str(font), size))
    except OSError as error:
        raise InputError(f"{font}: not a font that can be read ({error}); expected a TrueType file") from error


class _Pillow:
    def __init__(self, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> None:
        self._font = font
        self._measure = ImageDraw.Draw(Image.new("L", (1, 1)))

    def width(self, line: str) -> float:
        return self._font.getlength(line)

    def box(self, line: str, stroke: int) -> tuple[float, float, float, float]:
        return self._measure.textbbox((0, 0), line, self._font, stroke_width=stroke)

    def draw(self, ink: Ink, line: str, left: float, top: float, stroke: int) -> None:
        image = Image.fromarray(ink)
        ImageDraw.Draw(image).text((left, top), line, 255, self._font, stroke_width=stroke)
        ink[...] = np.asarray(image)


class _OpenCv:
    _WEIGHT = 500
    _ASCENT = 0.95  # of the size, from the top to the baseline

    def __init__(self, size: float) -> None:
        import cv2

        if not hasattr(cv2, "FontFace"):
            raise InputError(
                f"letters of Chinese: OpenCV {cv2.__version__} carries no font; it does from version 5 on: "
                "install opencv-python-headless>=5, or name a font file that has them"
            )
        self._cv2: Any = cv2
        self._face = cv2.FontFace("uni")
        self._size = round(size)

    def width(self, line: str) -> float:
        return float(self._rectangle(line)[2])

    def box(self, line: str, stroke: int) -> tuple[float, float, float, float]:
        left, top, wide, tall = self._rectangle(line)
        top += round(self._ASCENT * self._size)
        return left - stroke, top - stroke, left + wide + stroke, top + tall + stroke

    def draw(self, ink: Ink, line: str, left: float, top: float, stroke: int) -> None:
        canvas = np.zeros((*ink.shape, 3), np.uint8)
        at = round(left), round(top + self._ASCENT * self._size)
        self._cv2.putText(canvas, line, at, (255, 255, 255), self._face, self._size, self._WEIGHT)
        drawn = canvas[:, :, 0]
        if stroke:
            side = 2 * stroke + 1
            drawn = self._cv2.dilate(drawn, self._cv2.getStructuringElement(self._cv2.MORPH_ELLIPSE, (side, side)))
        np.maximum(ink, drawn, out=ink)

    def _rectangle(self, line: str) -> tuple[int, int, int, int]:
        found = self._cv2.getTextSize((8192, 8192), line, (0, 0), self._face, self._size, self._WEIGHT)
        left, top, wide, tall = found
        return int(left), int(top), int(wide), int(tall)
