"""A trainer: the student, epoch by epoch."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import ipl
from ipl.records import EpochResult, ModelRef
from ipl.tables import Index


@ipl.plugin("my_trainer")
class MyTrainer:
    """Reads every utterance and leaves the student as it is; steps of training would stand where it counts."""

    epochs: int = 1
    """how often to go through the data; the batcher is asked for as many"""
    ranks: int = 1
    """processes that train together; the batcher makes a batch for each"""

    @ipl.hookimpl
    def train(self, student: ModelRef, index: Index, out_dir: Path) -> Iterator[EpochResult]:
        """Yields each epoch with its checkpoint; `batches` and `dev` can be asked for too."""
        for epoch in range(self.epochs):
            num_characters = sum(len(each.text or "") for each in index.utterances(range(len(index))))
            folder = out_dir / f"step-{epoch:06d}"
            shutil.copytree(student.path, folder, dirs_exist_ok=True)
            yield EpochResult(epoch, epoch, folder, {"num_characters": num_characters})
