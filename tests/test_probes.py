"""Promises of looking for bands: a text is read once however many probes show it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ipl_extractors.probes import Probes, is_same_picture
from PIL import Image, ImageDraw, ImageFont

from ipl.records import Reading

BOX = (100, 100, 300, 140)


def frame(text: str, seed: int) -> np.ndarray:
    """A line of text over a scene of its own."""
    rng = np.random.default_rng(seed)
    scene = np.repeat(rng.integers(20, 110, (36, 64, 3), np.uint8).repeat(10, 0), 10, 1)
    image = Image.fromarray(scene)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=BOX[3] - BOX[1] - 10)
    draw.text((BOX[0] + 5, BOX[1]), text, font=font, fill="white", stroke_width=2, stroke_fill="black")
    return np.asarray(image)


class Reader:
    """Finds text where it is bright, and counts what it is asked."""

    def __init__(self, texts: Sequence[str] = (), tells: bool = False) -> None:
        self.texts = iter(texts)
        self.tells = tells
        self.read = 0

    def __call__(self, pictures: Sequence[np.ndarray], lines: bool | None) -> list[list[Reading]]:
        if lines:
            self.read += len(pictures)
            return [[Reading(next(self.texts), 0.9, (0, 0, 1, 1))] for _ in pictures]
        (picture,) = pictures
        if picture[BOX[1] : BOX[3], BOX[0] : BOX[2]].max() <= 200:
            return [[]]
        return [[Reading(next(self.texts) if self.tells else "", 0.9, BOX)]]


def probes(reader: Reader, *pictures: np.ndarray) -> list[list[str]]:
    found = Probes(reader, lambda box, width, height: True, 0.6)
    for picture in pictures:
        found.look(picture)
    return [[each.text for each in readings] for readings in found.readings]


def test_a_text_is_read_once() -> None:
    reader = Reader(["We know", "Not yet"])
    pictures = [frame(words, seed) for seed, words in enumerate(["We know", "We know", "We know", "Not yet", ""])]
    assert probes(reader, *pictures) == [["We know"], ["We know"], ["We know"], ["Not yet"], []]
    assert reader.read == 2


def test_a_reader_that_reads_what_it_finds_is_not_asked_again() -> None:
    reader = Reader(["We know", "Not yet"], tells=True)
    assert probes(reader, frame("We know", 0), frame("Not yet", 1)) == [["We know"], ["Not yet"]]
    assert reader.read == 0


def test_one_text_looks_the_same_over_another_scene_and_at_another_place() -> None:
    one, other, differs = (frame(words, seed)[:, :, 0] for seed, words in enumerate(["We know", "We know", "Not yet"]))
    assert is_same_picture(one, BOX, other, (98, 103, 301, 141))
    assert is_same_picture(one, BOX, np.roll(other, 90, axis=1), (190, 100, 390, 140))
    assert not is_same_picture(one, BOX, differs, BOX)
