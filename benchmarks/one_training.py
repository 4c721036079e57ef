"""A training of the trainer `ddp`, one rank in this process, and when each of its steps began."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest import mock

import loading
import pyarrow as pa
import torch
import torch.utils.tensorboard
from ipl_plugins.batchers import DynamicBatcher
from peer_timing import now

from ipl.asr.config import ModelConfig
from ipl.asr.models.model import CtcModel, create
from ipl.asr.models.store import save
from ipl.records import Cycle, Utterance
from ipl.schemas import BATCHES
from ipl.tables import write_table
from ipl.training.communication import join
from ipl.training.data import Batch, TrainingSet
from ipl.training.job import Job, TrainingOptions
from ipl.training.learner import Learner
from ipl.training.loop import train
from ipl.training.skipped import Skipped

Times = tuple[float, float]
"""Seconds of processor time and of wall time."""
SEED = 17


def new_model() -> CtcModel:
    """The default model of the initializer `scratch`, as the training begins with it."""
    return create(ModelConfig("conv"), loading.UNITS, seed=SEED)


def prepare(folder: Path, heard: Iterable[Utterance], model: CtcModel, epochs: int, batch_seconds: float = 60) -> Job:
    """Writes data, batches and a student. What audio is played at other speeds is left out: it is heard anew then."""
    durations_ms = loading.write_data(folder, heard)
    loading.write_data(folder / "dev", loading.utterances(0.5))
    table = pa.table({"duration_ms": pa.array(durations_ms, pa.int64()), "origin": ["labelled"] * len(durations_ms)})
    for epoch in range(epochs):
        steps = DynamicBatcher(batch_seconds=batch_seconds).batch(Cycle(0, "cycle-000", SEED), epoch, 1, table)
        rows = [
            {"epoch": epoch, "step": step, "rank": rank, "rows": each}
            for step, ranks in enumerate(steps)
            for rank, each in enumerate(ranks)
        ]
        write_table(folder / "batches" / f"epoch-{epoch:03d}.parquet", rows, BATCHES)
    save(model, folder / "student")
    return Job(
        student=folder / "student", index=folder / "index", batches=folder / "batches",
        dev=(folder / "dev" / "data" / "part-0.parquet",), out_dir=folder / "out", seed=SEED,
        options=TrainingOptions(epochs=epochs, speeds=(1.0,), device="cpu", learning_rate=3e-4),
    )  # fmt: skip


def training_set(job: Job, folder: Path) -> TrainingSet:
    """The rows of a training as it hears them."""
    return TrainingSet(job, ModelConfig("conv"), loading.UNITS, Skipped(folder, 0))


def run_ours(
    job: Job, folder: Path, beside: Callable[[int], Times] = lambda step: (0.0, 0.0)
) -> tuple[list[Times], list[float], list[float]]:
    """Trains with `ipl.training.loop.train`; returns when each step began, its loss, its seconds of audio.

    `beside` does something else at each step, in turns before it and after it; the time that it returns is left out.
    """
    values: dict[str, Any] = {**vars(job), "out_dir": Path(tempfile.mkdtemp(dir=folder))}
    learn, apart = Learner.learn, [0.0, 0.0]
    stamps: list[Times] = []
    losses: list[float] = []
    audio_seconds: list[float] = []

    def do_beside(step: int) -> None:
        for place, seconds in enumerate(beside(step)):
            apart[place] += seconds

    def stamp() -> None:
        cpu, wall = now()
        stamps.append((cpu - apart[0], wall - apart[1]))

    def stamped(self: Learner, batch: Batch, step: int, rate: float) -> tuple[dict[str, float], float]:
        if step % 2:
            do_beside(step)
        stamp()
        counts, norm = learn(self, batch, step, rate)
        losses.append(counts["nats"] / counts["units"])
        audio_seconds.append(counts["audio_seconds"])
        if not step % 2:
            do_beside(step)
        return counts, norm

    torch.use_deterministic_algorithms(True)  # these two as `ipl.training.worker` does
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    with mock.patch.object(Learner, "learn", stamped), join(job.options) as world:
        train(Job(**values), world)
    stamp()
    torch.use_deterministic_algorithms(False)
    return stamps, losses, audio_seconds
