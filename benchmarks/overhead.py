"""What a training of ours costs beside a bare loop in plain torch: goal, at most 3 % more.

python benchmarks/overhead.py [--minutes 4] [--repeats 4] [--work FOLDER]

Both train the default model of the initializer `scratch` from the same weights, with the same batches, optimizer,
learning rates and clipping, one thread, in one process, a step of one and a step of the other in turns. Ours is
`ipl.training.loop.train` with its default options, but for `speeds`, as a worker runs it: it makes its batches, hides
stretches of them, checks, counts and writes metrics. The bare loop has its batches ready in memory and does none of it.

`steps` is from the first step of an epoch to its last, with features kept from the epoch before (as in most epochs);
`new` is the same in an epoch whose features are computed while it runs; `whole` is the former with the dev set (30 s of
audio) and the checkpoint at its end, which cost the same however long an epoch is. Ratios are medians over repeats,
the lowest and highest in brackets. Processor time is what to go by: wall time means something on an idle machine only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import loading
import one_training
import torch
from one_training import Times
from torch import nn

from ipl.training.batches import read_steps
from ipl.training.data import Batch
from ipl.training.job import TrainingOptions
from ipl.training.optimizers import learning_rate

EPOCHS = 2


class BareLoop:
    """A training as one would write it by hand, a step at a time."""

    def __init__(self, batches: list[Batch], options: TrainingOptions) -> None:
        self.batches, self.options = batches, options
        self.model = one_training.new_model().train()
        matrices = [each for each in self.model.parameters() if each.dim() > 1]
        vectors = [each for each in self.model.parameters() if each.dim() <= 1]
        groups = [
            {"params": matrices, "weight_decay": options.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.98))
        self.times: list[Times] = []
        self.losses: list[float] = []

    def step(self, place: int) -> Times:
        """Learns from a batch; returns the time it took, of this thread's processor and on the wall."""
        cpu, wall = time.thread_time(), time.perf_counter()
        batch = self.batches[place]
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(place, len(self.batches), self.options)
        log_probs, out_frames = self.model(batch.features, batch.num_frames)
        nats = nn.functional.ctc_loss(
            log_probs.transpose(0, 1), batch.targets, out_frames, batch.num_units, reduction="sum", zero_infinity=True
        )
        loss = nats / batch.step_units
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.losses.append(loss.item())
        self.times.append((time.thread_time() - cpu, time.perf_counter() - wall))
        return self.times[-1]


def ratios(ours: list[Times], bare: list[Times], first_epoch: int) -> dict[str, Times]:
    """What ours took, as stamps, for what bare took, in processor and wall time; `first_epoch` counts its steps."""
    last = len(bare)
    parts = {"steps": (first_epoch + 1, last - 1), "new": (1, first_epoch - 1), "whole": (first_epoch, last)}
    found = {}
    for name, (begin, end) in parts.items():
        taken = [sum(each[kind] for each in bare[begin:end]) for kind in (0, 1)]
        cpu, wall = ((ours[end][kind] - ours[begin][kind]) / taken[kind] for kind in (0, 1))
        found[name] = (cpu, wall)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0, help="audio in an epoch")
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--work", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    load, step_ms = os.getloadavg()[0], []
    found: list[dict[str, Times]] = []
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        heard = loading.utterances(arguments.minutes)
        job = one_training.prepare(Path(name), heard, one_training.new_model(), EPOCHS)
        data = one_training.training_set(job, Path(name))
        epochs = [read_steps(job.batches, epoch, 1) for epoch in range(EPOCHS)]
        batches = [data.batch(epoch, at, step, 0) for epoch in range(EPOCHS) for at, step in enumerate(epochs[epoch])]
        for repeat in range(arguments.repeats):
            bare = BareLoop(batches, job.options)
            stamps, losses, _ = one_training.run_ours(job, Path(name), bare.step)
            found.append(ratios(stamps, bare.times, len(epochs[0])))
            step_ms.append(1000 * statistics.median(cpu for cpu, _ in bare.times))
            print(f"repeat {repeat}: last loss {losses[-1]:.3f}, bare {bare.losses[-1]:.3f}", flush=True)
    table: dict[str, Any] = {}
    print(f"{'':8}{'processor time':>26}{'wall time':>26}")
    for part in found[0]:
        table[part] = {}
        for place, kind in enumerate(("cpu", "wall")):
            each = [one[part][place] for one in found]
            table[part][kind] = {"median": statistics.median(each), "least": min(each), "most": max(each)}
        shown = [f"{each['median']:.3f} ({each['least']:.3f} to {each['most']:.3f})" for each in table[part].values()]
        print(f"{part:8}{shown[0]:>26}{shown[1]:>26}")
    after = os.getloadavg()[0]
    bare_ms = statistics.median(step_ms)
    print(f"a bare step: {bare_ms:.0f} ms of processor; load average {load:.1f} before, {after:.1f} after")
    steps = [len(each) for each in epochs]
    print(json.dumps({"steps": steps, "bare_step_ms": bare_ms, "load": [load, after], "ours_to_bare": table}))


if __name__ == "__main__":
    main()
