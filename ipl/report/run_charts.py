"""The charts of a run's page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ipl.report.charts import NUM_COLOURS, Line, column_chart, line_chart
from ipl.report.cycle_folder import CycleFolder, Scores
from ipl.report.html import Html
from ipl.report.results import CycleResult

__all__ = ["error_chart", "lost_chart", "pseudo_charts", "score_charts", "training_charts"]

WER, CER = 1, 2  # the colour of each, the same in every chart
NUM_BINS = 30


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _hour_columns(
    title: str, cycles: Sequence[CycleResult], parts: Sequence[tuple[str, Sequence[float]]]
) -> Html | None:
    """Stacked columns of hours, in minutes or seconds where they are few: the axis keeps round numbers."""
    highest = max((sum(values) for values in zip(*(values for _, values in parts), strict=True)), default=0.0)
    factor, unit = (1, "h") if highest >= 1 else (60, "min") if highest >= 1 / 60 else (3600, "s")
    scaled = [(name, [factor * value for value in values]) for name, values in parts]
    return column_chart(title, "cycle", [cycle.name for cycle in cycles], scaled, lambda value: f"{value:.3g} {unit}")


def _plain(value: float) -> str:
    return f"{value:.3g}"


def error_chart(cycles: Sequence[CycleResult]) -> Html | None:
    """Error on test per cycle; the model trained on the true texts as a level dashed line."""
    tested = [(cycle, cycle.test) for cycle in cycles if cycle.test and not cycle.oracle]
    lines = [
        Line(
            "WER",
            [(i, test.wer) for i, (_, test) in enumerate(tested)],
            WER,
            intervals=[_pair(test.wer_low, test.wer_high) for _, test in tested],
        ),
        Line(
            "CER",
            [(i, test.cer) for i, (_, test) in enumerate(tested)],
            CER,
            intervals=[_pair(test.cer_low, test.cer_high) for _, test in tested],
        ),
    ]
    for cycle in cycles:
        if cycle.oracle and cycle.test and tested:
            ends = (-0.5, len(tested) - 0.5)
            lines.append(Line("WER, true texts", [(x, cycle.test.wer) for x in ends], WER, dashed=True))
            lines.append(Line("CER, true texts", [(x, cycle.test.cer) for x in ends], CER, dashed=True))
    return line_chart("Error on test", "cycle", lines, _percent, [cycle.name for cycle, _ in tested])


def _pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def pseudo_charts(cycles: Sequence[CycleResult]) -> list[Html | None]:
    """Pseudo-label error (where the pool's text is known), and hours kept, per cycle."""
    pseudo = [cycle.pseudo for cycle in cycles if cycle.pseudo]
    names = [cycle.name for cycle in cycles]
    lines = [
        Line("WER of kept", [(i, p.wer_kept) for i, p in enumerate(pseudo) if p.wer_kept is not None], WER),
        Line("WER of all", [(i, p.wer) for i, p in enumerate(pseudo) if p.wer is not None], WER, dashed=True),
        Line("CER of kept", [(i, p.cer_kept) for i, p in enumerate(pseudo) if p.cer_kept is not None], CER),
        Line("CER of all", [(i, p.cer) for i, p in enumerate(pseudo) if p.cer is not None], CER, dashed=True),
    ]
    kept = [p.hours_kept for p in pseudo]
    lost = [max(p.hours_selected - p.hours_kept, 0.0) for p in pseudo]
    return [
        line_chart("Pseudo-label error", "cycle", lines, _percent, names),
        _hour_columns("Hours selected", cycles, [("kept", kept), ("lost", lost)]),
    ]


def lost_chart(cycles: Sequence[CycleResult]) -> Html | None:
    """Hours lost per cycle by reason; rare reasons join as `other`."""
    lost = [cycle.pseudo.lost_hours for cycle in cycles if cycle.pseudo]
    totals: Counter[str] = Counter()
    for each in lost:
        totals.update(each)
    reasons = [reason for reason, _ in totals.most_common()]
    shown = reasons if len(reasons) <= NUM_COLOURS else reasons[: NUM_COLOURS - 1]
    parts = [(reason, [each.get(reason, 0.0) for each in lost]) for reason in shown]
    if rest := reasons[len(shown) :]:
        parts.append(("other", [sum(each.get(reason, 0.0) for reason in rest) for each in lost]))
    return _hour_columns("Hours lost, by reason", cycles, parts)


def score_charts(folders: Sequence[CycleFolder]) -> list[Html | None]:
    """A histogram of scores for each cycle that has hypotheses and votes."""
    with_scores = [(folder.name, folder.scores()) for folder in folders]
    return [_histogram(name, scores) for name, scores in with_scores if scores is not None]


def _histogram(name: str, scores: Scores) -> Html | None:
    every = np.concatenate([scores.kept, scores.rejected])
    every = every[np.isfinite(every)]
    if not len(every):
        return None
    # A few scores lie far below the rest; the first column holds the lowest hundredth.
    low, high = float(np.quantile(every, 0.01)), float(every.max())
    edges = np.linspace(low, high if high > low else low + 1.0, NUM_BINS + 1)
    counts = [np.histogram(np.clip(part, edges[0], edges[-1]), edges)[0] for part in (scores.kept, scores.rejected)]
    names = [f"{edge:.2f}" for edge in edges[:-1]]
    parts = [(part, [float(n) for n in values]) for part, values in zip(("kept", "rejected"), counts, strict=True)]
    return column_chart(f"Scores in {name}", "score (nats per output unit)", names, parts, _plain)


def training_charts(folders: Sequence[CycleFolder]) -> list[Html | None]:
    """Loss by step and error on dev by epoch, a line per cycle."""
    loss, dev = [], []
    for index, folder in enumerate(folders):
        colour = index % NUM_COLOURS + 1
        loss.append(Line(folder.name, folder.losses(), colour))
        dev.append(Line(folder.name, folder.dev_errors(), colour))
    return [
        line_chart("Training loss", "step", loss, _plain),
        line_chart("Error on dev", "epoch", dev, _percent),
    ]
