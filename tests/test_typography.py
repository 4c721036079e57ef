"""Promises of what is put right by the ink: capitals in short lines, bars that are no digits, full-width marks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from ipl_datasets.factory.typefaces import CJK, find_font, typeface
from ipl_extractors.typography import Line, Typography
from PIL import Image, ImageDraw, ImageFont

from ipl.mining.scripts import are_bilingual

FONT = ImageFont.load_default(size=36)


def line(shown: str, read: str) -> Line:
    """A line that shows one text and was read as another of the same length."""
    image = Image.new("L", (60 + int(FONT.getlength(shown)), 60))
    ImageDraw.Draw(image).text((30, 8), shown, font=FONT, fill=255)
    edges = [30 + FONT.getlength(shown[:at]) for at in range(len(shown) + 1)]
    centres = tuple((one + other) / 2 for one, other in pairwise(edges))
    return Line(read, centres, np.array(image) > 128)


@pytest.mark.parametrize(
    ("shown", "read"), [("Go!", "GO!"), ("So?", "so?"), ("OK", "oK"), ("I?", "1?"), ("No.", "No.")]
)
def test_a_short_line_is_read_as_its_letters_stand(shown: str, read: str) -> None:
    plain = line("That bird flew home", "That bird flew home")
    assert Typography().mend([plain, line(shown, read)])[1] == shown


@pytest.mark.parametrize(("filled", "read"), [(0.72, "I?"), (0.6, "1?")])
def test_a_bar_that_was_not_seen_whole_is_no_digit_but_what_has_a_flag_is(filled: float, read: str) -> None:
    worn = line("I?", "1?")
    (first, end), (top, bottom) = worn.runs[0], worn.rows
    glyph = worn.ink[top:bottom, first:end]
    glyph[:] = True
    lost = round((1 - filled) * glyph.size / (end - first - 1))
    glyph[1 : 1 + lost, :-1] = False  # its box is as large as before
    assert glyph.mean() == pytest.approx(filled, abs=0.02)
    assert Typography().mend([worn]) == [read]


@pytest.mark.parametrize(("shown", "read"), [("That sailor", "That-sailor"), ("That-sailor", "That-sailor")])
def test_a_hyphen_that_is_a_bit_of_the_scene_is_a_space(shown: str, read: str) -> None:
    seen = line(f"He saw {shown} laugh", f"He saw {read} laugh")
    if shown != read:
        column = round(seen.centres[11])
        seen.ink[20:40, column] = True
    assert Typography().mend([seen]) == [f"He saw {shown} laugh"]


def test_a_dash_that_was_read_is_not_put_before_the_line_again() -> None:
    dashed = line("- She laughed", "- She laughed")
    ink = dashed.ink.copy()
    ink[30, -3:] = True  # of the scene: the runs are not the letters, one by one, and the recogniser's places are rough
    centres = (float(dashed.runs[1][0]), *dashed.centres[1:])
    assert Typography().mend([Line("- She laughed", centres, ink)]) == ["- She laughed"]


@pytest.mark.skipif(not find_font("sans"), reason="no font with Spanish marks is installed")
@pytest.mark.parametrize("size", [20, 36])
@pytest.mark.parametrize(
    ("shown", "read", "meant"),
    [
        ("¡Hola, Tom!", "Hola, Tom!", "¡Hola, Tom!"),
        ("¡Hola, Tom!", "i Hola, Tom!", "¡Hola, Tom!"),
        ("¡No!", "iNo!", "¡No!"),
        ("jHola, Tom!", "jHola, Tom!", "jHola, Tom!"),
        ("It is, Tom!", "It is, Tom!", "It is, Tom!"),
        ("(Hola, Tom!", "Hola, Tom!", "Hola, Tom!"),
    ],
)
def test_a_spanish_mark_that_was_not_read_is_told_by_its_ink(shown: str, read: str, meant: str, size: int) -> None:
    font = ImageFont.truetype(find_font("sans"), size)
    image = Image.new("L", (60 + int(font.getlength(shown)), 60))
    ImageDraw.Draw(image).text((30, 8), shown, font=font, fill=255)
    edges = [30 + font.getlength(shown[:at]) for at in range(len(shown) + 1)]
    centres = [(one + other) / 2 for one, other in pairwise(edges)]
    if read.startswith("i "):
        centres.insert(1, centres[0])
    line = Line(read, tuple(centres[len(centres) - len(read) :]), np.array(image) > 128)
    assert Typography().mend([line]) == [meant]


def test_a_tracks_apostrophes_are_of_one_kind() -> None:
    def read(track: Typography, *texts: str) -> list[str]:
        return track.mend([Line(each, (), np.zeros((1, 1), bool)) for each in texts])

    track = Typography()
    assert read(track, "don't", "it's", "'tis 'so'") == ["don't", "it's", "'tis 'so'"]
    again = np.zeros((1, 1), bool)
    assert track.mend([Line("it’s", (), again), Line("it’s", (), again)]) == ["it's", "it's"]
    assert track.apostrophe == "'", "a line that was read twice counts once"
    assert read(track, "qu’il") == ["qu'il"]
    assert track.apostrophe == "’", "those of the lines before count, too"


def test_what_is_behind_a_tall_letter_makes_no_capital_small() -> None:
    plain, short = line("That bird flew home", "That bird flew home"), line("Why?", "Why?")
    short.ink[:18, round(short.centres[1])] = True  # an edge that reaches from above down to the h
    assert Typography().mend([plain, short])[1] == "Why?"


def test_a_long_line_is_left_to_the_recogniser() -> None:
    assert Typography().mend([line("11 of 100 birds", "11 of 100 birds")]) == ["11 of 100 birds"]
    assert Typography().mend([line("WAS SO COLD", "Was So Cold")]) == ["Was So Cold"]


def test_a_capital_is_small_where_the_ink_has_a_small_one() -> None:
    assert Typography().mend([line("another dog walked", "another dog Walked")]) == ["another dog walked"]


def bars(read: str, heights: str, most: int) -> Line:
    """A line of bars as high as the digits say, in pixels up to `most`, which was read as a text."""
    ink = np.zeros((most + 4, 8 * len(read)), bool)
    for number, height in enumerate(heights.split()):
        ink[2 + most - int(height) : 2 + most, 8 * number + 1 : 8 * number + 6] = True
    return Line(read, tuple(8.0 * number + 3 for number in range(len(read))), ink)


@pytest.mark.parametrize(("low", "meant"), [(13, "So?"), (10, "SO?")])
def test_how_high_a_small_letter_is_the_typeface_tells(low: int, meant: str) -> None:
    """Of a letter of 0.81 of a capital nothing tells but the others which it is."""
    other = bars("Tamer", f"16 {low} {low} {low} {low}", 16)
    more = bars("Hen", f"16 {low} {low}", 16)
    assert Typography().mend([bars("SO?", "16 13 16", 16)]) == ["SO?"]
    assert Typography().mend([other, more, bars("SO?", "16 13 16", 16)])[-1] == meant


@pytest.mark.parametrize("shown", ["Our bird flew home", "- She came. We left"])
def test_a_sentence_begins_with_a_capital_where_the_ink_has_one(shown: str) -> None:
    assert Typography().mend([line(shown, shown.replace("O", "o").replace("S", "s").replace("W", "w"))]) == [shown]


def test_a_capital_stays_where_a_sentence_or_a_name_may_begin() -> None:
    half_covered = line("Mr. Okafor walked", "Mr. Okafor walked")
    half_covered.ink[:24, round(half_covered.centres[4]) - 10 : round(half_covered.centres[4]) + 12] = False
    assert Typography().mend([half_covered]) == ["Mr. Okafor walked"]


def test_a_line_whose_places_are_not_known_stays() -> None:
    assert Typography().mend([Line("1?", (), np.ones((8, 8), bool)), Line("", (), np.zeros((8, 8), bool))]) == [
        "1?",
        "",
    ]


@pytest.mark.parametrize("shown", ["- Nobody saw the way", "Again, they slept all day", "Dr. O'Neil was not there"])
def test_a_space_after_a_mark_is_put_back_where_the_ink_has_one(shown: str) -> None:
    whole, at = line(shown, shown), shown.index(" ")
    swallowed = Line(shown.replace(" ", "", 1), (*whole.centres[:at], *whole.centres[at + 1 :]), whole.ink)
    assert Typography().mend([swallowed]) == [shown]


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        ("This teacher waited a day", "This teacher-waited a day"),
        ("This teacher waited a day", "This teacher- waited a day"),
        ("Anna-Lena saw the way", "Anna- Lena saw the way"),
        ("Anna-Lena saw the way", "Anna-Lena saw the way"),
        ("pre- and post-war days", "pre- and post-war days"),
    ],
)
def test_a_hyphen_is_where_the_ink_has_one(shown: str, read: str) -> None:
    whole, centres = line(shown, shown), line(shown, shown).centres
    if len(read) > len(shown):  # a sign too many, in the middle of the gap before the first that differs
        at = next(number for number, (one, other) in enumerate(zip(shown, read, strict=False)) if one != other)
        centres = (*centres[:at], (centres[at - 1] + centres[at]) / 2, *centres[at:])
    assert Typography().mend([Line(read, centres, whole.ink)]) == [shown]


@pytest.mark.parametrize("shown", ["At 12:30 or 7.5 a day", "Anna-Lena, a no-one", "-Well, who is it?"])
def test_where_the_ink_has_none_a_mark_has_no_space(shown: str) -> None:
    assert Typography().mend([line(shown, shown)]) == [shown]


@pytest.mark.parametrize("shown", ["See http://a.org/our for all of it", "She waited a long day..."])
def test_a_space_before_a_mark_is_one_where_the_ink_has_it(shown: str) -> None:
    whole = line(shown, shown)
    at = shown.index("/our") if "/" in shown else shown.index("...")
    torn = Line(shown[:at] + " " + shown[at:], (*whole.centres[:at], whole.centres[at], *whole.centres[at:]), whole.ink)
    assert Typography().mend([torn]) == [shown]
    french = line("Que dit - elle ? Et qui est - ce ?", "Que dit - elle ? Et qui est - ce ?")
    assert Typography().mend([french])[0].count(" ?") == 2


def test_a_dash_that_was_not_read_is_put_before_its_line() -> None:
    whole = line("- Nobody saw the way", "- Nobody saw the way")
    assert Typography().mend([Line("Nobody saw the way", whole.centres[2:], whole.ink)]) == ["- Nobody saw the way"]
    assert Typography().mend([whole]) == ["- Nobody saw the way"]
    beside = line("' Nobody saw the way", "' Nobody saw the way")
    assert Typography().mend([Line("Nobody saw the way", beside.centres[2:], beside.ink)]) == ["Nobody saw the way"]


@pytest.mark.parametrize("shown", ["She waited...", "She waited... and left", "... and left", "She waited."])
def test_an_ellipsis_has_three_dots(shown: str) -> None:
    read = shown.replace("...", "." if shown.startswith(".") else "..")
    assert Typography().mend([line(read, read)]) == [shown]


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("Dr, O'Neil saw Mrs.Okafor", "Dr. O'Neil saw Mrs. Okafor"),
        ("Is he a Dr, or not", "Is he a Dr, or not"),
        ("At last, She came", "At last, She came"),
    ],
)
def test_a_title_before_a_name_has_a_dot_and_a_space(read: str, meant: str) -> None:
    assert Typography().mend([Line(read, (), np.ones((8, 8), bool))]) == [read], "its ink tells nothing"
    assert Typography().mend([line(read, read)]) == [meant]


def test_marks_after_chinese_letters_are_full_width() -> None:
    ink = np.zeros((20, 200), bool)
    ink[4:16, 10:190] = True
    assert Typography().mend([Line("好吗?OK?", (15.0, 40.0, 60.0, 80.0, 100.0, 120.0), ink)]) == ["好吗？OK?"]


def chinese(shown: str, read: str, size: int) -> Line:
    """As `line`, in letters of `size` pixels."""
    face = typeface(CJK, size)
    ink = np.zeros((2 * size, size * (len(shown) + 2)), np.uint8)
    face.draw(ink, shown, size, size // 2, 0)
    edges = [size + face.width(shown) * at / len(shown) for at in range(len(shown) + 1)]
    return Line(read, tuple((one + other) / 2 for one, other in pairwise(edges)), ink > 128)


@pytest.mark.parametrize("size", [20, 27, 40])
def test_a_letter_has_as_many_bars_as_its_ink(size: int) -> None:
    shown = "一只白色的鸟今日"
    misread = shown.replace("白", "自").replace("日", "目")
    assert Typography().mend([chinese(shown, misread, size)]) == [shown]
    for right in ("一只自色的鸟今目", shown):
        assert Typography().mend([chinese(right, right, size)]) == [right]
    with_scene = chinese("一只白色", "一只自色", size)
    inked = np.flatnonzero(with_scene.ink[:, round(with_scene.centres[2])])
    after = np.flatnonzero(np.diff(inked) > 1)[-1]
    between, centre = (inked[after] + inked[after + 1]) // 2, round(with_scene.centres[2])
    with_scene.ink[between, centre - size // 5 : centre + size // 5 + 1] = True  # the scene within the letter's frame
    assert Typography().mend([with_scene]) == ["一只白色"]
    with_scene.ink[between, :] = True  # an edge of the scene that lies across it
    assert Typography().mend([with_scene]) == ["一只自色"]
    cut = chinese("一只自色", "一只自色", size)
    rows = np.flatnonzero(cut.ink[:, round(cut.centres[2])])
    cut.ink[rows[np.flatnonzero(np.diff(rows) > 1)[-1]] + 1 :] = False  # its last bar is out of the picture
    assert Typography().mend([cut]) == ["一只自色"]


def test_bars_of_letters_too_small_for_it_are_not_counted() -> None:
    assert Typography().mend([chinese("一只白色", "一只自色", 12)]) == ["一只自色"]


def test_two_languages_at_once_are_a_rule_not_an_exception() -> None:
    assert are_bilingual([["谁？", "Who?"], ["我。", "Me."], ["OK"]])
    assert not are_bilingual([["谁？"], ["我。"], ["他说", "Good bye"], ["再见"]])
