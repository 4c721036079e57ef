"""Promises of looking for bands: a text is read once however many probes show it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ipl_extractors.probes import Probes, is_same_picture
from PIL import Image, ImageDraw, ImageFont

from ipl.records import Reading

FONT = ImageFont.load_default(size=30)
BOX = (100, 100, 110 + round(FONT.getlength("We know")), 140)


def frame(text: str, seed: int) -> np.ndarray:
    """A line of text over a scene of its own."""
    rng = np.random.default_rng(seed)
    scene = np.repeat(rng.integers(20, 110, (36, 64, 3), np.uint8).repeat(10, 0), 10, 1)
    image = Image.fromarray(scene)
    draw = ImageDraw.Draw(image)
    draw.text((BOX[0] + 5, BOX[1]), text, font=FONT, fill="white", stroke_width=2, stroke_fill="black")
    return np.asarray(image)


class Reader:
    """Finds text where it is bright, and counts what it is asked."""

    def __init__(self, texts: Sequence[str] = (), tells: bool = False) -> None:
        self.texts = iter(texts)
        self.tells = tells
        self.read = self.looked = 0

    def __call__(self, pictures: Sequence[np.ndarray], lines: bool | None) -> list[list[Reading]]:
        if lines:
            self.read += len(pictures)
            return [[Reading(next(self.texts), 0.9, (0, 0, 1, 1))] for _ in pictures]
        self.looked += 1
        (picture,) = pictures
        if picture[BOX[1] : BOX[3], BOX[0] : BOX[2]].max() <= 200:
            return [[]]
        return [[Reading(next(self.texts) if self.tells else "", 0.9, BOX)]]


def probes(reader: Reader, *pictures: np.ndarray) -> list[list[str]]:
    found = Probes(reader, lambda box, width, height: True, 0.6)
    for picture in pictures:
        found.look(0.0, picture)
    return [[each.text for each in readings] for readings in found.readings]


def test_a_text_is_read_once() -> None:
    reader = Reader(["We know", "Me know"])
    pictures = [frame(words, seed) for seed, words in enumerate(["We know", "We know", "We know", "Me know", ""])]
    assert probes(reader, *pictures) == [["We know"], ["We know"], ["We know"], ["Me know"], []]
    assert reader.read == 2


def test_a_frame_that_shows_what_is_new_in_the_one_before_is_known() -> None:
    reader = Reader(["We know", "Me know"])
    said = ["We know", "We know", "Me know", *5 * ["Me know"], ""]
    found = Probes(reader, lambda box, width, height: True, 0.6)
    for seed, words in enumerate(said):
        found.look(2000.0 * seed, frame(words, seed))
    assert [[each.text for each in readings] for readings in found.readings] == [
        [words] * bool(words) for words in said
    ]
    assert found.times_ms == [2000.0 * number for number in range(len(said))]
    # It looks at the first, where the text changes, after three that were known, as a logo would be, and from then on
    # at each, as nothing in it is new.
    assert reader.looked == 1 + 1 + 3
    found.look(0, frame("We know", 0))
    found.look(0, frame("We know", 1), anew=True)
    assert reader.looked == 5 + 2


def test_a_line_is_read_with_what_stands_close_beside_it() -> None:
    shown = frame("We know", 0)
    widths: list[int] = []

    def read_text(pictures: Sequence[np.ndarray], lines: bool | None) -> list[list[Reading]]:
        widths.extend(picture.shape[1] for picture in pictures)
        return [[Reading("We know", 0.9, (0, 0, 9, 9), (30.0,), (0.9,))] if lines else [Reading("", 0.9, BOX)]]

    found = Probes(read_text, lambda box, width, height: True, 0.6)
    found.look(0, shown)
    ((reading,),) = found.readings
    assert widths == [shown.shape[1], BOX[2] - BOX[0] + BOX[3] - BOX[1]]
    assert (reading.box, reading.centres, reading.scores) == (BOX, (BOX[0] - 20 + 30,), (0.9,))


def test_a_reader_that_reads_what_it_finds_is_not_asked_again() -> None:
    reader = Reader(["We know", "Me know"], tells=True)
    assert probes(reader, frame("We know", 0), frame("Me know", 1)) == [["We know"], ["Me know"]]
    assert reader.read == 0


def test_one_text_looks_the_same_over_another_scene_and_at_another_place() -> None:
    one, other, differs = (frame(words, seed)[:, :, 0] for seed, words in enumerate(["We know", "We know", "Me know"]))
    assert is_same_picture(one, BOX, other, (BOX[0] - 2, BOX[1] + 3, BOX[2] + 1, BOX[3] + 1))
    assert is_same_picture(one, BOX, np.roll(other, 90, axis=1), (BOX[0] + 90, BOX[1], BOX[2] + 90, BOX[3]))
    assert not is_same_picture(one, BOX, differs, BOX)
