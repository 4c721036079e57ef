"""Progress of long work: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["Advance", "counted", "progress", "say"]


class Advance(Protocol):
    """What work tells of its progress."""

    def __call__(self, amount: float, note: str = "", is_earlier: bool = False) -> None:
        """So much more is done, or `is_earlier`: was done before; `note` says what stands out just now."""


SECONDS_BETWEEN_LINES = 10.0, 300.0
"""The first come soon, later ones after a tenth of the time that has gone by."""

_console = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """Prints one line for people, above a bar where there is one. Standard output is for results."""
    _console.print(line, markup=False, soft_wrap=True)


def counted(number: int, what: str) -> str:
    """A number of things, of which one has no plural.

    >>> counted(1, "source"), counted(0, "source")
    ('1 source', '0 sources')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@contextmanager
def progress(label: str, total: float, unit: str = "") -> Iterator[Advance]:
    """Shows how far long work has come; yields `advance(amount, note)`.

    On a terminal this is a bar; elsewhere a line now and then, and one when work ends.
    """
    if _console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=_console, transient=True) as bar:
            task = bar.add_task(label, total=total, note="")

            def advance(amount: float, note: str = "", is_earlier: bool = False) -> None:
                if is_earlier:
                    bar.tasks[task].completed += amount  # so that it does not count as speed
                    amount = 0.0
                bar.update(task, advance=amount, note=note)

            yield advance
        return
    with _lines(label, total, unit) as by_line:
        yield by_line


@contextmanager
def _lines(label: str, total: float, unit: str) -> Iterator[Advance]:
    started = last = time.monotonic()
    done = here = 0.0  # in all, and by this process
    said = ""

    def advance(amount: float, note: str = "", is_earlier: bool = False) -> None:
        nonlocal done, here, last, said
        done += amount
        here += 0.0 if is_earlier else amount
        said = f", {note}" if note else ""
        now = time.monotonic()
        soonest, latest = SECONDS_BETWEEN_LINES
        is_time = now - last >= min(max(soonest, 0.1 * (now - started)), latest)
        if is_time and done < total and not is_earlier:
            last = now
            is_known = here >= 0.01 * total
            left = f"{(now - started) * (total - done) / here:.0f} s left" if is_known else "time left unknown"
            say(f"  {label}: {done:.0f} of {total:.0f} {unit}{said}, {left}")
            sys.stderr.flush()

    yield advance
    say(f"  {label}: {done:.0f} of {total:.0f} {unit}{said} in {time.monotonic() - started:.1f} s")
