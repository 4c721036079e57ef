"""How much faster two ranks learn than one, each on a core of its own.

python benchmarks/scaling.py [--ranks 2] [--steps 60] [--compression none]

The default model of the initializer `scratch` learns from batches of 30 s of noise that lie in memory, by the parts
that the trainer `ddp` is made of: audio learned from in a second, all ranks together. Batches are as large with more
ranks, so that there are more of them at a time. It means something only where as many cores are free.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time

import ranks
import torch
from torch import nn

from ipl.asr.config import ModelConfig
from ipl.asr.models.model import create
from ipl.asr.units import Units
from ipl.training.communication import join
from ipl.training.compression import averager_for
from ipl.training.job import TrainingOptions
from ipl.training.sharding import spread

UTTERANCES, FRAMES, UNITS = 6, 500, 40  # 5 s each
WARM_UP = 10


def rank_main(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    options = TrainingOptions(device="cpu", compression=arguments.compression)
    with join(options) as world:
        model = create(ModelConfig("conv"), Units.collect(["abcdefghijklmnopqrstuvwxyz "]), seed=1)
        averager = averager_for(model, world.size, options)
        spreading = spread(model, world, averager, options)
        draws = torch.Generator().manual_seed(world.rank)
        features = torch.randn(UTTERANCES, FRAMES, model.config.features.num_mels, generator=draws)
        num_frames, num_units = torch.full((UTTERANCES,), FRAMES), torch.full((UTTERANCES,), UNITS)
        targets = torch.randint(1, 20, (UTTERANCES * UNITS,), generator=draws)
        seconds = []
        for _ in range(WARM_UP + arguments.steps):
            began = time.perf_counter()
            averager.begin(compresses=world.size > 1)
            log_probs, frames = spreading.parallel(features, num_frames)
            nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, frames, num_units).backward()
            spreading.clip(options.clip_norm)
            spreading.optimizer.step()
            spreading.optimizer.zero_grad()
            seconds.append(time.perf_counter() - began)
        if world.is_first:
            step = statistics.median(seconds[WARM_UP:])
            ranks.hand_back({"step_ms": 1000 * step, "realtime": world.size * UTTERANCES * FRAMES / 100 / step})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--compression", default="none", choices=("none", "fp16", "bf16", "powersgd"))
    arguments = parser.parse_args()
    if ranks.is_rank():
        rank_main(arguments)
        return
    load = os.getloadavg()[0]
    found = {count: ranks.start(__file__, count, sys.argv[1:]) for count in (1, arguments.ranks)}
    times = found[arguments.ranks]["realtime"] / found[1]["realtime"]
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, load {load:.1f} before; gradients: {arguments.compression}")
    print(f"{'ranks':>6}{'step, ms':>10}{'x realtime':>12}{'times one':>11}")
    for count, row in found.items():
        ratio = row["realtime"] / found[1]["realtime"]
        print(f"{count:>6}{row['step_ms']:>10.1f}{row['realtime']:>12.0f}{ratio:>11.2f}")
    print(json.dumps({"cores": cores, "load": load, "times_one": times, "by_ranks": found}))


if __name__ == "__main__":
    main()
