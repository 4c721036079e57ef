"""The end of a command in plain text: the same tables as on the page, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ipl.report.cells import error_cells, model_name
from ipl.report.mining_numbers import MiningNumbers
from ipl.report.numbers import NONE, hours, parts, percent, seconds, share
from ipl.report.results import CycleResult, RunResults

__all__ = ["mining_summary", "run_summary", "text_table"]


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lays out a table in columns; the first is flush left, the others flush right.

    >>> print(text_table(("model", "WER"), [("seed", "55.2 %"), ("cycle 1", "9.1 %")]))
    model       WER
    -------  ------
    seed     55.2 %
    cycle 1   9.1 %
    """
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(_laid_out(line, widths).rstrip() for line in lines)


def _laid_out(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [line[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
    return "  ".join(cells)


def run_summary(results: Mapping[str, Any]) -> str:
    """Writes the contents of `results.json` as text: models and their errors, pseudo-labels, lost hours, recovery."""
    run = RunResults.of(results)
    header = ("model", "trained on", "test WER (95 %)", "test CER", "labels WER", "kept WER", "kept")
    said = [text_table(header, [_row(cycle) for cycle in run.cycles])]
    lost = [(cycle.name, cycle.pseudo.lost_hours) for cycle in run.cycles if cycle.pseudo and not cycle.oracle]
    for name, reasons in lost:
        said.append(f"lost in {name}: {', '.join(parts(reasons)) or 'nothing'}")
    if run.wrr is not None:
        said.append(f"WER recovery rate, (seed - semi) / (seed - oracle): {percent(run.wrr)}")
    if run.metric_note:
        said.append(run.metric_note)
    return "\n".join(said)


def _row(cycle: CycleResult) -> tuple[str, ...]:
    train, pseudo = cycle.train, None if cycle.oracle else cycle.pseudo
    return (
        model_name(cycle),
        hours(train.hours_labelled + train.hours_mined + train.hours_pseudo if train else None),
        *error_cells(cycle.test),
        percent(pseudo.wer if pseudo else None),
        percent(pseudo.wer_kept if pseudo else None),
        f"{hours(pseudo.hours_kept)} of {hours(pseudo.hours_selected)}" if pseudo else NONE,
    )


def mining_summary(summary: Mapping[str, Any]) -> str:
    """Writes the contents of a mining folder's `summary.json` as text: counts, hours by reason, seconds by phase."""
    numbers = MiningNumbers.of(summary)
    kept = {"kept": numbers.hours_kept} | {f"lost: {reason}": lost for reason, lost in numbers.hours_lost.items()}
    parts = [(name, value) for name, value in kept.items() if value or name == "kept"]
    rows = [(name, hours(value), share(value, numbers.hours)) for name, value in parts]
    tables = [
        text_table(("mined", ""), numbers.counts()),
        text_table(("what became of the time", "", "share"), rows),
        text_table(("work, by phase", ""), [(phase, seconds(spent)) for phase, spent in numbers.seconds.items()]),
    ]
    failed = [f"of no use: {each['path']}: {each['reason']}: {each['detail']}" for each in numbers.failed]
    return "\n\n".join([*tables, *failed])
