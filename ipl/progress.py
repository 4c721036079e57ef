"""Progress of long work: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["Advance", "progress", "say"]

Advance = Callable[[float, str], None]
"""`advance(amount, note)`: so much more is done; `note` says what stands out just now."""

SECONDS_BETWEEN_LINES = 10.0

_console = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """Prints one line for people, above a bar where there is one. Standard output is for results."""
    _console.print(line, markup=False, soft_wrap=True)


@contextmanager
def progress(label: str, total: float, unit: str = "") -> Iterator[Advance]:
    """Shows how far long work has come; yields `advance(amount, note)`.

    On a terminal this is a bar; elsewhere a line when work starts and ends and every ten seconds between.
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

            def advance(amount: float, note: str = "") -> None:
                bar.update(task, advance=amount, note=note)

            yield advance
        return
    with _lines(label, total, unit) as by_line:
        yield by_line


@contextmanager
def _lines(label: str, total: float, unit: str) -> Iterator[Advance]:
    started = last = time.monotonic()
    done = 0.0

    def advance(amount: float, note: str = "") -> None:
        nonlocal done, last
        done += amount
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES and done < total:
            last = now
            left = (now - started) * (total - done) / done if done else float("nan")
            say(f"  {label}: {done:.0f} of {total:.0f} {unit}, {left:.0f} s left {note}".rstrip())
            sys.stderr.flush()

    yield advance
    say(f"  {label}: {done:.0f} of {total:.0f} {unit} in {time.monotonic() - started:.1f} s")
