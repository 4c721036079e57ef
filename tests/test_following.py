"""Promises of following the text in a band: when it is shown, exact to the frame, and what is kept of it to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipl_extractors.band_frame import Look
from ipl_extractors.following import follow
from ipl_extractors.rows import Anchor
from PIL import Image, ImageDraw, ImageFont


def drawn(text: str, shift: int = 0, dark: bool = False) -> np.ndarray:
    image = Image.new("L", (400, 60), 75)
    draw = ImageDraw.Draw(image)
    draw.rectangle((shift % 400, 0, shift % 400 + 60, 60), fill=120)
    draw.text((60, 12), text, font=ImageFont.load_default(size=28), fill=255, stroke_width=2, stroke_fill=0)
    return 255 - np.asarray(image) if dark else np.asarray(image)


@given(
    st.lists(st.tuples(st.sampled_from(["", "Hello there", "Who goes?", "I"]), st.integers(8, 30)), max_size=6),
    st.sampled_from([16.7, 40.0, 41.7]),
    st.booleans(),
)
@settings(deadline=None, max_examples=25)
def test_every_display_is_exact_to_the_frame(course: list[tuple[str, int]], frame_ms: float, dark: bool) -> None:
    course = [each for n, each in enumerate(course) if n == 0 or course[n - 1][0] != each[0]]
    course = [(text, round(count * 40 / frame_ms)) for text, count in course]

    def frames() -> Iterator[tuple[float, np.ndarray]]:
        number = 0
        for text, count in course:
            for _ in range(count):
                yield frame_ms * number, drawn(text, 7 * number, dark)
                number += 1

    displays = list(follow(frames(), Look(28, dark=dark)))
    expected, begin = [], 0
    for text, count in course:
        if text:
            expected += [frame_ms * begin, frame_ms * (begin + count)]
        begin += count
    found = [time_ms for display in displays for time_ms in (display.start_ms, display.end_ms)]
    assert found == pytest.approx(expected, abs=0.1)


def test_a_single_frame_without_it_parts_a_text_into_two() -> None:
    frames = [(40.0 * n, drawn("" if n == 20 else "Who goes?", 7 * n)) for n in range(40)]
    displays = list(follow(frames, Look(28)))
    assert [(display.start_ms, display.end_ms) for display in displays] == [(0, 800), (840, 1600)]


@pytest.mark.parametrize("num_frames", [1, 2])
def test_what_is_seen_of_the_scene_between_two_texts_does_not_show_the_second(num_frames: int) -> None:
    text, scene = drawn("Who goes?"), drawn("").copy()
    scene[:, 90:110] = text[:, 90:110] * 0.7  # a dim bar behind the text, as a letter of it
    gap = range(20, 20 + num_frames)
    displays = list(follow([(40.0 * n, scene if n in gap else text) for n in range(45)], Look(28)))
    *_, last = displays
    assert (displays[0].start_ms, displays[0].end_ms, last.start_ms) == (0, 800, 40.0 * gap.stop)
    between = displays[1:-1]
    assert between, "the bar is followed"
    assert all(3 * np.count_nonzero(each.strokes) < np.count_nonzero(last.strokes) for each in between)


@given(
    st.lists(st.tuples(st.sampled_from(["", "Hello there", "Who goes?", "Somebody"]), st.integers(8, 30)), max_size=5),
    st.integers(0, 100),
    st.booleans(),
)
@settings(deadline=None, max_examples=25)
def test_a_text_that_weaves_is_one_display_exact_to_the_frame(
    course: list[tuple[str, int]], seed: int, dark: bool
) -> None:
    course = [each for n, each in enumerate(course) if n == 0 or course[n - 1][0] != each[0]]
    sway = np.random.default_rng(seed)
    texts = [text for text, count in course for _ in range(count)]
    frames = [
        (40.0 * n, np.roll(drawn(text, 7 * n, dark), sway.integers(-2, 3, 2), axis=(0, 1)))
        for n, text in enumerate(texts)
    ]
    found = [(each.start_ms, each.end_ms) for each in follow(frames, Look(28, dark=dark, weaves=True))]
    ends = np.cumsum([count for _, count in course]).tolist()
    shown = zip([0, *ends], ends, (text for text, _ in course), strict=False)
    assert found == [(40.0 * begin, 40.0 * end) for begin, end, text in shown if text]


def test_a_short_text_on_its_row_is_seen_above_a_board_with_more_letters() -> None:
    def band(text: str) -> np.ndarray:
        return np.concatenate([drawn(text), drawn("BAKERY AND CAFE")])

    frames = [(40.0 * n, band("I" if 20 <= n < 40 else "")) for n in range(60)]
    displays = list(follow(frames, Look(28, rows=(28.0,))))
    assert [(each.start_ms, each.end_ms) for each in displays] == [(0, 800), (800, 1600), (1600, 2400)]
    assert len(list(follow(frames, Look(28)))) < len(displays), "without its row it is lost among the board's letters"


def test_a_sign_that_moves_is_no_display() -> None:
    sign = drawn("OPEN")
    assert list(follow([(40.0 * n, np.roll(sign, n, axis=1)) for n in range(40)], Look(28))) == []


def test_a_second_line_makes_another_display() -> None:
    def lines(*texts: str) -> np.ndarray:
        return np.concatenate([drawn(text) for text in texts])

    frames = [(40.0 * n, lines("Who goes?", "" if n < 20 else "Hello there")) for n in range(40)]
    displays = list(follow(frames, Look(28)))
    assert [(display.start_ms, display.end_ms) for display in displays] == [(0, 800), (800, 1600)]


@pytest.mark.parametrize("num_fading", [0, 5])
def test_a_text_that_begins_with_the_strokes_of_the_one_before_is_another(num_fading: int) -> None:
    look = Look(28, Anchor("left", 60))

    def frame(number: int) -> np.ndarray:
        if number < 30:
            return drawn("Who")
        share = min(1.0, (number - 29) / (num_fading + 1))
        return np.uint8(np.round((1 - share) * drawn("Who") + share * drawn("Who goes there?")))

    displays = list(follow([(40.0 * n, frame(n)) for n in range(60)], look))
    assert [display.start_ms for display in displays] == pytest.approx([0, 1200], abs=40 * num_fading)
    assert displays[0].end_ms == displays[1].start_ms


def test_a_sign_that_drifts_up_to_a_text_does_not_part_it() -> None:
    look = Look(28, Anchor("left", 60))
    sign = Image.new("L", (60, 40), 250)
    ImageDraw.Draw(sign).text((4, 4), "EXIT", font=ImageFont.load_default(size=24), fill=0)

    def frame(number: int) -> np.ndarray:
        image = Image.fromarray(drawn("Who goes?"))
        image.paste(sign, (350 - 2 * number, 10))
        return np.asarray(image)

    assert len(list(follow([(40.0 * n, frame(n)) for n in range(60)], look))) == 1


def test_what_moves_behind_a_text_is_not_in_its_stack() -> None:
    (display,) = follow([(40.0 * n, drawn("Who goes?", 15 * n)) for n in range(40)], Look(28))
    assert np.abs(display.stack.astype(int) - drawn("Who goes?", 340)).max() <= 45
    assert np.count_nonzero(display.stack > 200) == np.count_nonzero(drawn("Who goes?") > 200)


@pytest.mark.parametrize("colours", [((235, 30, 30), (255, 210, 0)), ((235, 30, 30), (235, 30, 30))])
def test_letters_that_luma_does_not_show_are_read_by_their_colour(colours: Sequence[tuple[int, int, int]]) -> None:
    image = Image.new("RGB", (400, 60), (75, 75, 75))  # as bright as red is
    draw = ImageDraw.Draw(image)
    for at, word, colour in zip((40, 220), ("Who goes", "there?"), colours, strict=True):
        draw.text((at, 12), word, font=ImageFont.load_default(size=28), fill=colour)
    planes = np.moveaxis(np.asarray(image)[:, :, (1, 2, 0)], 2, 0)  # green, blue, red
    (display,) = follow([(40.0 * n, planes) for n in range(40)], Look(28))
    assert display.stack[display.strokes].min() > 150
    assert np.array_equal(display.picture, display.stack)
    white = np.repeat(drawn("Who goes?")[None], 3, axis=0)
    (display,) = follow([(40.0 * n, white) for n in range(40)], Look(28))
    assert np.abs(display.stack.astype(int) - drawn("Who goes?")).max() <= 1


def test_dark_letters_that_turn_red_are_still_there() -> None:
    def sung(share: float) -> np.ndarray:
        image = Image.new("RGB", (400, 60), (235, 235, 235))
        ImageDraw.Draw(image).text((40, 12), "Who goes there?", font=ImageFont.load_default(size=28), fill=(20, 20, 20))
        picture, end = np.array(image), 40 + int(share * 220)
        picture[:, :end][picture[:, :end, 0] < 128] = (200, 40, 20)
        return np.moveaxis(picture[:, :, (1, 2, 0)], 2, 0)  # green, blue, red

    (display,) = follow([(40.0 * n, sung(n / 40)) for n in range(40)], Look(28, dark=True))
    assert (display.start_ms, display.end_ms) == (0, 1600)


def faded(text: str, strength: float) -> np.ndarray:
    """A text that is drawn with some strength, 0 to 1, over the picture without it."""
    return (strength * drawn(text) + (1 - strength) * drawn("")).round().astype(np.uint8)


@pytest.mark.parametrize("frame_ms", [20.0, 40.0])
@pytest.mark.parametrize(("least", "strength"), [(0.55, 1.0), (0.7, 1.0), (0.55, 0.3)])
def test_a_text_that_fades_out_and_in_at_once_is_displayed_twice(
    frame_ms: float, least: float, strength: float
) -> None:
    half = round(120 / frame_ms)  # frames of one fade
    dip = [1 - (1 - least) * (1 - abs(n) / half) for n in range(-half, half + 1)]
    strengths = [1.0] * 40 + dip + [1.0] * 40
    pictures = [faded("Who goes?", strength * each) for each in strengths]
    found = list(follow([(frame_ms * n, picture) for n, picture in enumerate(pictures)], Look(28)))
    lowest = frame_ms * (40 + half)
    assert [(display.start_ms, display.end_ms) for display in found] == [
        (0, lowest),
        (lowest + frame_ms, frame_ms * len(strengths)),
    ]


def test_what_passes_over_a_text_makes_no_second_display_of_it() -> None:
    def passing(number: int) -> np.ndarray:
        picture = drawn("Who goes?").copy()
        mist = slice(max(0, 60 * (number - 30)), max(0, 60 * (number - 30) + 100))  # one part after the other
        picture[:, mist] = 60 + 0.6 * picture[:, mist]
        return picture

    assert len(list(follow([(40.0 * n, passing(n)) for n in range(80)], Look(28)))) == 1


@pytest.mark.parametrize("num_fading", [25, 30])
def test_a_slow_fade_is_part_of_the_display(num_fading: int) -> None:
    strengths = [min(1.0, number / num_fading) for number in range(80)]
    frames = [(40.0 * n, faded("Who goes?", strength)) for n, strength in enumerate(strengths)]
    displays = list(follow(frames, Look(28)))
    assert all(display.start_ms < display.end_ms for display in displays)
    assert displays[0].start_ms <= 40 * num_fading
    assert displays[-1].end_ms == 3200
    assert sum(display.end_ms - display.start_ms for display in displays) >= 3200 - 40 * num_fading
