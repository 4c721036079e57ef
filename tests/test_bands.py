"""Promises of where subtitles are looked for: rows of text that share a place, and the bands chosen of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from ipl_extractors.band import choose_bands
from ipl_extractors.band_search import _in_gaps
from ipl_extractors.rows import Anchor, find_rows

from ipl.records import Reading, Span


def line(text: str, top: int, left: int = 100, height: int = 30) -> Reading:
    return Reading(text, 0.99, (left, top, left + 15 * len(text), top + height))


def test_the_band_is_where_text_changes() -> None:
    signs = [line("EXIT", 40 * n % 200, 30 * n % 400) for n in range(10)]
    said = ["Who is it?", "Nobody.", "Come in then.", "After you", "I will not", "Why?", "Ask him", "Him?", "Yes", "Oh"]
    probes = [[line("NEWS 24", 10, 500), signs[n], line(words, 300)] for n, words in enumerate(said)]
    (band,) = choose_bands(probes, 640, 360)
    assert band.box.top < 300 < 330 <= band.box.bottom
    assert band.box.bottom - band.box.top < 120
    assert choose_bands([[line("NEWS 24", 10, 500)]] * 10, 640, 360) == []
    assert choose_bands([[]] * 10, 640, 360) == []
    assert choose_bands([], 640, 360) == []


def test_a_line_whose_start_the_detector_lost_does_not_drift() -> None:
    whole, rest = line("They bought the young bread!", 300, 100), "bought the young bread!"
    part = Reading(rest, 0.99, (180, *whole.box[1:]))
    (band,) = choose_bands([[whole], [part], [line("He ate it", 300, 100)]], 640, 360)
    assert band.anchor == Anchor("left", 100)


@pytest.mark.parametrize(("place", "number"), [((77, 10, 563, 50), 2), ((77, 10, 563, 80), 1), ((20, 10, 506, 40), 1)])
def test_a_line_at_the_top_goes_with_others_that_begin_at_the_left(
    place: tuple[int, int, int, int], number: int
) -> None:
    said = ["Who is it then?", "Nobody that I know.", "Come in then, both"]
    lone = Reading("Captain Bell, nobody watched him", 0.99, place)  # in the middle, and higher by what is behind it
    probes = [*[[line(words, 300, 100)] for words in said], [lone]]
    assert len(choose_bands(probes, 640, 360)) == number


@pytest.mark.parametrize(("top", "num_bands"), [(165, 1), (60, 2)])
def test_titles_in_the_middle_of_the_picture_are_no_subtitles_where_others_are(top: int, num_bands: int) -> None:
    said = ["Who is it then?", "Nobody that I know.", "Come in then, both", "After you, Maria"]
    titles = ["THE LONG ROAD", "PART TWO", "THREE YEARS LATER"]
    probes = [[line(words, 300, 100)] for words in said]
    for found, title in zip(probes, titles, strict=False):
        found.append(Reading(title, 0.99, (320 - 8 * len(title), top, 320 + 8 * len(title), top + 30)))
    bands = choose_bands(probes, 640, 360)
    assert len(bands) == num_bands
    assert bands[0].box.top < 300 < 330 <= bands[0].box.bottom
    assert len(choose_bands([found[1:] for found in probes], 640, 360)) == 1


@pytest.mark.parametrize(
    ("width", "top", "num_texts", "number"),
    [(640, 300, 1, 1), (640, 165, 1, 0), (640, 165, 2, 0), (640, 165, 3, 1), (200, 165, 2, 1), (640, 300, 2, 1)],
)
def test_of_a_clip_one_text_may_be_all_but_none_or_two_that_stand_where_titles_do(
    width: int, top: int, num_texts: int, number: int
) -> None:
    texts = ["THE LONG ROAD", "Look at that", "Is it so"][:num_texts]
    reach = {text: 7 * len(text) for text in texts}
    half = width // 2
    probes = [[Reading(text, 0.99, (half - reach[text], top, half + reach[text], top + 30))] for text in texts * 2]
    assert len(choose_bands(probes, width, 360)) == number


@pytest.mark.parametrize(("grows", "drifts", "number"), [(0, 0, 1), (6, 0, 1), (0, 6, 0)])
def test_one_text_stays_if_its_centre_does(grows: int, drifts: int, number: int) -> None:
    # Detectors' boxes of one text vary in size; a sign in a moving scene is elsewhere in each.
    boxes = [(200 - grows * n + drifts * n, 300, 440 + grows * n + drifts * n, 334) for n in range(3)]
    assert len(choose_bands([[Reading("Look at that", 0.99, box)] for box in boxes], 640, 360)) == number


def test_two_titles_that_read_alike_are_not_one_text_that_stays() -> None:
    the, three = (Reading(text, 0.99, (100, 95, 300, 185)) for text in ("THE", "THREE"))
    assert choose_bands([[the], [], [], [three], []], 400, 720) == []
    assert len(choose_bands([[], [the], [the], [], []], 400, 720)) == 1


def test_of_texts_that_are_centred_about_one_height_lines_by_themselves_stand_between_two() -> None:
    def centred(text: str, middle: int) -> Reading:
        return Reading(text, 0.99, (360 - 8 * len(text), middle - 20, 360 + 8 * len(text), middle + 20))

    pairs = [("Come in and sit", "down then"), ("After you", "my dear friend"), ("I will not", "say it again")]
    two = [[centred(above, 338), centred(below, 382)] for above, below in pairs]
    sign = line("OPEN", 340, 20, 40)
    (band,) = choose_bands([[centred("Nobody.", 360), sign], *two, [centred("Who is it?", 360)]], 720, 720)
    assert sorted(band.rows) == [338, 360, 382]
    (band,) = choose_bands([[sign], *two], 720, 720)
    assert sorted(band.rows) == [338, 382]


def test_a_lone_line_at_the_top_may_seem_higher_by_what_is_behind_it() -> None:
    said = ["Who is it then?", "Nobody that I know.", "Come in then, both"]
    centred = [Reading(each, 0.99, (320 - 8 * len(each), 300, 320 + 8 * len(each), 330)) for each in said]
    for height, number in ((41, 2), (50, 1)):
        lone = Reading("Why?", 0.99, (290, 20, 350, 20 + height))
        assert len(choose_bands([*[[each] for each in centred], [lone]], 640, 360)) == number


def test_a_row_is_what_shares_a_start_or_a_centre() -> None:
    said = ["Nobody.", "Come in then.", "I will not"]
    centred = [(n, Reading(words, 0.99, (320 - 8 * len(words), 300, 320 + 8 * len(words), 330)))
               for n, words in enumerate(said)]  # fmt: skip
    (row,) = find_rows([*centred, (3, line("EXIT", 300, 20)), (4, line("CAFE", 300, 500))], 640)
    assert row.anchor == Anchor("centre", 320)
    assert (row.num_texts, row.num_frames) == (3, 3)
    left = [(n, line(words, 300, 40)) for n, words in enumerate(said)]
    assert find_rows(left, 640)[0].anchor == Anchor("left", 40)


def test_lines_about_as_long_as_each_other_stand_where_they_do_most_closely() -> None:
    widths, said = [280, 291, 300, 312], ["Nobody jumped", "Who is it then?", "Come in, both!", "After you, Maria"]
    left = [
        (n, Reading(words, 0.99, (58 + n % 2, 300, 58 + width, 340)))
        for n, (words, width) in enumerate(zip(said, widths, strict=True))
    ]
    sign = (4, Reading("BAKERY", 0.99, (150, 300, 265, 340)))  # by chance near the centre of most
    assert find_rows([*left, sign], 640)[0].anchor.kind == "left"
    middle = [
        (n, replace(each, box=(200 - width // 2, 300, 200 + width // 2, 340)))
        for (n, each), width in zip(left, widths, strict=True)
    ]
    assert find_rows([*middle, sign], 640)[0].anchor.kind == "centre"


@pytest.mark.parametrize(("middle", "kind"), [(320, "centre"), (250, "left")])
def test_lines_as_long_as_each_other_are_centred_in_the_middle_of_the_picture(middle: int, kind: str) -> None:
    found = [
        (n, Reading(words, 0.99, (middle - 150, 300, middle + 150 + off, 340)))
        for n, (words, off) in enumerate([("Nobody jumped", 0), ("Who is it then?", 3), ("Come in, both!", 6)])
    ]
    (row,) = find_rows(found, 640)
    assert row.anchor.kind == kind


def test_of_a_centred_line_the_detector_may_lose_the_end() -> None:
    found = [
        (0, Reading("Every farmer watched every house..", 0.99, (70, 300, 542, 340))),
        (1, Reading("Who is it then?", 0.99, (180, 300, 458, 340))),
        (2, Reading("Come in, both!", 0.99, (181, 300, 460, 340))),
    ]
    (row,) = find_rows(found, 640)
    assert (row.anchor.kind, row.num_texts) == ("centre", 3)


def test_what_is_empty_of_a_wide_mark_belongs_to_the_line() -> None:
    # Of a line that ends with a wide mark no detector sees the end; two of these seem to begin at one place.
    seen = [
        ("现在你们从北京看书喝茶。", 176, 444),
        ("这个周末我们在海边忘记带钥匙。", 173, 454),
        ("现在从北京等了很长时间", 186, 454),
    ]
    found = [(n, Reading(words, 0.99, (left, 309, right, 340))) for n, (words, left, right) in enumerate(seen)]
    (row,) = find_rows(found, 640)
    assert row.anchor.kind == "centre"
    assert row.anchor.x == pytest.approx(320, abs=3)


def test_pieces_of_a_line_make_no_row_of_their_own() -> None:
    found = [
        (0, Reading("So?", 0.99, (296, 303, 344, 329))),
        (1, Reading("Both carried every", 0.99, (190, 302, 400, 326))),  # and a word that the detector did not see
        (2, Reading("They", 0.99, (188, 304, 240, 327))),
        (2, Reading("bought the young bread!", 0.99, (236, 299, 452, 334))),
        (3, Reading("Early she found her heavy book", 0.99, (195, 300, 445, 330))),
    ]
    (row,) = (row for row in find_rows(found, 640) if row.num_frames > 1)
    assert row.anchor.kind == "centre"
    assert row.num_frames == 3


def test_lines_of_other_speakers_stand_elsewhere_on_the_same_rows() -> None:
    said = ["Who is it then?", "Nobody.", "Come in, both of you!", "After you, then", "I will not", "Why ever not?"]
    widths = [15 * len(each) for each in said]
    lefts = [40, 600 - widths[1], 320 - widths[2] // 2, 40, 600 - widths[4], 320 - widths[5] // 2]
    probes = [[line(words, 300, left)] for words, left in zip(said, lefts, strict=True)]
    bands = choose_bands(probes, 640, 360)
    assert {(each.anchor.kind, round(each.anchor.x, -1)) for each in bands} == {
        ("left", 40),
        ("centre", 320),
        ("right", 600),
    }
    assert len({(band.box, band.rows) for band in bands}) == 1
    # One text elsewhere is a sign.
    assert len(choose_bands([*probes[0::3], [line("EXIT", 300, 540)], *probes[0::3]], 640, 360)) == 1


def test_rows_that_start_at_the_left_and_end_at_the_right_are_two_bands() -> None:
    sung = ["What does it mean", "It is only the last", "The street, or infrastructure", "So", "Nobody else"]
    probes = []
    for number, (one, other) in enumerate(pairwise(sung)):
        above, below = (one, other) if number % 2 == 0 else (other, one)
        probes.append([line(above, 340, left=60), line(below, 382, left=800 - 15 * len(below))])
    upper, lower = choose_bands(probes, 860, 480)
    assert (upper.anchor, lower.anchor) == (Anchor("left", 60), Anchor("right", 800))
    assert upper.box.top < 340
    assert 370 <= upper.box.bottom == lower.box.top <= 382
    assert lower.box.bottom > 412


@pytest.mark.parametrize(("wanders", "num_lines"), [(True, 1), (True, 2), (False, 1), (False, 3)])
def test_texts_that_stand_at_any_height_are_one_band(wanders: bool, num_lines: int) -> None:
    def text(number: int, first: int) -> list[Reading]:
        said = f"{chr(97 + number) * (4 + number)} was here"
        left = (540 - 15 * len(said)) // 2
        return [line(f"{chr(107 + n)}{said[1:]}", first + 36 * n, left) for n in range(1 + number % num_lines)]

    heights = [190, 610, 430, 250, 700, 520, 310, 760, 370, 650]
    below = [870 - 36 * (number % num_lines) for number in range(len(heights))]
    probes = [text(number, first) for number, first in enumerate(heights if wanders else below)]
    bands = choose_bands(probes, 540, 960)
    (band,) = bands[:1]
    assert (band.box.top < 190 and band.box.bottom > 790, band.rows == ()) == (wanders, wanders)
    assert band.anchor.kind == "centre"
    assert len(bands) == 1


def test_pieces_of_lines_are_no_lines_of_other_speakers() -> None:
    said = ["Who is it then, at night?", "Nobody that I know of.", "Come in then, both of you!"]
    probes = []
    for words in said:
        left = 320 - 15 * len(words) // 2
        first, last = words[:8], words[8:]
        probes.append([line(first, 300, left), line(last, 300, left + 15 * 8)])
    (band,) = choose_bands(probes, 640, 360)
    assert band.anchor == Anchor("centre", pytest.approx(320, abs=8))


def test_long_gaps_are_looked_into_at_several_places() -> None:
    assert list(_in_gaps([Span(0, 1000), Span(5000, 7000), Span(20_000, 30_000)])) == [25_000, 22_500, 27_500, 6000]
    assert len(list(_in_gaps([Span(0, 10_000_000)]))) == 6
    assert list(_in_gaps([])) == []


def test_a_sign_of_which_little_is_seen_beside_the_lines_is_no_row_of_theirs() -> None:
    said = ["Who is it then?", "Nobody that I know.", "Come in then, both", "After you, Maria"]
    probes = [[line(words, 300)] for words in said]
    probes[1].append(line("PARKING", 258, 380, height=38))
    (band,) = choose_bands(probes, 640, 360)
    assert band.rows == (315,)
