"""The algorithms of the pages: sampling, ticks, escaping."""

from __future__ import annotations

import random
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from ipl.report.axes import nice_ticks
from ipl.report.html import element
from ipl.report.sampling import sample


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 99)), unique=True), st.integers(0, 12), st.randoms()
)
def test_sampling_is_spread_and_blind_to_order(rows: list[tuple[str, int]], size: int, shuffler: random.Random) -> None:
    def drawn(given: list[tuple[str, int]]) -> list[tuple[str, int]]:
        return sample(given, size, str, lambda row: row[0])

    first = drawn(rows)
    shuffler.shuffle(rows)
    assert drawn(rows) == first
    assert len(first) == len(set(first)) == min(size, len(rows))
    held = {source: sum(row[0] == source for row in rows) for source, _ in rows}
    taken = {source: sum(row[0] == source for row in first) for source in held}
    most = max(taken.values(), default=0)
    if size >= len(held):
        assert all(taken[source] >= min(held[source], most - 1) for source in held)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_enclose_what_is_drawn(low: float, span: float) -> None:
    ticks = nice_ticks(low, low + span)
    slack = span * 1e-6 + abs(low) * 1e-9
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + span - slack
    assert 2 <= len(ticks) <= 12


@given(st.text())
def test_any_text_survives_a_page(text: str) -> None:
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            seen.append(data)

    reader = Reader()
    reader.feed(element("td", text, title=text))
    reader.close()
    assert "".join(seen) == text
