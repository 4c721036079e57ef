"""What every stage of a run knows: the plan, the run directory, and how to spread work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipl.config import Choice, CyclePlan, Plan
from ipl.crashes import blaming
from ipl.fingerprint import digest
from ipl.records import Cycle, ModelRef
from ipl.rundir import RunDir
from ipl.tables import Dataset

__all__ = ["Context", "Data", "call", "default_workers"]


def default_workers() -> int:
    """One worker for each processor that this process may use."""
    return len(os.sched_getaffinity(0))


def call(choice: Choice, expected: str, **arguments: Any) -> Any:
    """Calls a plugin's hook; what it raises, also later while its result is drawn from, comes as PluginCrashed."""
    with blaming(choice.info):
        result = choice.call(expected, **arguments)
    return _drawn(choice, result) if isinstance(result, Iterator) else result


def _drawn(choice: Choice, results: Iterator[Any]) -> Iterator[Any]:
    with blaming(choice.info):  # a generator runs, and crashes, only as it is drawn from
        yield from results


@dataclass(frozen=True)
class Data:
    """A data set of a run, and the fingerprint of its contents."""

    dataset: Dataset
    fingerprint: str


@dataclass(frozen=True)
class Context:
    """The plan, the run directory, and how to spread work over processes."""

    plan: Plan
    run: RunDir
    workers: int
    executor: str

    def cycle(self, index: int) -> Cycle:
        """A cycle as plugins see it; its seed depends on the plan's seed and its number alone."""
        seed = int(digest([self.plan.seed, index]), 16) % (1 << 31)
        return Cycle(index, self.plan.cycles[index].name, seed)

    def plan_of(self, cycle: Cycle) -> CyclePlan:
        """What the plan says of a cycle."""
        return self.plan.cycles[cycle.index]

    def portable(self, model: ModelRef) -> dict[str, object]:
        """A model for a receipt: its path relative to the run directory, where it lies in it, else a whole one."""
        path, run = model.path.absolute(), self.run.path.absolute()
        inside = path.is_relative_to(run)
        return {
            "path": str(path.relative_to(run)) if inside else str(path),
            "cycle": model.cycle,
            "epoch": model.epoch,
            "dev_error": model.dev_error,
        }

    def restore(self, saved: dict[str, object] | None, fingerprint: str) -> ModelRef:
        """The model of a receipt; one that is not made yet (in a dry run) has the run's own path."""
        if saved is None:
            return ModelRef(self.run.path, fingerprint)
        path = self.run.path / Path(str(saved["path"]))
        return ModelRef(path, fingerprint, saved["cycle"], saved["epoch"], saved["dev_error"])  # type: ignore[arg-type]
