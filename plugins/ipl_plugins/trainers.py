"""Built-in trainers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import ipl
from ipl.records import Cycle, EpochResult, ModelRef
from ipl.tables import Dataset, Index
from ipl.training.job import Job, TrainingOptions

__all__ = ["DdpTrainer"]


@ipl.plugin("ddp")
class DdpTrainer(TrainingOptions):
    """CTC training under PyTorch DDP: ranks started by torchrun, AdamW, warm-up, SpecAugment, checkpoints."""

    @ipl.hookimpl
    def train(
        self, cycle: Cycle, student: ModelRef, index: Index, batches: Path, dev: Dataset, out_dir: Path
    ) -> Iterator[EpochResult]:
        """Trains in processes of its own; `dev_error` is the CER on `dev`, decoded greedily."""
        from ipl.training.launch import run

        values = {field.name: getattr(self, field.name) for field in fields(TrainingOptions)}
        job = Job(
            student=student.path.absolute(),
            index=index.folder.absolute(),
            batches=batches.absolute(),
            dev=tuple(path.absolute() for path in dev.paths),
            out_dir=out_dir.absolute(),
            seed=cycle.seed,
            options=TrainingOptions(**values),
        )
        yield from run(job)
