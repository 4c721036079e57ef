"""Promises of how the displays of a band are read: what is a sign or a logo and what text, what is read again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ipl_extractors.band_frame import Look
from ipl_extractors.display import Display
from ipl_extractors.reading import BandReader
from ipl_extractors.rows import Anchor
from ipl_extractors.sightings import Sighting
from ipl_extractors.signs import on_plates
from ipl_extractors.strokes import contrast, stroke_mask
from PIL import Image, ImageDraw, ImageFont

from ipl.mining.media import Box
from ipl.records import Reading

sys.path.insert(0, str(Path(__file__).parent))
from helpers_reading import FONT, display, drawn, texts_of


def test_a_text_over_a_logo_is_read_as_it_is() -> None:
    look = Look(28, Anchor("centre", 200))
    logo = ("ABC TV", 270, 20)
    texts = ["Nobody came to the house", "We saw the river again", "Both fell and jumped", "They forgot a window"]
    pictures = [drawn(logo, (text, 200, 34)) for text in texts]
    alone = drawn(logo)
    read: list[np.ndarray] = []

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        read.extend(crop[:, :, 0] for crop in crops)
        return [[Reading("Nobody came", 0.99, (0, 0, 0, 0))] for _ in crops]

    always = stroke_mask(contrast(alone, 28), 28)
    reader = BandReader(look, read_text, 0.7, 0.95)
    found = texts_of(reader, [display(each, look, 1000.0 * n) for n, each in enumerate(pictures)], always)
    assert len(found) == len(read) == len(texts)
    for text, crop in zip(texts, read, strict=True):
        letters = drawn((text, 200, 34)) > 200
        shown = letters[letters.any(axis=1)]  # as it would be without the logo
        assert np.count_nonzero(crop > 200) == pytest.approx(np.count_nonzero(shown), rel=0.05)


@pytest.mark.parametrize(("row", "is_text"), [(75.0, True), (None, False)])
def test_a_sign_that_comes_by_does_not_take_a_texts_place(row: float | None, is_text: bool) -> None:
    look = Look(28, rows=() if row is None else (row,))
    text = ("Nobody came", 200, 60)
    around = contrast(drawn(text), 28)
    shown = replace(display(drawn(text, ("EXIT", 200, 8)), look), before=around, after=around)
    widths: list[int] = []

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        widths.extend(crop.shape[1] for crop in crops)
        return [[Reading("Nobody came", 0.99, (0, 0, 0, 0))] for _ in crops]

    (found,) = texts_of(BandReader(look, read_text, 0.7, 0.95), [shown])
    assert [width > FONT.getlength("Nobody came") for width in widths] == [is_text]
    assert found.on_row


def widths_read(shown: Display, look: Look) -> list[int]:
    """How wide the crops of lines are that a display is read from."""
    widths: list[int] = []

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        widths.extend(crop.shape[1] for crop in crops)
        return [[Reading("Nobody came", 0.99, (0, 0, 0, 0))] for _ in crops]

    texts_of(BandReader(look, read_text, 0.7, 0.95), [shown])
    return widths


@pytest.mark.parametrize("is_first", [True, False])
def test_a_title_that_comes_or_goes_while_a_text_stays_is_no_line_of_it(is_first: bool) -> None:
    look = Look(28, Anchor("centre", 200), rows=(75.0,))
    both, alone = (drawn(("Nobody came", 200, 60), *title) for title in ([("PART TWO", 200, 8)], []))
    early, late = (contrast(each, 28) for each in ((both, alone) if is_first else (alone, both)))
    assert len(widths_read(replace(display(both, look), early=early, late=late), look)) == 1
    assert len(widths_read(display(both, look), look)) == 2


@pytest.mark.parametrize("centre", [200, 300])
def test_a_text_that_a_sign_beside_it_cut_in_two_is_read_whole(centre: int) -> None:
    look = Look(28, Anchor("centre", 200), rows=(75.0, 23.0))
    text = [("Nobody came", centre, 60), ("into it", 200, 8)]
    around = contrast(drawn(*text[:1]), 28)
    shown = replace(display(drawn(*text), look), before=around, after=around)
    assert len(widths_read(shown, look)) == (2 if centre == 200 else 1)


def test_small_letters_that_cover_those_of_the_texts_around_are_no_sign() -> None:
    # Its lower line is on the row of all; most of its strokes are covered by the lines before and after it.
    look = Look(28, Anchor("left", 20), rows=(75.0,))
    small = ImageFont.load_default(size=15)

    def set_left(*lines: str) -> np.ndarray:
        image = Image.new("L", (400, 100), 60)
        for text, top in zip(lines, (68, 44), strict=False):
            ImageDraw.Draw(image).text((20, top), text, font=small, fill=230, stroke_width=1, stroke_fill=0)
        return np.array(image)

    shown = set_left("some water runs over our moon", "And of this line nothing is around")
    before, after = (
        contrast(set_left(each), 28) for each in ("zwei schwarze sehen aus bwzs", "ssess aweze zexas wesze azsx")
    )
    both = replace(display(shown, look), before=before, after=after)
    assert len(widths_read(both, look)) == 2


@pytest.mark.parametrize(
    ("before", "shown", "after"),
    [
        ("Who?", "Why?", "Who?"),
        ("Not me.", "No one.", "Not me."),
        ("They see.", "That one.", "They saw."),
        ("Come in.", "Come on.", "Come in."),
    ],
)
def test_a_short_text_between_others_like_it_is_no_sign(before: str, shown: str, after: str) -> None:
    look = Look(28, Anchor("centre", 200), rows=(75.0,))
    around = [contrast(drawn((each, 200, 60)), 28) for each in (before, after)]
    text = drawn((shown, 200, 60))
    assert len(widths_read(replace(display(text, look), before=around[0], after=around[1]), look)) == 1
    aside = drawn((shown, 216, 60))
    sign = contrast(aside, 28)
    assert not widths_read(replace(display(aside, look), before=sign, after=sign), look)


def test_what_stays_where_lines_stand_is_a_piece_of_a_text() -> None:
    look = Look(28, Anchor("centre", 200), rows=(75.0,))
    text = drawn(("They see.", 200, 60))
    same = contrast(text, 28)
    assert len(widths_read(replace(display(text, look), before=same, after=same), look)) == 1


def test_dark_letters_on_a_plate_are_told_from_outlined_ones() -> None:
    look = Look(28)
    plate = Image.new("L", (400, 100), 60)
    ImageDraw.Draw(plate).rectangle((80, 52, 320, 96), fill=240)
    ImageDraw.Draw(plate).text((200, 60), "EXIT 12", font=FONT, anchor="ma", fill=0)
    pictures = [drawn((text, 200, 60)) for text in ("Nobody came", "Who is it?", "We saw the river")]

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        return [[Reading("Nobody came", 0.99, (0, 0, 0, 0))] for _ in crops]

    # Letters without an outline are not closed off, nor is what is between them.
    box = Image.new("L", (400, 100), 110)
    ImageDraw.Draw(box).text((200, 60), "Mary fell", font=FONT, anchor="ma", fill=240)
    displays = [display(each, look, 1000.0 * n) for n, each in enumerate([*pictures, np.array(plate), np.array(box)])]
    texts = texts_of(BandReader(look, read_text, 0.7, 0.95), displays)
    told = on_plates([text.best()[0] for text in texts], [text.closed for text in texts])
    assert told == [False] * 3 + [True, False]


@pytest.mark.parametrize(("read", "is_text"), [("1", False), ("I", False), ("一", False), ("A", True), ("I?", True)])
def test_a_bar_alone_is_no_text_as_a_scene_has_such_too(read: str, is_text: bool) -> None:
    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        return [[Reading(read, 0.99, (0, 0, 0, 0))] for _ in crops]

    (text,) = texts_of(BandReader(Look(28), read_text, 0.7, 0.95), [display(drawn((read, 200, 60)), Look(28))])
    assert bool(text.readings) == is_text


def test_a_bar_below_another_line_is_a_line() -> None:
    look, texts = Look(28), iter(["So who is it? Not", "I"])

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        return [[Reading(next(texts), 0.99, (0, 0, 0, 0))] for _ in crops]

    shown = display(drawn(("So who is it? Not", 200, 8), ("I", 200, 60)), look)
    (text,) = texts_of(BandReader(look, read_text, 0.7, 0.95), [shown])
    assert text.best()[0] == "So who is it? Not\nI"


def test_how_a_name_is_spaced_most_pictures_say() -> None:
    look, said = Look(28), iter(["Mr. Riverdog came", "Mr. River dog came", "Mr. Riverdog came"])

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        # All but sure of one letter, so that it is read again, and again.
        texts = [next(said) for _ in crops]
        return [[Reading(each, 0.99, (0, 0, 0, 0), (), (0.99,) * (len(each) - 1) + (0.4,))] for each in texts]

    shown = display(drawn(("Mr. Riverdog came", 200, 60)), look)
    (text,) = texts_of(BandReader(look, read_text, 0.7, 0.95, language="en"), [shown])
    assert len(text.readings) == 3
    assert text.best()[0] == "Mr. Riverdog came"


def test_a_line_with_ink_beyond_what_was_read_of_it_is_read_again() -> None:
    look, calls = Look(28), [0]
    shown = display(drawn(("Nobody came!", 200, 60)), look)

    def reader(read: str) -> BandReader:
        def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
            calls[0] += len(crops)
            centres = tuple(26.0 + 13 * at for at in range(len(read)))
            return [[Reading(read, 0.99, (0, 0, 9, 9), centres, (1.0,) * len(read))] for _ in crops]

        return BandReader(look, read_text, 0.7, 0.95)

    texts_of(reader("Nobody came!"), [shown])
    once = calls[0]
    texts_of(reader("Nobody"), [shown])
    assert (once, calls[0] - once) == (1, 2)


@pytest.mark.parametrize(("shown_ms", "is_text"), [(3000.0, True), (500.0, False)])
def test_words_that_the_next_text_has_close_by_are_no_sign_that_moves(shown_ms: float, is_text: bool) -> None:
    look = Look(28)
    shown = display(drawn(("came home", 200, 60)), look)
    shown = replace(shown, end_ms=shown_ms, after=contrast(drawn(("came home", 208, 60)), 28))

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        return [[Reading("came home", 0.99, (0, 0, 0, 0))] for _ in crops]

    (found,) = texts_of(BandReader(look, read_text, 0.7, 0.95), [shown])
    assert bool(found.readings) == is_text


def sighting(text: str, score: float = 0.99, box: tuple[int, int, int, int] = (120, 60, 280, 92)) -> Sighting:
    places = tuple(np.linspace(box[0] + 4, box[2] - 4, len(text)))
    return Sighting(500, Reading(text, score, box, places, (score,) * len(text)))


def test_a_line_that_was_surely_read_before_is_not_read_again() -> None:
    shown = display(drawn(("Nobody came", 200, 60)), Look(28))
    calls: list[int] = []

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        calls.append(len(crops))
        return [[Reading("Nobody game", 0.9, (0, 0, 0, 0))] for _ in crops]

    def texts(*sightings: Sighting) -> list[str]:
        calls.clear()
        (text,) = texts_of(BandReader(Look(28), read_text, 0.7, 0.95, sightings), [shown])
        return [vote.text for vote in text.readings]

    assert (texts(sighting("Nobody came")), sum(calls)) == (["Nobody came"], 0)
    late = replace(sighting("Nobody came"), time_ms=950)
    cut_off, above = sighting("Nobody", box=(120, 60, 210, 92)), sighting("Nobody came", box=(120, 30, 280, 62))
    for other in (late, cut_off, above):
        assert (texts(other), sum(calls)) == (["Nobody game", "Nobody game"], 2)
    assert (texts(sighting("Nobody game", 0.8)), sum(calls)) == (["Nobody game", "Nobody game"], 1)
    assert sorted(texts(sighting("Nobody came", 0.8))) == ["Nobody came", *3 * ["Nobody game"]]


def test_a_sighting_is_told_in_the_pixels_of_the_band() -> None:
    found = Sighting(500, Reading("No", 0.9, (100, 420, 180, 460), (120.0, 160.0))).within(Box(0, 400, 640, 480), 0.5)
    assert (found.reading.box, found.reading.centres) == ((50, 10, 90, 30), (60.0, 80.0))


def test_one_letter_that_is_not_sure_makes_a_line_doubtful() -> None:
    look = Look(28)
    shown = display(drawn(("Nobody came", 200, 60)), look)
    calls: list[int] = []

    def reader(least: float) -> BandReader:
        def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
            calls.append(len(crops))
            return [[Reading("Go!", 0.97, (0, 0, 9, 9), (30.0, 90.0, 165.0), (1.0, least, 1.0))] for _ in crops]

        return BandReader(look, read_text, 0.7, 0.95)

    texts_of(reader(0.99), [shown])
    assert sum(calls) == 1
    texts_of(reader(0.5), [shown])
    assert sum(calls) == 1 + 2


@pytest.mark.parametrize(("mark", "kept"), [("—", False), ("-", True)])
def test_a_long_dash_that_has_no_ink_is_the_edge_of_something(mark: str, kept: bool) -> None:
    """A hyphen is so short that it may not be seen; both stand just before the line."""
    look = Look(28)
    shown = display(drawn(("Nobody came", 200, 34)), look)
    columns = np.flatnonzero(shown.strokes.any(axis=0))

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        places = np.linspace(20, crops[0].shape[1] - 20, 11).tolist()
        return [[Reading(f"{mark}Nobody came", 0.99, (0, 0, 0, 0), (0.0, *places))] for _ in crops]

    assert columns[0] > 20
    (text,) = texts_of(BandReader(look, read_text, 0.7, 0.95), [shown])
    assert text.best()[0].lstrip("- ") == "Nobody came"
    assert text.best()[0].startswith(("-", "—")) == kept
