"""How long a trainer waits for its data, with each way of keeping features.

python benchmarks/loading.py [--minutes 20] [--epochs 2] [--threads 1] [--work FOLDER]

Made-up utterances of 1 to 12 s go through the parts of the trainer `ddp` that load (`ipl.training.data`) and through
steps of a small convolutional CTC model on a CPU. `waiting` is the share of an epoch in which the trainer has no batch
to work on, its first batch left out: that one nobody can prepare in time. `loader` is how many seconds of audio a
second it loads when nobody trains beside: a trainer that is slower never waits.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from ipl_plugins.batchers import DynamicBatcher

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.models.model import CtcModel, create
from ipl.asr.units import Units
from ipl.audio import encode_flac
from ipl.records import Cycle, Utterance
from ipl.schemas import INDEX, UTTERANCES
from ipl.tables import Dataset, write_table
from ipl.training.data import Batch, TrainingSet
from ipl.training.job import Job, TrainingOptions
from ipl.training.packing import Step
from ipl.training.skipped import Skipped

RATE = 16_000
UNITS = Units.collect(["abcdefghijklmnopqrstuvwxyz "])
SPEEDS = (0.9, 1.0, 1.1)


def utterances(minutes: float) -> Iterator[Utterance]:
    random = np.random.default_rng(0)
    left, number = minutes * 60, 0
    while left > 0:
        seconds = float(random.uniform(1, 12))
        samples = random.normal(0, 0.05, int(seconds * RATE))
        text = "".join(random.choice(list("abcdefghij "), int(seconds * 8)))
        audio = encode_flac(samples, RATE)
        yield Utterance(
            f"utt-{number:06d}", "made", 0, int(seconds * 1000), audio, RATE, len(samples), text, origin="labelled"
        )
        left, number = left - seconds, number + 1


def write_data(folder: Path, heard: Iterable[Utterance]) -> list[int]:
    """Writes utterances and their index; returns their durations in ms."""
    data = folder / "data" / "part-0.parquet"
    write_table(data, heard, UTTERANCES)
    columns = ("utt_id", "num_samples", "sample_rate_hz", "text", "origin", "confidence")
    rows = [
        row | {"file": "../data/part-0.parquet", "row_group": where.row_group, "row": where.row}
        for where, row in Dataset.at(data).locate(*columns)
    ]
    write_table(folder / "index" / "index.parquet", rows, INDEX)
    return [row["num_samples"] * 1000 // RATE for row in rows]


def training_set(folder: Path, **options: Any) -> TrainingSet:
    out = Path(tempfile.mkdtemp(dir=folder))
    job = Job(
        student=folder, index=folder / "index", batches=folder, dev=(), out_dir=out, seed=17,
        options=TrainingOptions(speeds=SPEEDS, cache_mb=4096, **options),
    )  # fmt: skip
    return TrainingSet(job, ModelConfig(features=FeatureConfig()), UNITS, Skipped(out, 0))


class Trainer:
    def __init__(self) -> None:
        self.model: CtcModel = create(ModelConfig("conv"), UNITS, seed=1)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)

    def step(self, batch: Batch) -> None:
        log_probs, out_frames = self.model(batch.features, batch.num_frames)
        loss = torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1), batch.targets, out_frames, batch.num_units, zero_infinity=True
        )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


def epoch(data: TrainingSet, number: int, steps: list[Step], trainer: Trainer | None) -> dict[str, float]:
    """One epoch; without a trainer, of the loader alone."""
    began = time.monotonic()
    waited, first, audio_seconds = 0.0, 0.0, 0.0
    batches = data.batches(number, steps, 0, 0)
    while True:
        asked = time.monotonic()
        batch = next(batches, None)
        if batch is None:
            break
        now = time.monotonic()
        if first:
            waited += now - asked
        else:
            first = now - began
        audio_seconds += float(batch.num_frames.sum()) / 100
        if trainer:
            trainer.step(batch)
    seconds = time.monotonic() - began - first
    return {"waiting": waited / seconds, "seconds": seconds, "x_realtime": audio_seconds / (seconds + first)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="loader threads")
    parser.add_argument("--work", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    results = []
    print(f"{'cache':8}{'epoch':>6}{'trainer, x realtime':>21}{'waiting':>9}{'loader, x realtime':>20}")
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        folder = Path(name)
        durations_ms = write_data(folder, utterances(arguments.minutes))
        table = pa.table(
            {"duration_ms": pa.array(durations_ms, pa.int64()), "origin": ["labelled"] * len(durations_ms)}
        )
        all_steps = [
            DynamicBatcher().batch(Cycle(0, "cycle-000", 17), number, 1, table) for number in range(arguments.epochs)
        ]
        for cache in ("none", "memory", "disk"):
            options = {"cache": cache, "loader_threads": arguments.threads}
            trained, loaded = training_set(folder, **options), training_set(folder, **options)
            trainer = Trainer()
            for number, steps in enumerate(all_steps):
                # What each epoch draws anew would hide what a cache does: all are epoch 0 to it.
                line = epoch(trained, 0, steps, trainer)
                alone = epoch(loaded, 0, steps, None)
                result = {"cache": cache, "epoch": number, "loader_x_realtime": alone["x_realtime"]} | line
                results.append(result)
                print(
                    f"{cache:8}{number:>6}{line['x_realtime']:>21,.0f}{line['waiting']:>9.1%}"
                    f"{alone['x_realtime']:>20,.0f}"
                )
    load = os.getloadavg()[0]
    print(f"cores {os.cpu_count()}, load average {load:.1f}")
    print(json.dumps({"threads": arguments.threads, "cores": os.cpu_count(), "load": load, "results": results}))


if __name__ == "__main__":
    main()
