"""Promises of what is left out of a band: what stands off the rows of its lines, of boards and tickers beside them."""

from __future__ import annotations

from dataclasses import replace

from ipl_extractors.band import Band
from ipl_extractors.burned_in import _Shown, _told_once, _without_strays
from ipl_extractors.outlines import Closed
from ipl_extractors.rows import Anchor

from ipl.mining.media import Box
from ipl.records import Span

BAND = Band(Box(0, 260, 640, 340), 30, Anchor("centre", 320.0), rows=(310.0,))
OUTLINED, ON_PLATE = Closed(0.8, 0.2), Closed(0.05, 0.8)


def shown(start_ms: int, end_ms: int, text: str, on_a_row: bool = True, closed: Closed = OUTLINED) -> _Shown:
    return _Shown(start_ms, end_ms, text, 0.99, (), f"{start_ms}.jpg", BAND, closed, on_a_row)


def kept(*all_shown: _Shown, others: tuple[Span, ...] = ()) -> list[str]:
    return [each.text for each in _without_strays(list(all_shown), others)]


def test_a_little_that_stands_off_the_rows_is_left_out() -> None:
    lines = [shown(2000 * n, 2000 * n + 1800, f"line {n}") for n in range(4)]
    assert kept(*lines, shown(8000, 9000, "EXIT", on_a_row=False)) == [f"line {n}" for n in range(4)]


def test_where_much_does_the_rows_may_not_be_known() -> None:
    texts = [shown(2000 * n, 2000 * n + 1800, f"line {n}", on_a_row=n % 2 > 0) for n in range(6)]
    assert kept(*texts) == [each.text for each in texts]


def test_then_only_what_comes_and_goes_under_another_bands_text_is_left_out() -> None:
    texts = [shown(2000 * n, 2000 * n + 1800, f"line {n}", on_a_row=n % 2 > 0) for n in range(6)]
    during_one = (Span(3500, 6500),)  # line 2 comes and goes while it is displayed
    assert kept(*texts, others=during_one) == ["line 0", "line 1", "line 3", "line 4", "line 5"]
    with_one = (Span(4100, 6500),)  # they come together, as two languages do
    assert kept(*texts, others=with_one) == [each.text for each in texts]
    assert kept(*[shown(4000, 5800, "on a row")], others=during_one) == ["on a row"]


def test_dark_letters_on_a_plate_are_left_out_where_the_others_have_outlines() -> None:
    lines = [shown(2000 * n, 2000 * n + 1800, f"line {n}") for n in range(4)]
    assert kept(*lines, shown(8000, 9000, "BAKERY", closed=ON_PLATE)) == [f"line {n}" for n in range(4)]


def test_what_two_places_of_the_same_rows_both_have_is_told_once() -> None:
    left = replace(BAND, anchor=Anchor("left", 40.0))
    lines = [shown(0, 1800, "is it now and then"), shown(2000, 3800, "Nobody."), shown(6000, 7800, "So late?")]
    others = [shown(0, 1800, "Who is it now and then?"), shown(2100, 3800, "Nobody."), shown(4000, 5800, "So late?")]
    told = _told_once({BAND: lines, left: [replace(each, band=left) for each in others]})
    assert [each.text for each in told[BAND]] == ["Nobody.", "So late?"]
    assert [each.text for each in told[left]] == ["Who is it now and then?", "So late?"]
    above = replace(left, box=Box(0, 0, 640, 80))
    assert [*map(len, _told_once({BAND: lines, above: others}).values())] == [3, 3]  # a song, with its words above
