"""The page of a run: how the error went from cycle to cycle, where hours were lost, what the labels sound like."""

from __future__ import annotations

from pathlib import Path

from ipl.files import write_text
from ipl.report.cells import error_cells, model_name
from ipl.report.cycle_folder import CycleFolder, cycle_folders
from ipl.report.errors import error_sections
from ipl.report.html import Html, element
from ipl.report.mining import mining_sections
from ipl.report.numbers import NONE, count, hours, parts, percent, seconds
from ipl.report.page import charts, note, page, section
from ipl.report.results import CycleResult, ErrorRates, RunResults, TrainingResult
from ipl.report.run_charts import error_chart, lost_chart, pseudo_charts, score_charts, training_charts
from ipl.report.run_samples import sample_table
from ipl.report.table import lines, table

__all__ = ["write_run_report"]

STAGES = ("select", "build", "recognize", "filter", "batch", "initialize", "train", "measure")
"""Stages in the order of the loop; those of evaluation follow."""


def write_run_report(run_dir: Path) -> Path:
    """Writes `report.html` into a run directory, from what is there so far, and returns its path."""
    results = RunResults.at(run_dir)
    folders = cycle_folders(run_dir)
    body = [
        element("p", _headline(results), class_="lead"),
        *_sections(results, folders),
        *mining_sections(run_dir / "mine"),
    ]
    path = run_dir / "report.html"
    write_text(path, page(f"ipl run {results.name}", body))
    return path


def _sections(results: RunResults, folders: list[CycleFolder]) -> list[Html | None]:
    cycles = results.cycles
    pseudo = [cycle for cycle in cycles if cycle.pseudo and not cycle.oracle]
    return [
        section(
            "Models",
            _models(cycles) if cycles else note("No cycle is done yet."),
            note(results.metric_note) if results.metric_note else None,
            charts(error_chart(cycles)),
        ),
        section(
            "Pseudo-labels",
            _pseudo_labels(pseudo) if pseudo else None,
            charts(*pseudo_charts(pseudo), lost_chart(pseudo), *score_charts(folders)),
        ),
        section("Listen to what the teacher said", sample_table(folders)),
        *_errors(results, folders),
        section("Training", charts(*training_charts(folders)), _skipped(folders)),
        section("Where time went", _seconds(cycles) if cycles else None),
    ]


def _errors(results: RunResults, folders: list[CycleFolder]) -> list[Html | None]:
    """Errors of the last cycle, but for oracles, that was measured on the test set."""
    oracles = {cycle.name for cycle in results.cycles if cycle.oracle}
    for folder in reversed(folders):
        if folder.name not in oracles and (comparisons := folder.test_comparisons()):
            return error_sections(comparisons, f" by {folder.name} on test")
    return []


def _headline(results: RunResults) -> str:
    said = [f"{model_name(cycle)} {percent(cycle.test.wer)}" for cycle in results.cycles if cycle.test]
    if not said:
        return "This run has no results on a test set yet."
    recovery = "" if results.wrr is None else f" WER recovery rate: {percent(results.wrr)}."
    return f"WER on test: {', '.join(said)}.{recovery}".replace(" %", "\N{NO-BREAK SPACE}%")


def _models(cycles: tuple[CycleResult, ...]) -> Html:
    header = ("model", "labelled", "mined", "pseudo-labelled", "epochs", "dev WER", "dev CER", "test WER", "test CER")
    rows = [
        (model_name(cycle), *_training_cells(cycle.train), *_dev_cells(cycle.dev), *error_cells(cycle.test))
        for cycle in cycles
    ]
    return table("What each model was trained on, and its error rates (95 % interval in brackets)", header, rows)


def _dev_cells(dev: ErrorRates | None) -> tuple[str, str]:
    return (percent(dev.wer), percent(dev.cer)) if dev else (NONE, NONE)


def _training_cells(train: TrainingResult | None) -> tuple[str, str, str, str]:
    if train is None:
        return NONE, NONE, NONE, NONE
    return hours(train.hours_labelled), hours(train.hours_mined), hours(train.hours_pseudo), count(train.epochs)


def _pseudo_labels(cycles: list[CycleResult]) -> Html:
    header = ("cycle", "selected", "kept", "hours", "hours kept", "WER", "WER of kept", "CER", "CER of kept", "lost")
    rows = []
    for cycle in cycles:
        if (pseudo := cycle.pseudo) is not None:
            lost = lines(parts(pseudo.lost_hours) or ["nothing"])
            numbers = (count(pseudo.num_selected), count(pseudo.num_kept))
            kept = (hours(pseudo.hours_selected), hours(pseudo.hours_kept))
            errors = (pseudo.wer, pseudo.wer_kept, pseudo.cer, pseudo.cer_kept)
            rows.append((cycle.name, *numbers, *kept, *(percent(error) for error in errors), lost))
    return table("Pseudo-labels of each cycle: their own error where the pool's text is known", header, rows)


def _skipped(folders: list[CycleFolder]) -> Html | None:
    rows = [
        (folder.name, reason.replace("_", " "), count(number))
        for folder in folders
        for reason, number in folder.skipped().most_common()
    ]
    return table("Utterances that training left out", ("cycle", "reason", "utterances"), rows) if rows else None


def _seconds(cycles: tuple[CycleResult, ...]) -> Html:
    found = {stage for cycle in cycles for stage in cycle.seconds}
    stages = [stage for stage in STAGES if stage in found] + sorted(found - set(STAGES))
    rows = [
        (cycle.name, *(seconds(cycle.seconds.get(stage)) for stage in stages), seconds(sum(cycle.seconds.values())))
        for cycle in cycles
    ]
    return table("Time by stage", ("cycle", *stages, "all"), rows)
