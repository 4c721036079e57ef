"""Ways of averaging gradients over ranks: bytes sent, time of a step, and what they cost in loss.

python benchmarks/communication.py [--ranks 2] [--steps 300] [--rounds 1]

A small CTC model learns made-up letters on gloo ranks with uneven batches and at least 4 buckets, once for each way, by
the parts that the trainer `ddp` is made of. `loss` is the mean over the last tenth of the steps, on batches that no
rank has seen before. With `--rounds 20 --steps 1000` it is the test that nothing hangs. Bytes are those handed to
collectives after the warm-up; with two ranks they are the bytes on the wire.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from ipl.asr.config import ModelConfig
from ipl.asr.models.model import create
from ipl.asr.units import Units
from ipl.training.communication import World, data_parallel, join
from ipl.training.compression import averager_for
from ipl.training.job import TrainingOptions
from ipl.training.optimizers import adamw, learning_rate

KINDS = ("none", "fp16", "bf16", "powersgd", "onebit")
UNITS = Units.collect(["abcdefghijklmnopqrstuvwxyz "])
BUCKET_MB = 0.1
MELS, LETTER_FRAMES, NOISE = 40, 9, 5.0  # so much noise that some letters cannot be told apart


def batch(step: int, rank: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """1 to 4 utterances of 3 to 10 letters; a letter is a pattern of its own over the bands, in noise."""
    generator = torch.Generator().manual_seed(step * 1000 + rank)
    patterns = torch.randn(len(UNITS), MELS, generator=torch.Generator().manual_seed(0))
    count = int(torch.randint(1, 5, (), generator=generator))
    lengths = torch.randint(3, 11, (count,), generator=generator)
    texts = [torch.randint(1, len(UNITS), (int(length),), generator=generator) for length in lengths]
    heard = [patterns[text].repeat_interleave(LETTER_FRAMES, dim=0) for text in texts]
    features = nn.utils.rnn.pad_sequence(heard, batch_first=True)
    features = features + NOISE * torch.randn(features.shape, generator=generator)
    return features, lengths * LETTER_FRAMES, torch.cat(texts), lengths


def train(kind: str, steps: int, world: World, seed: int) -> dict[str, float]:
    options = TrainingOptions(compression=kind, learning_rate=2e-3)  # type: ignore[arg-type]
    sizes = {"width": 160, "layers": 4, "dropout": 0.0}
    features = ModelConfig().features
    config = ModelConfig("conv", sizes, type(features)(16_000, MELS, "none"))
    model = create(config, UNITS, seed)
    optimizer = adamw(model, options)
    averager = averager_for(model, world.size, options)
    buckets = set()
    average = averager.average
    averager.average = lambda bucket: (buckets.add(bucket.index()), average(bucket))[1]  # type: ignore[method-assign]
    parallel = data_parallel(model, world, averager, BUCKET_MB)
    compress_from = round(steps * options.compression_warmup_share)
    losses, seconds, sent = [], [], 0
    for step in range(steps):
        began = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, options)
        averager.begin(step >= compress_from)
        if kind == "onebit" and step >= compress_from:
            optimizer.freeze_variance()
        inputs, num_frames, targets, lengths = batch(seed * steps + step, world.rank)
        log_probs, out_frames = parallel(inputs, num_frames)
        loss = nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, out_frames, lengths, reduction="mean")
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), options.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - began)
        losses.append(float(world.sum(loss.detach().clone())) / world.size)
        if step >= compress_from:
            sent += averager.sent_bytes
        averager.sent_bytes = 0
    whole = 4 * sum(each.numel() for each in model.parameters()) * (steps - compress_from)
    last = losses[-max(1, steps // 10) :]
    return {
        "loss": sum(last) / len(last),
        "bytes_cut": whole / sent,
        "step_ms": 1000 * statistics.median(seconds[compress_from:]),
        "buckets": len(buckets),
    }


def rank_main(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    with join(TrainingOptions(device="cpu")) as world:
        found = {
            kind: [train(kind, arguments.steps, world, seed) for seed in range(arguments.rounds)]
            for kind in arguments.kinds
        }
        if world.is_first:
            Path(arguments.out).write_text(json.dumps(found), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if "RANK" in os.environ:
        rank_main(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(arguments.ranks)]
        command = [sys.executable, *torchrun, __file__, *sys.argv[1:], "--out", str(out)]
        subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        found = json.loads(out.read_text(encoding="utf-8"))
    print(f"{arguments.ranks} gloo ranks, {arguments.rounds} x {arguments.steps} steps")
    print(f"{'way':<10}{'bytes cut':>10}{'step, ms':>10}{'buckets':>9}{'loss':>9}{'against none':>14}")
    rows = {}
    for kind, rounds in found.items():
        row = {name: statistics.mean(each[name] for each in rounds) for name in rounds[0]}
        if "none" in found:
            row["loss_against_none"] = row["loss"] / statistics.mean(each["loss"] for each in found["none"]) - 1
        rows[kind] = row
        against = f"{row['loss_against_none']:>+14.2%}" if "none" in found else f"{'':>14}"
        print(
            f"{kind:<10}{row['bytes_cut']:>9.1f}x{row['step_ms']:>10.1f}{row['buckets']:>9.0f}{row['loss']:>9.4f}{against}"
        )
    print(json.dumps({"ranks": arguments.ranks, "steps": arguments.steps, "rounds": arguments.rounds, "ways": rows}))


if __name__ == "__main__":
    main()
