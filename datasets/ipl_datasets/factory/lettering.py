"""Text as layers to lay over a frame: broken into lines, dressed in outline, box or shadow, put in its place.

Shapes: H rows, W columns of the layer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipl.errors import InputError
from ipl_datasets.factory.paint import Layer
from ipl_datasets.factory.scene import Style
from ipl_datasets.factory.typefaces import Typeface, typeface

__all__ = ["layout", "paint_text"]

_LINE_GAP = 0.25
"""Between two lines, as a share of the size of the letters."""


def layout(text: str, style: Style, width: int, height: int) -> list[str]:
    r"""Breaks `text` into the lines that `paint_text` displays: few, and of like length.

    A line break (\n) in `text` stays; a text without spaces may be broken anywhere.
    """
    face = typeface(style.font, style.size * height)
    left = _margin(style, height) if style.place == "left" else 0
    widest = min(style.widest * width, width - left - 2 * (1 + _pad(style, height) + _stroke(style, height)))
    return [line for part in text.split("\n") for line in _fitted(part, face, widest)]


def _fitted(text: str, face: Typeface, widest: float) -> list[str]:
    joint = " " if " " in text or text.isascii() else ""
    words = text.split(" ") if joint else list(text)
    for count in range(1, len(words) + 1):
        lines = _break(words, count, joint)
        if all(face.width(line) <= widest for line in lines):
            return lines
    return words


def _break(words: list[str], count: int, joint: str) -> list[str]:
    """Splits words into `count` lines of about as many letters each."""
    total = sum(len(word) + 1 for word in words)
    lines: list[list[str]] = [[] for _ in range(count)]
    at = 0
    for word in words:
        lines[min(count - 1, (at + len(word) // 2) * count // total)].append(word)
        at += len(word) + 1
    return [joint.join(line) for line in lines if line]


def paint_text(lines: list[str], style: Style, width: int, height: int, corner: bool = False) -> Layer:
    """Paints lines of text where their style has its place, or in the top right `corner`.

    Raises InputError where they do not fit the picture.
    """
    face = typeface(style.font, style.size * height)
    stroke = _stroke(style, height)
    pitch = round(style.size * height * (1 + _LINE_GAP)) + 2 * stroke
    boxes = [face.box(line, stroke) for line in lines]
    usual = face.box("Ágj", stroke)  # keeps the lines of all captions at one height, whatever letters they hold
    wide = max(right - left for left, _, right, _ in boxes)
    top = min(usual[1], boxes[0][1])
    bottom = (len(lines) - 1) * pitch + max(usual[3], boxes[-1][3])
    pad = _pad(style, height)
    size = int(wide) + 2 + 2 * pad, int(bottom - top) + 2 + 2 * pad
    margin = _margin(style, height)
    if size[0] + (margin if style.place == "left" else 0) > width or size[1] + margin > height:
        text = "\n".join(lines)
        raise InputError(f"text {text!r} of size {size} px does not fit a picture of {width}x{height}; shorten it")

    fill, body = (np.zeros((size[1], size[0]), np.uint8) for _ in range(2))
    for number, (line, (left, _, right, _)) in enumerate(zip(lines, boxes, strict=True)):
        indent = 0 if style.place == "left" else (wide - (right - left)) / 2
        for ink, width_of_stroke in ((body, stroke), (fill, 0)):
            face.draw(ink, line, 1 + pad - left + indent, 1 + pad - top + number * pitch, width_of_stroke)
    share = fill.astype(np.float32)[..., None] / 255
    colour = (share * np.array(style.fill) + (1 - share) * np.array(style.outline)).astype(np.float32)
    shadow = round(style.shadow * height)
    if shadow:
        body[shadow:, shadow:] = np.maximum(body[shadow:, shadow:], body[:-shadow, :-shadow] // 5 * 4)
    opacity = (body.astype(np.uint16)[..., None] * np.uint16(257)) >> np.uint16(8)
    if style.box:
        colour, opacity = _boxed(colour, opacity, style)
    if corner:
        return Layer(colour.astype(np.uint8), opacity, width - margin - size[0], margin)
    place = {"left": margin}.get(style.place, (width - size[0]) // 2)
    return Layer(colour.astype(np.uint8), opacity, place, margin if style.place == "top" else height - margin - size[1])


def _margin(style: Style, height: int) -> int:
    return round(style.margin * height)


def _pad(style: Style, height: int) -> int:
    return round(0.2 * style.size * height) if style.box else 0


def _stroke(style: Style, height: int) -> int:
    return max(1, round(style.outline_width * height)) if style.outline_width else 0


def _boxed(
    colour: npt.NDArray[np.float32], opacity: npt.NDArray[np.uint16], style: Style
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint16]]:
    """Puts a box behind the text: one opacity over all of the layer, but where the text covers more."""
    share = opacity.astype(np.float32) / 256
    behind = (1 - share) * style.box_opacity
    together = share + behind
    mixed = (share * colour + behind * np.array(style.box, np.float32)) / np.maximum(together, 1e-6)
    return mixed.astype(np.float32), np.round(256 * together).astype(np.uint16)
