"""The parts of a picture as arrays: the canvas behind, the shapes that cross it, the text on top.

Shapes: H rows, W columns, three colours (RGB).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ipl.errors import InputError
from ipl_datasets.factory.scene import Background, Colour, Style

__all__ = ["Layer", "Picture", "layout", "paint_canvas", "paint_mover", "paint_text"]

Picture = npt.NDArray[np.uint8]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Layer:
    """A small picture to lay over a frame: `colour` uint8 [H, W, 3] and `opacity` uint16 [H, W, 1], 0 to 256."""

    colour: Picture
    opacity: npt.NDArray[np.uint16]
    left: int
    top: int

    def lay_over(self, frame: Picture) -> None:
        """Blends this layer into `frame` (uint8 [H, W, 3]) in place; it must lie inside."""
        height, width = self.colour.shape[:2]
        under = frame[self.top : self.top + height, self.left : self.left + width]
        under[...] = (self.colour * self.opacity + under * (256 - self.opacity)) >> 8


def paint_canvas(background: Background, width: int, height: int, rng: np.random.Generator) -> Picture:
    """Paints gradients and shapes; the levels leave room for the grain."""
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    columns = np.linspace(0, 1, width, dtype=np.float32)[None, :, None]
    turns = rng.uniform(0.3, 2.5, size=(2, 3)).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, size=3).astype(np.float32)
    waves = 128 + 100 * np.sin(2 * np.pi * (turns[0] * columns + turns[1] * rows) + phase)
    image = Image.fromarray(waves.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(background.shapes):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        half_width, half_height = rng.uniform(0.01, 0.12, size=2) * width
        box = (x - half_width, y - half_height, x + half_width, y + half_height)
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=_colour(rng))
    return _leave_room(np.asarray(image), background)


def paint_mover(background: Background, height: int, rng: np.random.Generator) -> Picture:
    """Paints one striped rectangle that will cross the picture."""
    tall, wide = (int(share * height) for share in rng.uniform(0.1, 0.35, size=2))
    stripes = (np.arange(wide) // max(2, wide // 8)) % 2
    colours = np.array([_colour(rng), _colour(rng)], dtype=np.uint8)
    mover = np.broadcast_to(colours[stripes], (tall, wide, 3))
    return _leave_room(mover, background)


def _leave_room(picture: Picture, background: Background) -> Picture:
    roomy: Picture = np.clip(picture, background.grain, 255 - background.grain)
    return roomy


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = (int(level) for level in rng.integers(0, 256, size=3))
    return red, green, blue


def layout(text: str, style: Style, width: int, height: int) -> list[str]:
    """Breaks `text` into the lines that `paint_text` displays: few, and of like length."""
    font = _font(style, height)
    words = text.split(" ")
    for count in range(1, len(words) + 1):
        lines = _break(words, count)
        if all(font.getlength(line) <= style.widest * width for line in lines):
            return lines
    return words


def _break(words: list[str], count: int) -> list[str]:
    """Splits words into `count` lines of about as many letters each."""
    total = sum(len(word) + 1 for word in words)
    lines: list[list[str]] = [[] for _ in range(count)]
    at = 0
    for word in words:
        lines[min(count - 1, (at + len(word) // 2) * count // total)].append(word)
        at += len(word) + 1
    return [" ".join(line) for line in lines if line]


def paint_text(lines: list[str], style: Style, width: int, height: int, corner: bool = False) -> Layer:
    """Paints lines of text with an outline: at the bottom, centred, or in the top right `corner`."""
    font = _font(style, height)
    stroke = max(1, round(style.outline_width * height))
    margin = round(style.margin * height)
    measure = ImageDraw.Draw(Image.new("L", (1, 1)))
    text, spacing = "\n".join(lines), round(style.size * height * 0.25)
    boxes = [  # the second keeps the lines of all captions at one height, whatever letters they hold
        measure.multiline_textbbox((0, 0), each, font, spacing=spacing, align="center", stroke_width=stroke)
        for each in (text, "\n".join("Ágj" for _ in lines))
    ]
    left, right = boxes[0][0], boxes[0][2]
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    size = int(right - left) + 2, int(bottom - top) + 2
    if size[0] > width or size[1] + margin > height:
        raise InputError(f"text {text!r} of size {size} px does not fit a picture of {width}x{height}; shorten it")
    opacity, fill = (Image.new("L", size) for _ in range(2))
    for image, width_of_stroke in ((opacity, stroke), (fill, 0)):
        ImageDraw.Draw(image).multiline_text(
            (1 - left, 1 - top), text, 255, font, spacing=spacing, align="center", stroke_width=width_of_stroke
        )
    share = np.asarray(fill, np.float32)[..., None] / 255
    colour = share * np.array(style.fill, np.float32) + (1 - share) * np.array(style.outline, np.float32)
    return Layer(
        colour=colour.astype(np.uint8),
        opacity=(np.asarray(opacity, np.uint16)[..., None] * np.uint16(257)) >> np.uint16(8),
        left=width - margin - size[0] if corner else (width - size[0]) // 2,
        top=margin if corner else height - margin - size[1],
    )


def _font(style: Style, height: int) -> _Font:
    size = style.size * height
    if style.font is None:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(str(style.font), size)
    except OSError as error:
        raise InputError(f"{style.font}: not a font that can be read ({error}); expected a TrueType file") from error
