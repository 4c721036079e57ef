"""Displays of a band, drawn, and read as its track does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ipl_extractors.band_frame import Look
from ipl_extractors.display import Display
from ipl_extractors.reading import BandReader
from ipl_extractors.readings import Text
from ipl_extractors.strokes import contrast, stroke_mask
from PIL import Image, ImageDraw, ImageFont

__all__ = ["FONT", "NOTHING", "display", "drawn", "texts_of"]

FONT = ImageFont.load_default(size=26)
NOTHING: npt.NDArray[np.bool_] = np.zeros((1, 1), bool)


def drawn(*texts: tuple[str, int, int]) -> np.ndarray:
    """Texts with their centre and top, outlined, over grey, each over those before it; uint8 [100, 400]."""
    image = Image.new("L", (400, 100), 60)
    for text, centre, top in texts:
        ImageDraw.Draw(image).text((centre, top), text, font=FONT, anchor="ma", fill=230, stroke_width=3, stroke_fill=0)
    return np.array(image)


def display(luma: np.ndarray, look: Look, start_ms: float = 0.0) -> Display:
    stands_out = contrast(luma, look.line_height)
    return Display(
        start_ms, start_ms + 1000, stroke_mask(stands_out, look.line_height), luma, luma, stands_out, stands_out
    )


def texts_of(reader: BandReader, displays: Sequence[Display], always_on: npt.NDArray[np.bool_] = NOTHING) -> list[Text]:
    """What is read of some displays that are read together; `always_on` as for `BandReader.read`."""
    for display in displays:
        reader.take(display, always_on)
    return list(reader.read(always_on))
