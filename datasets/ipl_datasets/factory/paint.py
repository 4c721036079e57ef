"""The parts of a picture behind its text, as arrays: the canvas, and the shapes that cross it.

Shapes: H rows, W columns, three colours (RGB).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ipl_datasets.factory.scene import Background, Colour
from ipl_datasets.factory.typefaces import typeface

__all__ = ["Layer", "Picture", "paint_canvas", "paint_mover"]

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Layer:
    """A small picture to lay over a frame: `colour` uint8 [H, W, 3] and `opacity` uint16 [H, W, 1], 0 to 256."""

    colour: Picture
    opacity: npt.NDArray[np.uint16]
    left: int
    top: int

    def lay_over(self, frame: Picture, strength: int = 256) -> None:
        """Blends this layer into `frame` (uint8 [H, W, 3]) in place; it must lie inside. `strength` is 0 to 256."""
        height, width = self.colour.shape[:2]
        under = frame[self.top : self.top + height, self.left : self.left + width]
        opacity = self.opacity if strength == 256 else (self.opacity * np.uint16(strength)) >> 8
        under[...] = (self.colour * opacity + under * (256 - opacity)) >> 8

    def columns(self, first: int, end: int) -> Layer:
        """The part of this layer from one column up to, not including, another."""
        return Layer(self.colour[:, first:end], self.opacity[:, first:end], self.left + first, self.top)


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
    lit = np.asarray(image) if not background.light else _lighten(np.asarray(image), background.light)
    return _leave_room(_with_words(lit, background, rng) if background.words else lit, background)


def _lighten(picture: Picture, light: float) -> Picture:
    lit: Picture = (255 - (255 - picture.astype(np.float32)) * (1 - light)).astype(np.uint8)
    return lit


def _with_words(picture: Picture, background: Background, rng: np.random.Generator) -> Picture:
    """Paints words on boards, as shops and roads have them."""
    picture = picture.copy()
    height, width = picture.shape[:2]
    for word in background.words:
        face = typeface(None, 0.07 * height)
        left, top, right, bottom = face.box(word, 0)
        tall, wide = int(bottom - top) + 12, min(width, int(right - left) + 20)
        row, column = int(rng.integers(0, max(1, height - tall))), int(rng.integers(0, max(1, width - wide)))
        ink = np.zeros((tall, wide), np.uint8)
        face.draw(ink, word, 10 - left, 6 - top, 0)
        dark = rng.random() < 0.5
        picture[row : row + tall, column : column + wide] = (ink if dark else 255 - ink)[..., None]
    return picture


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
