"""Numbers as people read them; a missing one is a dash."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["NONE", "clock", "count", "hours", "interval", "parts", "percent", "seconds", "share"]

NONE = "–"


def percent(value: float | None) -> str:
    """An error rate (0 to 1) in per cent.

    >>> percent(0.2345), percent(None)
    ('23.4 %', '–')
    """
    return NONE if value is None else f"{100 * value:.1f} %"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """An error rate with its interval.

    >>> interval(0.5, 0.45, 0.553)
    '50.0 % (45.0–55.3)'
    """
    return percent(value) if low is None or high is None else f"{percent(value)} ({100 * low:.1f}–{100 * high:.1f})"


def hours(value: float | None) -> str:
    """A duration in hours, in minutes or seconds where it is short.

    >>> hours(2.5), hours(0.05), hours(0.001), hours(0.0)
    ('2.50 h', '3.0 min', '3.6 s', '0')
    """
    if value is None:
        return NONE
    if value >= 1:
        return f"{value:.2f} h"
    if value >= 1 / 60:
        return f"{60 * value:.1f} min"
    if value >= 0.1 / 3600:
        return f"{3600 * value:.1f} s"
    return f"{3_600_000 * value:.0f} ms" if value else "0"


def seconds(value: float | None) -> str:
    """A stretch of work in seconds, minutes or hours."""
    return NONE if value is None else hours(value / 3600)


def share(part: float, whole: float) -> str:
    """A part of a whole in per cent."""
    return percent(part / whole) if whole else NONE


def count(value: int | None) -> str:
    """A whole number with a thin space between thousands."""
    return NONE if value is None else f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def parts(lost_hours: Mapping[str, float]) -> list[str]:
    """Hours by reason, one text each.

    >>> parts({"no voice": 0.5})
    ['no voice 30.0 min']
    """
    return [f"{reason} {hours(value)}" for reason, value in lost_hours.items()]


def clock(milliseconds: int) -> str:
    """A moment on a source's clock.

    >>> clock(3_725_040)
    '1:02:05.04'
    """
    sign, left = ("-", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    whole_hours, left = divmod(left, 3_600_000)
    minutes, left = divmod(left, 60_000)
    head = f"{whole_hours}:{minutes:02d}" if whole_hours else f"{minutes}"
    return f"{sign}{head}:{left // 1000:02d}.{left % 1000 // 10:02d}"
