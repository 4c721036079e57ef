"""results.json: the run in numbers, written anew after every cycle, and what report.html is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ipl.files import read_json, write_json
from ipl.records import ModelRef
from ipl.stages.context import Context

__all__ = ["METRIC_NOTE", "wer_recovery_rate", "write_results"]

METRIC_NOTE = (
    "Error rates are substitutions, deletions and insertions over the units of all references together, after lower "
    "case, no punctuation, one space between words; CER counts spaces; intervals are 95 % bootstrap over utterances."
)


def write_results(ctx: Context, best: Sequence[ModelRef]) -> None:
    """Writes results.json for the cycles that are done so far."""
    if ctx.run.dry:
        return
    cycles = [_cycle(ctx, index, model) for index, model in enumerate(best)]
    summary = ctx.run.path / "mine" / "summary.json"
    results = {
        "name": ctx.plan.name,
        "metric_note": METRIC_NOTE,
        "cycles": cycles,
        "wrr": wer_recovery_rate(cycles),
        "mining": read_json(summary) if ctx.plan.mine and summary.is_file() else None,
    }
    write_json(ctx.run.path / "results.json", results)


def _cycle(ctx: Context, index: int, model: ModelRef) -> dict[str, Any]:
    folder = ctx.run.path / f"cycle-{index:03d}"
    plan = ctx.plan.cycles[index]
    stages = {name.split("/")[1] for name in ctx.run.walked if name.startswith(f"{folder.name}/")}
    receipts = {stage: read_json(folder / stage / "receipt.json") for stage in sorted(stages)}
    hours = receipts["batch"]["result"]["hours"]
    return {
        "index": index,
        "name": plan.name,
        "oracle": plan.oracle,
        "model": ctx.portable(model)["path"],
        "dev": receipts.get("dev-scores", {}).get("result"),
        "test": receipts.get("test-scores", {}).get("result"),
        "pseudo": receipts["measure"]["result"] if plan.recognizes and "measure" in receipts else None,
        "train": {
            "hours_labelled": hours.get("labelled", 0.0),
            "hours_mined": hours.get("mined", 0.0),
            "hours_pseudo": hours.get("pseudo", 0.0),
            "epochs": len(receipts["train"]["result"]["epochs"]),
            "best_epoch": model.epoch,
        },
        "seconds": {stage: receipt["seconds"] for stage, receipt in receipts.items()},
    }


def wer_recovery_rate(cycles: Sequence[dict[str, Any]]) -> float | None:
    """(seed − last) / (seed − oracle) in WER on test: the share of what true texts would bring (Kahn et al. 2020).

    None where the plan has no oracle cycle or no test set, or where the oracle is no better than the seed.
    """
    turns = [cycle for cycle in cycles if cycle["test"] and not cycle["oracle"]]
    oracles = [cycle for cycle in cycles if cycle["test"] and cycle["oracle"]]
    if len(turns) < 2 or not oracles:
        return None
    seed, last, oracle = turns[0]["test"]["wer"], turns[-1]["test"]["wer"], oracles[-1]["test"]["wer"]
    return (seed - last) / (seed - oracle) if seed > oracle else None
