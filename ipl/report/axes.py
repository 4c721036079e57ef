"""The frame that charts share: scales, round ticks, axis labels, a legend."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ipl.report.html import Html, element

__all__ = ["BOTTOM", "HEIGHT", "LEFT", "RIGHT", "TOP", "WIDTH", "Axis", "category_labels", "figure", "nice_ticks"]

# One chart is as wide as a phone: it is shown at about this size everywhere, so that its text stays readable.
WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 40


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Returns round numbers (1, 2 or 5 times a power of ten) from at most `low` to at least `high`.

    >>> nice_ticks(0.0, 0.57)
    [0.0, 0.2, 0.4, 0.6]
    >>> nice_ticks(3.0, 5.0)
    [3.0, 3.5, 4.0, 4.5, 5.0]
    """
    span = high - low or 1.0
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return [round(index * step, 12) for index in range(first, last + 1)]


@dataclass(frozen=True)
class Axis:
    """Maps numbers to pixels of the frame: `low` to the pixel `start`, `high` to the pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a number."""
        span = self.high - self.low or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)

    @classmethod
    def vertical(cls, ticks: Sequence[float]) -> Axis:
        """The upright axis through the given ticks; larger is higher."""
        return cls(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)

    @classmethod
    def horizontal(cls, low: float, high: float) -> Axis:
        """The level axis."""
        return cls(low, high, LEFT, WIDTH - RIGHT)


def grid(axis: Axis, ticks: Sequence[float], written: Callable[[float], str]) -> list[Html]:
    """Lines and numbers of the upright axis."""
    marks = []
    for tick in ticks:
        y = axis(tick)
        marks.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        marks.append(element("text", written(tick), x=LEFT - 6, y=y + 4, text_anchor="end"))
    return marks


def category_labels(names: Sequence[str], middles: Sequence[float]) -> list[Html]:
    """Names below the level axis: all where they fit, else every second, third and so on."""
    every = max(1, math.ceil(len(names) / 7))
    room = max(3, int((WIDTH - LEFT - RIGHT) / max(1, math.ceil(len(names) / every)) / 6.2))
    marks = []
    for name, middle in list(zip(names, middles, strict=True))[::every]:
        short = name if len(name) <= room else name[: room - 1] + "…"
        marks.append(
            element("text", short, element("title", name), x=middle, y=HEIGHT - BOTTOM + 16, text_anchor="middle")
        )
    return marks


def figure(title: str, description: str, x_label: str, marks: Sequence[Html], legend: Sequence[Html]) -> Html:
    """Makes the figure: caption, legend, drawing. `description` is the drawing in words, for those who hear it."""
    label = element("text", x_label, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 6, text_anchor="middle", class_="axis")
    drawing = element(
        "svg",
        element("title", f"{title}: {description}"),
        *marks,
        label,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title}: {description}",
    )
    key = element("p", *legend, class_="legend") if legend else None
    return element("figure", element("figcaption", title), key, drawing)
