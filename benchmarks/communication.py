"""Ways of averaging gradients over ranks: bytes sent, time of a step, and what they cost in loss.

python benchmarks/communication.py [--ranks 2] [--steps 1200] [--rounds 3]
python benchmarks/communication.py --hang [--rounds 20] [--steps 1000]
python benchmarks/communication.py --shapes

The first: a CTC model of a million numbers learns made-up letters in noise on gloo ranks with uneven batches and at
least 4 buckets, once for each way, by the parts that the trainer `ddp` is made of. The learning rate falls along a
cosine, which is that trainer's default. `loss` is the mean over the last tenth of the steps, on batches that no rank
has seen before; the noise is such that it cannot fall to nothing. A round has a seed of its own for the first weights
and the batches, and all ways see the same in it: `against none` is by how much a way's loss is larger than that of
`none` in the same round, the mean over rounds and its standard error. Bytes are those handed to collectives, after the
warm-up in which powersgd and onebit compress nothing, and in the whole run; with two ranks they are the bytes on the
wire.

The second: a tiny model with as many buckets, uneven batches and batches without rows, many times over. It ends, or
something hangs.

The third: by how much powersgd cuts the bytes of each architecture at its default sizes, counted from the shapes of its
weights. Thin matrices grow with the sides of a matrix, what they stand for with its area: the wider, the more is saved.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import ranks
import torch
from torch import Tensor, nn

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.models.model import create
from ipl.asr.models.sizes import SIZES
from ipl.asr.units import Units
from ipl.training.communication import World, data_parallel, join
from ipl.training.compression import OneBitAverager, PowerSgdAverager, averager_for
from ipl.training.job import TrainingOptions
from ipl.training.optimizers import adamw, learning_rate

KINDS = ("none", "fp16", "bf16", "powersgd", "onebit")
UNITS = Units.collect(["abcdefghijklmnopqrstuvwxyz "])
MELS, LETTER_FRAMES, NOISE = 40, 9, 5.0  # so much noise that some letters cannot be told apart

Losses = Callable[[nn.Module, int, int], Tensor]
"""The loss of a wrapped model on the batch of a step and a rank."""


def letters(step: int, rank: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
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


def recogniser(seed: int) -> tuple[nn.Module, Losses, float]:
    """A model, its loss, and the megabytes of a bucket."""
    sizes = {"width": 256, "layers": 2, "dropout": 0.0}
    config = ModelConfig("conv", sizes, FeatureConfig(16_000, MELS, "none"))

    def loss(model: nn.Module, step: int, rank: int) -> Tensor:
        inputs, num_frames, targets, lengths = letters(step, rank)
        log_probs, out_frames = model(inputs, num_frames)
        return nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, out_frames, lengths, reduction="mean")

    return create(config, UNITS, seed), loss, 0.5


def tiny(seed: int) -> tuple[nn.Module, Losses, float]:
    """As `recogniser`, but a step of it takes no time."""
    torch.manual_seed(seed)

    def loss(model: nn.Module, step: int, rank: int) -> Tensor:
        rows = (step * 7 + rank * 5) % 9  # at times none
        generator = torch.Generator().manual_seed(step * 1000 + rank)
        return model(torch.randn(rows, 32, generator=generator)).square().sum() / 9  # type: ignore[no-any-return]

    return nn.Sequential(*(each for _ in range(5) for each in (nn.Linear(32, 32), nn.Tanh()))), loss, 0.004


def train(
    kind: str, steps: int, world: World, seed: int, task: Callable[[int], tuple[nn.Module, Losses, float]]
) -> dict[str, float]:
    options = TrainingOptions(compression=kind, learning_rate=2e-3)  # type: ignore[arg-type]
    model, loss_of, bucket_mb = task(seed)
    optimizer = adamw(model, options)
    averager = averager_for(model, world.size, options)
    buckets = set()
    average = averager.average
    averager.average = lambda bucket: (buckets.add(bucket.index()), average(bucket))[1]  # type: ignore[method-assign]
    parallel = data_parallel(model, world, averager, bucket_mb)
    compress_from = round(steps * options.compression_warmup_share)
    losses, seconds, sent = [], [], []
    for step in range(steps):
        began = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, options)
        averager.begin(step >= compress_from)
        if isinstance(averager, OneBitAverager) and step == compress_from:
            averager.deviations = optimizer.freeze_variance()
        loss = loss_of(parallel, seed * steps + step, world.rank)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), options.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - began)
        losses.append(float(world.sum(loss.detach().clone())) / world.size)
        sent.append(averager.sent_bytes)
        averager.sent_bytes = 0
    raw = 4 * sum(each.numel() for each in model.parameters())
    return {
        "loss": statistics.mean(losses[-max(1, steps // 10) :]),
        "bytes_cut": raw * (steps - compress_from) / sum(sent[compress_from:]),
        "bytes_cut_whole_run": raw * steps / sum(sent),
        "step_ms": 1000 * statistics.median(seconds[compress_from:]),
        "buckets": len(buckets),
    }


def rank_main(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    task = tiny if arguments.hang else recogniser
    with join(TrainingOptions(device="cpu")) as world:
        found: dict[str, list[dict[str, float]]] = {kind: [] for kind in arguments.kinds}
        for seed in range(arguments.rounds):
            for kind, rounds in found.items():
                rounds.append(train(kind, arguments.steps, world, seed, task))
            if world.is_first:
                ranks.hand_back(found)
                losses = ", ".join(f"{kind} {rounds[-1]['loss']:.4f}" for kind, rounds in found.items())
                print(f"round {seed + 1} of {arguments.rounds}, loss: {losses}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--hang", action="store_true")
    parser.add_argument("--shapes", action="store_true")
    parser.add_argument("--steps", type=int, help="1200, with --hang 1000")
    parser.add_argument("--rounds", type=int, help="3, with --hang 20")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    arguments = parser.parse_args()
    arguments.steps = arguments.steps or (1000 if arguments.hang else 1200)
    arguments.rounds = arguments.rounds or (20 if arguments.hang else 3)
    if ranks.is_rank():
        rank_main(arguments)
        return
    if arguments.shapes:
        print(json.dumps({"powersgd": {name: show_shapes(name) for name in SIZES}}))
        return
    found = ranks.start(__file__, arguments.ranks, sys.argv[1:])
    show(found, arguments)


def show(found: dict[str, list[dict[str, float]]], arguments: argparse.Namespace) -> None:
    print(f"{arguments.ranks} gloo ranks, {arguments.rounds} x {arguments.steps} steps")
    print(f"{'way':<10}{'bytes cut':>10}{'whole run':>11}{'step, ms':>10}{'buckets':>9}{'loss':>9}{'against none':>20}")
    rows: dict[str, dict[str, Any]] = {}
    for kind, rounds in found.items():
        row: dict[str, Any] = {name: statistics.mean(each[name] for each in rounds) for name in rounds[0]}
        row["losses"] = [each["loss"] for each in rounds]
        against = ""
        if "none" in found and not arguments.hang:
            pairs = zip(rounds, found["none"], strict=True)
            differences = [ours["loss"] / theirs["loss"] - 1 for ours, theirs in pairs]
            row["loss_against_none"], error = statistics.mean(differences), standard_error(differences)
            row["standard_error"] = error
            against = f"{row['loss_against_none']:+.2%}" + ("" if error is None else f" ± {error:.2%}")
        rows[kind] = row
        print(
            f"{kind:<10}{row['bytes_cut']:>9.1f}x{row['bytes_cut_whole_run']:>10.1f}x{row['step_ms']:>10.1f}"
            f"{row['buckets']:>9.0f}{row['loss']:>9.4f}{against:>20}"
        )
    head = {"ranks": arguments.ranks, "steps": arguments.steps, "rounds": arguments.rounds, "hang": arguments.hang}
    print(json.dumps(head | {"ways": rows}))


def show_shapes(architecture: str) -> float:
    """By how much powersgd cuts what two ranks send of a model: numbers of 8 bits, a scale of 32 for each column."""
    model = create(ModelConfig(architecture, {}, FeatureConfig(16_000, 80, "none")), UNITS, seed=0)
    rank = TrainingOptions().powersgd_rank
    averager, raw, sent = PowerSgdAverager(model, 2, rank), 0, 0
    for weights in model.parameters():
        rows = weights.shape[0] if weights.dim() else 1
        raw += 4 * weights.numel()
        gains = averager.gains(weights)
        sent += rank * (rows + weights.numel() // rows + 2 * 4) if gains else weights.numel() + 4
    print(f"{architecture:<24}{raw / 4e6:>7.2f} M{raw / sent:>9.1f}x")
    return raw / sent


def standard_error(values: list[float]) -> float | None:
    """That of the mean of `values`; one alone says nothing about it."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


if __name__ == "__main__":
    main()
