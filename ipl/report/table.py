"""Tables of a page: with a caption, header cells that name their scope, and a frame that scrolls on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ipl.report.html import Html, element, join
from ipl.report.numbers import share

__all__ = ["bar_table", "lines", "table"]

MOST_COLUMNS = 4
"""Of numbers, as many as a phone shows side by side."""


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, cards: bool = False) -> Html:
    """Makes a table; the first cell of a row is its header.

    On a narrow screen every row of more than a few cells becomes a card, with its columns' names beside them. With
    `cards` all rows do, each cell under its column's name: for rows that hold pictures, sound or running text.
    """
    head = element("tr", *(element("th", name, scope="col") for name in header))
    body = [
        element("tr", *(_cell(index, name, cell) for index, (name, cell) in enumerate(zip(header, row, strict=True))))
        for row in rows
    ]
    whole = element(
        "table",
        element("caption", element("div", caption)),
        element("thead", head),
        element("tbody", *body),
        class_="cards text" if cards else "cards" if len(header) > MOST_COLUMNS else None,
    )
    return element("div", whole, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _cell(index: int, name: str, content: str) -> Html:
    if index == 0:
        return element("th", content, scope="row", data_label=name)
    return element("td", content, data_label=name)


def lines(each: Sequence[str]) -> Html:
    """Makes the contents of a cell of several lines."""
    return join(element("div", line) for line in each)


def bar_table(caption: str, name: str, unit: str, values: Mapping[str, float], written: Mapping[str, str]) -> Html:
    """Makes a table of parts of a whole, largest first as given, each with a bar of its share.

    `values` holds the numbers that the bars show, `written` the same as text.
    """
    whole = sum(values.values())
    largest = max(values.values(), default=0.0)
    rows = [
        (key, written[key], share(value, whole), _bar(value / largest if largest else 0.0))
        for key, value in values.items()
    ]
    return table(caption, (name, unit, "share", ""), rows)


def _bar(length: float) -> Html:
    bar = element("rect", width=f"{100 * length:.1f}%", height=10, rx=2, class_="f1")
    return join([element("svg", bar, width=120, height=10, aria_hidden="true")])
