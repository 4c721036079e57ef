"""Promises of the pictures of a line that a recogniser is shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipl_datasets.factory.typefaces import find_font
from ipl_extractors.band_frame import Look
from ipl_extractors.crops import FAINT_LUMA, Crop, line_crop, without_scene
from ipl_extractors.display import Display
from ipl_extractors.line_boxes import line_boxes
from ipl_extractors.rows import Anchor
from ipl_extractors.strokes import contrast, stroke_mask
from PIL import Image, ImageDraw, ImageFont

from ipl.mining.media import Box

FONT = ImageFont.load_default(size=26)
LETTERS = 230


def drawn(scene: np.ndarray, outline: int) -> np.ndarray:
    """A line over a scene, uint8 [60, 400]."""
    image = Image.fromarray(scene)
    ImageDraw.Draw(image).text(
        (200, 14), "She washed our window", font=FONT, anchor="ma", fill=LETTERS, stroke_width=outline, stroke_fill=0
    )
    return np.array(image)


def scene(above: int, below: int) -> np.ndarray:
    """One brightness above the middle of the letters and another below, as at the edge of a letterbox."""
    return np.repeat(np.repeat(np.uint8([[above], [below]]), 30, axis=0), 400, axis=1)


def shown(luma: np.ndarray, dark: bool = False) -> Crop:
    look = Look(28, dark=dark)
    strokes = stroke_mask(contrast(luma, 28, dark), 28)
    (box,) = line_boxes(strokes, 28)
    return line_crop(Display(0, 1000, strokes, luma, luma, luma, luma), box, look)


def of(luma: np.ndarray) -> Display:
    """A display of a picture as it is."""
    return Display(0, 1000, stroke_mask(contrast(luma, 36), 36), luma, luma, luma, luma)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 255), st.integers(0, 255), st.booleans())
def test_a_scene_as_bright_as_outlined_letters_is_painted_over_between_them(above: int, below: int, dark: bool) -> None:
    luma, alone = drawn(scene(above, below), 3), drawn(scene(0, 0), 3)
    crop = shown(255 - luma if dark else luma, dark)
    tight, wiped = (255 - each if dark else each for each in (crop.tight, crop.wiped))
    letters = int(np.count_nonzero(alone > 180))
    assert np.count_nonzero(tight > 180) == pytest.approx(letters, rel=0.05)
    assert np.count_nonzero(wiped > 180) == pytest.approx(letters, rel=0.05)


@pytest.mark.parametrize(("above", "below"), [(LETTERS, 0), (LETTERS, LETTERS), (255, 180)])
def test_what_is_seen_between_outlined_letters_is_no_ink(above: int, below: int) -> None:
    alone = drawn(scene(0, 0), 3)
    crop = shown(drawn(scene(above, below), 3))
    assert np.count_nonzero(crop.ink) == pytest.approx(np.count_nonzero(alone > LETTERS / 2), rel=0.1)


def test_letters_that_nothing_closes_off_stay_as_they_are() -> None:
    luma = drawn(scene(LETTERS, 20), 0)  # their upper halves are part of the bright scene
    crop = shown(luma)
    assert (crop.tight == crop.picture[3:-3]).all()


def leaking(scene: np.ndarray, letters: str, left: int) -> np.ndarray:
    """Outlined letters, some with a faint outline: over a scene as bright as they are these run into it."""
    image = Image.fromarray(scene)
    draw = ImageDraw.Draw(image)
    whole = "She washed our window"
    draw.text((left, 14), whole, font=FONT, fill=LETTERS, stroke_width=3, stroke_fill=0)
    before = draw.textlength(whole[: whole.index(letters)], FONT)
    end = before + draw.textlength(letters, FONT)
    bare = Image.fromarray(scene)
    # A faint outline, as video leaves it: it is seen as one, but lets the letter and the scene run together.
    ImageDraw.Draw(bare).text((left, 14), whole, font=FONT, fill=LETTERS, stroke_width=2, stroke_fill=170)
    place = (left + round(before) - 3, 0, left + round(end), 60)
    image.paste(bare.crop(place), place)
    return np.array(image)


@pytest.mark.parametrize(("letters", "anchor"), [("S", Anchor("left", 60)), ("w", None)])
def test_letters_that_run_into_the_scene_are_not_taken_for_it(letters: str, anchor: Anchor | None) -> None:
    luma = leaking(scene(LETTERS, LETTERS), letters, 60)
    strokes = stroke_mask(contrast(drawn_at(60), 28), 28)
    display = Display(0, 1000, strokes, luma, luma, luma, luma)
    crop = line_crop(display, Box(40, 8, 360, 52), Look(28, anchor))
    letters_at, ink_at = (np.flatnonzero(mask.any(axis=0)) for mask in (strokes[8:52, 40:360], crop.ink))
    off = np.abs(letters_at[:, None] - ink_at).min(axis=1)
    assert off.max() <= 4, "no letter is gone"


def drawn_at(left: int) -> np.ndarray:
    image = Image.new("L", (400, 60), 0)
    ImageDraw.Draw(image).text((left, 14), "She washed our window", font=FONT, fill=LETTERS)
    return np.array(image)


def test_faint_letters_stand_out_more() -> None:
    luma = drawn(scene(0, 0), 0) // 3
    assert int(shown(luma).tight.max()) >= FAINT_LUMA


@pytest.mark.skipif(not find_font("sans"), reason="no font with accents is installed")
@pytest.mark.parametrize("text", ["Éste era Ávila", "Ten wąwóz"])
def test_marks_above_capitals_and_below_letters_are_in_the_picture(text: str) -> None:
    font = ImageFont.truetype(find_font("sans"), 26)
    image = Image.new("L", (400, 90), 0)
    ImageDraw.Draw(image).text((200, 30), text, font=font, anchor="ma", fill=LETTERS)
    luma = np.array(image)
    # The line's box is that of its letters without their marks, as where few of many have one.
    crop = line_crop(of(luma), Box(60, 27, 340, 63), Look(40))
    assert (luma > LETTERS / 2).sum() == (crop.tight > LETTERS / 2).sum()
    assert len(crop.tight) < 90


def test_what_is_seen_of_the_scene_between_two_lines_is_none() -> None:
    image = Image.new("L", (400, 90), LETTERS - 20)
    draw = ImageDraw.Draw(image)
    for number, text in enumerate(["She washed our window", "and then she went home"]):
        draw.text((200, 12 + 25 * number), text, font=FONT, anchor="ma", fill=LETTERS, stroke_width=3, stroke_fill=0)
    shown_, look = of(np.array(image)), Look(36)
    assert len(line_boxes(without_scene(shown_, look), 36)) == 2
    assert len(line_boxes(shown_.strokes, 36)) == 1
