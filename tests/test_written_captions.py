"""Promises of captions that are written word by word: one display, with all its words, from the first word on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipl_extractors.band_frame import Frame, Look
from ipl_extractors.display import Display
from ipl_extractors.following import follow
from ipl_extractors.growing import next_words
from ipl_extractors.pieces import grown, grows
from ipl_extractors.rows import Anchor
from ipl_extractors.scenery import without_signs
from ipl_extractors.strokes import Mask
from PIL import Image, ImageDraw, ImageFont

FONT = ImageFont.load_default(size=28)
WIDTH, HEIGHT, LEFT, MIDDLE = 480, 90, 40, 240
AT_LEFT, CENTRED = Look(30, Anchor("left", LEFT)), Look(30, Anchor("centre", MIDDLE))
WORDS = ("Who", "goes", "there", "now,", "so", "late", "at", "night?")


@cache
def drawn(text: str, number: int = 0, centred: bool = False) -> np.ndarray:
    """A text over stripes that drift, [90, 480]; lines are parted by a line break."""
    image = Image.new("L", (WIDTH, HEIGHT), 75)
    draw = ImageDraw.Draw(image)
    draw.rectangle((7 * number % WIDTH, 0, 7 * number % WIDTH + 60, HEIGHT), fill=110)
    for row, line in enumerate(text.split("\n")):
        at, anchor = ((MIDDLE, 6 + 36 * row), "ma") if centred else ((LEFT, 6 + 36 * row), "la")
        draw.text(at, line, font=FONT, anchor=anchor, fill=250, stroke_width=2, stroke_fill=0)
    return np.array(image)


def written(steps: Sequence[tuple[str, int]], centred: bool = False) -> Iterator[tuple[float, np.ndarray]]:
    """The frames of some texts, each shown in so many frames of 40 ms."""
    number = 0
    for text, count in steps:
        for _ in range(count):
            yield 40.0 * number, drawn(text, number, centred)
            number += 1


def inked(text: str, centred: bool = False) -> Mask:
    return drawn(text, 0, centred) > 200


@given(st.lists(st.integers(5, 12), min_size=3, max_size=len(WORDS)))
@settings(deadline=None, max_examples=15)
def test_words_that_come_one_by_one_are_one_display(counts: list[int]) -> None:
    texts = [*accumulate(WORDS[: len(counts)], lambda before, word: f"{before} {word}")]
    counts = [*counts[:-1], counts[-1] + 10]
    (display,) = follow(written([*zip(texts, counts, strict=True), ("", 10)]), AT_LEFT)
    assert (display.start_ms, display.end_ms, display.has_grown) == (0, 40 * sum(counts), True)
    assert np.count_nonzero(display.strokes & inked(texts[-1])) > 0.9 * np.count_nonzero(inked(texts[-1]))
    assert np.count_nonzero((display.stack > 200) & inked(texts[-1])) > 0.9 * np.count_nonzero(inked(texts[-1]))


def test_letters_that_come_one_by_one_are_one_display() -> None:
    text = "Who goes there, so late at night?"
    steps = [(text[: end + 1], 1) for end in range(len(text))]
    (display,) = follow(written([*steps, (text, 15), ("", 10)]), AT_LEFT)
    assert (display.start_ms, display.end_ms) == (0, 40 * (len(steps) + 15))
    assert np.count_nonzero((display.stack > 200) & inked(text)) > 0.9 * np.count_nonzero(inked(text))


def test_a_line_goes_on_below() -> None:
    steps = [("Who", 8), ("Who goes", 8), ("Who goes\nthere", 8), ("Who goes\nthere now?", 14), ("", 10)]
    (display,) = follow(written(steps), AT_LEFT)
    assert (display.start_ms, display.end_ms) == (0, 40 * 38)
    assert np.count_nonzero(display.strokes & inked("Who goes\nthere now?")) > 0.9 * np.count_nonzero(
        inked("Who goes\nthere now?")
    )


def test_the_next_text_may_begin_with_the_same_word() -> None:
    steps = [("Who", 8), ("Who goes", 8), ("Who goes there?", 14), ("Who", 8), ("Who is", 8), ("Who is it?", 14)]
    displays = list(follow(written([*steps, ("", 10)]), AT_LEFT))
    assert [(display.start_ms, display.end_ms) for display in displays] == [(0, 1200), (1200, 2400)]
    assert displays[1].strokes[:, 230:].sum() == 0


def test_what_passes_beside_a_text_is_no_word_of_it() -> None:
    def frame(number: int) -> np.ndarray:
        picture = drawn("Who goes?").copy()
        sign = drawn("EXIT")[:, LEFT - 5 : LEFT + 75]
        place = slice(400 - 3 * number, 480 - 3 * number)
        picture[:, place] = np.maximum(picture[:, place], sign)
        return picture

    (display,) = follow([(40.0 * number, frame(number)) for number in range(70)], AT_LEFT)
    assert not display.has_grown


def test_only_what_stands_next_is_the_next_word() -> None:
    text = inked("Who goes")
    after, below, away = inked("Who goes so") & ~text, inked("Who goes\nso") & ~text, np.roll(text, 250, axis=1)
    assert np.array_equal(next_words(text, after, AT_LEFT, False), after)
    assert np.array_equal(next_words(text, below, AT_LEFT, False), below)
    for added, look in ((away, AT_LEFT), (after, CENTRED), (after, Look(30))):
        assert next_words(text, added, look, False) is None
    two = inked("Who goes so late") & ~text
    assert next_words(text, two, AT_LEFT, False) is None  # another text, that begins with the same words
    assert np.array_equal(next_words(text, two, AT_LEFT, True), two)


def centred(text: str, start_ms: float, end_ms: float, before: str = "", after: str = "") -> Display:
    def contrasts(text: str) -> np.ndarray:
        return Frame(0.0, drawn(text, 0, True), CENTRED).contrasts

    luma = drawn(text, 0, True)
    shown = contrasts(text)
    around = (contrasts(each) if each else None for each in (before, after))
    return Display(start_ms, end_ms, CENTRED.text(shown > 60), luma, luma, shown, shown, *around)


def test_a_centred_line_that_a_word_comes_to_goes_on() -> None:
    one, other = centred("Who goes", 0, 400), centred("Who goes there", 400, 900)
    assert grows(one, other, CENTRED)
    whole = grown(one, other)
    assert (whole.start_ms, whole.end_ms, whole.has_grown) == (0, 900, True)
    assert np.array_equal(whole.strokes, other.strokes)
    assert grows(whole, centred("Who goes there now,", 1000, 1400), CENTRED)
    assert not grows(replace(one, start_ms=-900), other, CENTRED)  # it stood long enough to be a text of its own
    assert not grows(one, replace(other, start_ms=900, end_ms=1400), CENTRED)
    assert not grows(one, centred("Why so late", 400, 900), CENTRED)
    assert not grows(other, replace(one, start_ms=900, end_ms=1400), CENTRED)


@pytest.mark.parametrize(
    ("after", "is_kept"), [(lambda: centred("Who goes so", 0, 1).early, True), (lambda: moved("Who goes"), False)]
)
def test_a_centred_line_that_makes_room_is_no_sign_that_drifts(after: Callable[[], np.ndarray], is_kept: bool) -> None:
    shown = replace(centred("Who goes", 0, 400), after=after())
    kept = without_signs(shown, replace(CENTRED, rows=(20.0,))).strokes
    assert np.array_equal(kept, shown.strokes) == is_kept
    assert kept.any() == is_kept


def moved(text: str) -> np.ndarray:
    return np.roll(centred(text, 0, 1).early, -8, axis=1)


def test_the_last_word_is_there_where_the_video_ends() -> None:
    steps = [("Who", 8), ("Who goes", 8), ("Who goes there", 4)]
    (display,) = follow(written(steps), AT_LEFT)
    assert np.count_nonzero(display.strokes & inked("Who goes there")) > 0.9 * np.count_nonzero(inked("Who goes there"))


def test_what_stood_there_all_along_is_no_word() -> None:
    def frame(number: int) -> np.ndarray:
        picture = drawn("Who goes" if number < 40 else "").copy()
        if number < 25:
            picture[8:36, 190:194] = 250  # a pole, until the scene changes
        return picture

    displays = list(follow([(40.0 * number, frame(number)) for number in range(50)], AT_LEFT))
    assert [(each.start_ms, each.end_ms, each.has_grown) for each in displays] == [(0, 1600, False)]


def test_a_line_that_comes_late_is_another_text() -> None:
    steps = [("Nobody", 40), ("Nobody\nknew", 40), ("", 10)]
    assert not any(display.has_grown for display in follow(written(steps), AT_LEFT))
