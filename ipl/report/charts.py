"""The two charts of a page, as inline SVG: lines over a scale, and stacked columns over categories.

Every mark carries its number as a `<title>`, which browsers show under the pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ipl.report.axes import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, Axis, category_labels, figure, grid, nice_ticks
from ipl.report.html import Html, element

__all__ = ["NUM_COLOURS", "Line", "column_chart", "line_chart"]

Written = Callable[[float], str]

NUM_COLOURS = 8
MOST_DOTS = 40
WIDEST_COLUMN = 64


@dataclass(frozen=True)
class Line:
    """One line of a chart: points from left to right, and, where known, the interval of each."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int
    dashed: bool = False
    intervals: Sequence[tuple[float, float] | None] = ()


def line_chart(
    title: str, x_label: str, lines: Sequence[Line], written: Written, names: Sequence[str] | None = None
) -> Html | None:
    """Draws lines from zero up; None where there is no point to draw.

    `written` writes a number of the upright axis; `names` are names for 0, 1, 2 … of the level axis.
    """
    lines = [line for line in lines if line.points]
    if not lines:
        return None
    tops = [y for line in lines for _, y in line.points]
    tops += [pair[1] for line in lines for pair in line.intervals if pair]
    ticks = nice_ticks(min(0.0, *tops), max(tops))
    y_axis = Axis.vertical(ticks)
    xs = [x for line in lines for x, _ in line.points]
    x_axis = Axis.horizontal(-0.5, len(names) - 0.5) if names else Axis.horizontal(min(xs), max(xs))
    marks = grid(y_axis, ticks, written)
    if names:
        marks += category_labels(names, [x_axis(index) for index in range(len(names))])
    else:
        x_ticks = [tick for tick in nice_ticks(min(xs), max(xs)) if min(xs) <= tick <= max(xs)]
        marks += category_labels([f"{tick:g}" for tick in x_ticks], [x_axis(tick) for tick in x_ticks])
    for line in lines:
        marks += _line(line, x_axis, y_axis, written)
    legend = [_key(line.name, line.colour, line.dashed) for line in lines]
    ends = "; ".join(
        f"{line.name} from {written(line.points[0][1])} to {written(line.points[-1][1])}" for line in lines
    )
    return figure(title, ends, x_label, marks, legend)


def _line(line: Line, x_axis: Axis, y_axis: Axis, written: Written) -> list[Html]:
    places = [(x_axis(x), y_axis(y)) for x, y in line.points]
    dashed = "dashed" if line.dashed else ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = [element("polyline", points=path, class_=f"line s{line.colour} {dashed}".strip())]
    for (x, _), pair in zip(places, line.intervals, strict=False):
        if pair:
            low, high = y_axis(pair[0]), y_axis(pair[1])
            marks.append(element("line", x1=x, x2=x, y1=low, y2=high, class_=f"line s{line.colour}"))
    if len(places) == 1 or (len(places) <= MOST_DOTS and not line.dashed):
        look = f"hollow s{line.colour}" if line.dashed else f"dot f{line.colour}"
        for (x, y), (_, value) in zip(places, line.points, strict=True):
            tip = element("title", f"{line.name}: {written(value)}")
            marks.append(element("circle", tip, cx=x, cy=y, r=4, class_=look))
    return marks


def column_chart(
    title: str,
    x_label: str,
    names: Sequence[str],
    parts: Sequence[tuple[str, Sequence[float]]],
    written: Written,
) -> Html | None:
    """Draws stacked columns, the first part lowest; None where all are zero.

    `parts` holds a name and one number per column each.
    """
    totals = [sum(values) for values in zip(*(values for _, values in parts), strict=True)]
    if not totals or max(totals) <= 0:
        return None
    ticks = nice_ticks(0.0, max(totals))
    y_axis, x_axis = Axis.vertical(ticks), Axis.horizontal(0, len(names))
    width = (WIDTH - LEFT - RIGHT) / len(names)
    gap = max(min(width * 0.3, 24), width - WIDEST_COLUMN) if len(names) <= 12 else 1
    marks = grid(y_axis, ticks, written)
    marks += category_labels(names, [x_axis(index + 0.5) for index in range(len(names))])
    for index, name in enumerate(names):
        below = 0.0
        for number, (part, values) in enumerate(parts):
            if values[index] > 0:
                top, bottom = y_axis(below + values[index]), y_axis(below)
                tip = element("title", f"{name}: {part} {written(values[index])}")
                size = {"width": width - gap, "height": max(bottom - top - 1, 0.5)}
                marks.append(
                    element("rect", tip, x=x_axis(index) + gap / 2, y=top, class_=f"f{_colour(number)}", **size)
                )
            below += values[index]
    marks.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=HEIGHT - BOTTOM, y2=HEIGHT - BOTTOM, class_="base"))
    legend = [_swatch(part, _colour(number)) for number, (part, _) in enumerate(parts)]
    sums = "; ".join(f"{part} {written(sum(values))} in all" for part, values in parts)
    return figure(title, sums, x_label, marks, legend)


def _colour(number: int) -> int:
    return number % NUM_COLOURS + 1


def _swatch(name: str, colour: int) -> Html:
    square = element("rect", width=11, height=11, rx=2, class_=f"f{colour}")
    return element("span", element("svg", square, width=11, height=11, aria_hidden="true"), " " + name)


def _key(name: str, colour: int, dashed: bool) -> Html:
    stroke = element("line", x1=0, x2=18, y1=6, y2=6, class_=f"line s{colour}{' dashed' if dashed else ''}")
    return element("span", element("svg", stroke, width=18, height=12, aria_hidden="true"), " " + name)
