"""The algorithms of the pages: sampling, ticks, escaping."""

from __future__ import annotations

import random
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ipl.records import CueReading, Reject
from ipl.report.axes import nice_ticks
from ipl.report.html import element
from ipl.report.mining_samples import reject_table
from ipl.report.sampling import sample
from ipl.schemas import READINGS, REJECTS
from ipl.tables import write_table


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


def test_of_two_texts_that_start_at_once_each_is_shown_with_its_own_picture(tmp_path: Path) -> None:
    texts = {"900.jpg": "Who goes there?", "900-2.jpg": "谁在那里"}
    folder = tmp_path / "evidence" / "film"
    readings = [CueReading("film", 900, 2000, crop, 0, text, 0.9, 1100, crop) for crop, text in texts.items()]
    write_table(folder / "readings.parquet", readings, READINGS)
    for crop in texts:
        (folder / crop).write_text(crop)
    rejects = [Reject("film", 900, 2000, "align", "no voice", text) for text in texts.values()]
    write_table(tmp_path / "rejects" / "film.parquet", rejects, REJECTS)
    page = str(reject_table(tmp_path))
    for crop, text in texts.items():
        data = b64encode(crop.encode()).decode()
        assert f'src="data:image/jpeg;base64,{data}" alt="frame crop that reads: {text}"' in page
