"""Training: the student, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ipl.errors import PluginError, StageError
from ipl.progress import say
from ipl.records import Cycle, EpochResult, ModelRef
from ipl.rundir import Artifact
from ipl.stages.context import Context, Data, call
from ipl.tables import Index

__all__ = ["best_of", "train"]


def train(ctx: Context, cycle: Cycle, student: ModelRef, batches: Artifact, dev: Data) -> Iterator[ModelRef]:
    """Trains the student and yields its state after each epoch, as far as the trainer keeps it."""
    choice = ctx.plan_of(cycle).roles["trainer"]
    name = f"cycle-{cycle.index:03d}/train"

    def work(out_dir: Path) -> dict[str, Any]:
        results = call(
            choice,
            "an iterator of EpochResult",
            cycle=cycle,
            student=student,
            index=Index(batches.path),
            batches=batches.path,
            dev=dev.dataset,
            out_dir=out_dir,
        )
        epochs = []
        for result in results:
            say(f"  {cycle.name}: {_line(result)}")
            ctx.run.event("epoch_done", cycle=cycle.index, epoch=result.epoch, metrics=result.metrics)
            path = result.path.relative_to(out_dir)
            epochs.append({"epoch": result.epoch, "path": str(path), "metrics": result.metrics})
        if not epochs:
            raise PluginError(f"trainer {choice.name!r}: ended without one epoch")
        return {"epochs": epochs}

    parts = {
        "plugin": choice.identity(),
        "seed": cycle.seed,
        "student": student.fingerprint,
        "batches": batches.fingerprint,
        "dev": dev.fingerprint,
    }
    made = ctx.run.stage(name, parts, work)
    if made.result is None:  # a dry run: the epochs that there will be
        for epoch in range(choice.make().epochs):
            yield ModelRef(made.path, ctx.run.derived(made, epoch), cycle.index, epoch)
        return
    for saved in made.result["epochs"]:
        path, epoch = made.path / saved["path"], saved["epoch"]
        if (path / "config.json").is_file():
            error = saved["metrics"].get("dev_error")
            yield ModelRef(path, ctx.run.derived(made, epoch), cycle.index, epoch, error)


def best_of(models: list[ModelRef]) -> ModelRef:
    """The model of the lowest dev error, the newest of equals, and where none is known; StageError without a model."""
    if not models:
        raise StageError(
            "training left no checkpoint with a model in it; look at the trainer's option for keeping them"
        )
    known = [model for model in models if model.dev_error is not None]
    return min(known, key=lambda model: (model.dev_error, -model.epoch)) if known else models[-1]


def _line(result: EpochResult) -> str:
    shown = ", ".join(f"{key} {value:.3g}" for key, value in result.metrics.items() if value)  # no counts of nothing
    return f"epoch {result.epoch}: {shown}"
