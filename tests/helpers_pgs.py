"""Writes subtitles as a Blu-ray has them: pictures in a Presentation Graphic Stream (.sup), US 2009/0185789 A1."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

SCREEN = 1280, 720
PALETTE, WINDOW, OBJECT, SCREEN_NOW, END = 0x14, 0x17, 0x15, 0x16, 0x80
CLEAR, OUTLINE, LETTERS = 0, 1, 2

Indices = npt.NDArray[np.uint8]


def sup(cues: Sequence[tuple[int, int, str]], fade: Sequence[int] = ()) -> bytes:
    """The stream of some cues: start and end in ms, and the text, which stands at the bottom.

    Each fades in over pictures of 40 ms of these opacities, 0 to 255.
    """
    stream = b""
    for number, (start_ms, end_ms, text) in enumerate(cues):
        picture = drawn(text)
        height, width = picture.shape
        left, top = (SCREEN[0] - width) // 2, SCREEN[1] - 40 - height
        window = struct.pack(">BBHHHH", 1, 0, left, top, width, height)
        shown = struct.pack(">HHBHBBBB", *SCREEN, 0x10, 2 * number, 0x80, 0, 0, 1)
        whole = whole_object(width, height, run_lengths(picture))
        for step, opacity in enumerate([*fade, 255]):
            parts = [
                (SCREEN_NOW, shown + struct.pack(">HBBHH", 0, 0, 0, left, top)),
                (WINDOW, window),
                (PALETTE, bytes([0, 0, OUTLINE, 16, 128, 128, opacity, LETTERS, 235, 128, 128, opacity])),
                (OBJECT, whole),
                (END, b""),
            ]
            stream += b"".join(segment(kind, start_ms + 40 * step, data) for kind, data in parts)
        cleared = struct.pack(">HHBHBBBB", *SCREEN, 0x10, 2 * number + 1, 0, 0, 0, 0)
        parts = [(SCREEN_NOW, cleared), (WINDOW, window), (END, b"")]
        stream += b"".join(segment(kind, end_ms, data) for kind, data in parts)
    return stream


def whole_object(width: int, height: int, codes: bytes) -> bytes:
    return (
        struct.pack(">HBB", 0, 0, 0xC0)
        + (len(codes) + 4).to_bytes(3, "big")
        + struct.pack(">HH", width, height)
        + codes
    )


def segment(kind: int, time_ms: int, data: bytes) -> bytes:
    return b"PG" + struct.pack(">IIBH", 90 * time_ms, 0, kind, len(data)) + data


def drawn(text: str) -> Indices:
    """Letters with an outline, as indices of the palette."""
    font = ImageFont.load_default(size=40)
    masks = []
    for width in (2, 0):
        image = Image.new("L", (SCREEN[0], 160))
        ImageDraw.Draw(image).multiline_text((640, 8), text, 255, font, "ma", align="center", stroke_width=width)
        masks.append(np.asarray(image) > 128)
    indices = np.where(masks[1], LETTERS, np.where(masks[0], OUTLINE, CLEAR)).astype(np.uint8)
    rows, columns = (np.flatnonzero(masks[0].any(axis=axis)) for axis in (1, 0))
    return indices[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def run_lengths(picture: Indices) -> bytes:
    codes = bytearray()
    for row in picture:
        for run in np.split(row, np.flatnonzero(np.diff(row)) + 1):
            index, length = int(run[0]), len(run)
            flag = 0x80 * bool(index)
            if index and length < 3:
                codes += bytes([index]) * length
            else:
                size = [flag | length] if length < 64 else [flag | 0x40 | length >> 8, length & 255]
                codes += bytes([0, *size, *[index] * bool(index)])
        codes += b"\0\0"
    return bytes(codes)
