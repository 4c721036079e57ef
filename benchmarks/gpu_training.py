"""A hybrid Conformer of 30 M parameters on one GPU: training and decoding, in hours of audio an hour.

python benchmarks/gpu_training.py [--steps 300] [--batch-seconds 1200] [--compile] [--peak-tflops 989]
python benchmarks/gpu_training.py --tiny        a small model on the CPU: the same lines of code, no figure of use

Where there is no CUDA device it says so, and ends with exit code 0. It has been run with `--tiny` only; no figure of a
GPU is known yet.

Audio is made up: each of 500 units is a pattern over 80 mel bands, about 0.2 s long, in noise; utterances are 4 to 20 s
long, batches hold as many of similar length as fit with padding. Features are on the GPU before the clock starts, so
what is measured is the model: forward pass under bf16 autocast, joint loss, backward pass, clipping, AdamW.

hours an hour   seconds of the utterances' own audio, padding left out, per second of the median step after the warm-up
model TFLOP/s   multiply-adds count 2; torch's FlopCounterMode counts those of matrix products, convolutions and
                attention, forward and backward, over a round of batches, padding included, that of attention's
                recomputation too; all else (norms, softmax, losses, optimizer) counts nothing
share of peak   of the device's dense bf16 figure in its data sheet, where it is known here or told by --peak-tflops;
                and of what one product of two large bf16 matrices reaches here, measured
decoding        own audio per second of encoder and search, texts in Python at the end, the best of three rounds, after
                the training above, so that posteriors are about as peaky as a real model's; `unit errors` tell how far
                it came
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.decoding.beam import beam_search
from ipl.asr.decoding.greedy import greedy
from ipl.asr.decoding.joint import attention_rescore, joint_search
from ipl.asr.decoding.score import rescore
from ipl.asr.models.model import CtcModel, create
from ipl.asr.units import Units
from ipl.training.job import TrainingOptions
from ipl.training.optimizers import adamw, learning_rate

UNITS, MELS, UNIT_FRAMES = 500, 80, 20
BEAM, CTC_WEIGHT, WARM_UP = 10, 0.3, 10
LARGE = {"width": 256, "layers": 16, "heads": 4, "subsampling": 4, "decoder_layers": 5}
TINY = {"width": 32, "layers": 1, "heads": 2, "subsampling": 4, "decoder_layers": 1}
DENSE_BF16_TFLOPS = {"H200": 989.0, "H100 PCIe": 756.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0}
"""By a part of the device's name, from NVIDIA's data sheets, without sparsity."""


@dataclass(frozen=True)
class Batch:
    """features [B, T, F] · num_frames [B] · targets [sum of U] · num_units [B], and seconds of own audio."""

    features: Tensor
    num_frames: Tensor
    targets: Tensor
    num_units: Tensor
    seconds: float

    @property
    def texts(self) -> list[list[int]]:
        """The units of each utterance."""
        return [each.tolist() for each in torch.split(self.targets, self.num_units.tolist())]


def make_batches(count: int, batch_seconds: float, device: torch.device, seed: int) -> list[Batch]:
    """Batches of similar lengths; frames are 10 ms."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn(UNITS, MELS, generator=torch.Generator().manual_seed(0))
    found = []
    for _ in range(count):
        longest = int(torch.randint(400, 2001, (), generator=generator))
        size = max(1, int(batch_seconds * 100 / longest))
        num_units = (torch.rand(size, generator=generator) * 0.15 + 0.85).mul(longest / UNIT_FRAMES).long().clamp(min=1)
        texts = [torch.randint(1, UNITS, (int(each),), generator=generator) for each in num_units]
        heard = [patterns[text].repeat_interleave(UNIT_FRAMES, dim=0) for text in texts]
        features = nn.utils.rnn.pad_sequence(heard, batch_first=True)
        features = features + torch.randn(features.shape, generator=generator)
        num_frames = num_units * UNIT_FRAMES
        targets, seconds = torch.cat(texts), float(num_frames.sum()) / 100
        found.append(
            Batch(features.to(device), num_frames.to(device), targets.to(device), num_units.to(device), seconds)
        )
    return found


def losses(model: nn.Module, batch: Batch) -> Tensor:
    """The mean joint loss in nats a unit."""
    with torch.autocast(batch.features.device.type, torch.bfloat16):
        log_probs, out_frames, *attention = model(batch.features, batch.num_frames, batch.targets, batch.num_units)
    ctc = nn.functional.ctc_loss(
        log_probs.transpose(0, 1), batch.targets, out_frames, batch.num_units, reduction="none", zero_infinity=True
    )
    return model.joint_losses(ctc, attention)["loss"].sum() / batch.num_units.sum()  # type: ignore[operator, no-any-return]


def train(model: CtcModel, batches: list[Batch], steps: int) -> dict[str, float]:
    """Trains, and returns what a step took."""
    options = TrainingOptions(learning_rate=1e-3)
    optimizer = adamw(model, options)
    model.train()
    seconds, audio, loss = [], [], torch.zeros(())
    for step in range(steps):
        batch = batches[step % len(batches)]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, options)
        _wait(batch.features.device)
        began = time.perf_counter()
        loss = losses(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), options.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        _wait(batch.features.device)
        seconds.append(time.perf_counter() - began)
        audio.append(batch.seconds)
    first = min(WARM_UP, steps - 1)
    speeds = [of_audio / of_clock for of_audio, of_clock in zip(audio[first:], seconds[first:], strict=True)]
    return {
        "hours_an_hour": statistics.median(speeds),
        "step_ms": 1000 * statistics.median(seconds[first:]),
        "seconds_a_round": statistics.median(seconds[first:]) * len(batches),
        "last_loss": float(loss.detach()),
    }


def count_flops(model: CtcModel, batches: list[Batch]) -> int:
    """FLOP of forward and backward pass over all batches, as FlopCounterMode counts them."""
    with FlopCounterMode(display=False) as counter:
        for batch in batches:
            losses(model, batch).backward()  # type: ignore[no-untyped-call]
    model.zero_grad()
    return int(counter.get_total_flops())


def matmul_tflops(device: torch.device, size: int) -> float:
    """What a product of two square bf16 matrices reaches."""
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    best = min(_seconds(device, lambda: a @ a) for _ in range(5))
    return 2 * size**3 / best / 1e12


@torch.inference_mode()
def decode(model: CtcModel, batches: list[Batch]) -> dict[str, float]:
    """Own audio per second of each way of decoding, and the unit error rate of each."""
    model.eval()
    assert model.decoder is not None
    decoder = model.decoder

    def say(way: str, batch: Batch) -> list[list[int]]:
        with torch.autocast(batch.features.device.type, torch.bfloat16):
            encoded, num_frames = model.encode(batch.features, batch.num_frames)
            log_probs = model.ctc(encoded)
        encoded = encoded.float()
        if way == "greedy":
            return greedy(log_probs, num_frames)
        if way == "joint":
            found = joint_search(decoder, encoded, log_probs, num_frames, BEAM, CTC_WEIGHT)
        else:
            found = beam_search(log_probs, num_frames, BEAM)
        if way == "rescore":
            exact = rescore(log_probs, num_frames, [[each.units for each in of_one] for of_one in found])
            found = attention_rescore(decoder, encoded, num_frames, exact, CTC_WEIGHT)
        return [of_one[0].units for of_one in found]

    device, figures = batches[0].features.device, {}
    for way in ("greedy", "beam", "rescore", "joint"):
        said = [say(way, batch) for batch in batches]
        pairs = [
            pair for texts, batch in zip(said, batches, strict=True) for pair in zip(batch.texts, texts, strict=True)
        ]
        errors = sum(Levenshtein.distance(reference, hypothesis) for reference, hypothesis in pairs)
        best = min(_seconds(device, lambda way=way: [say(way, batch) for batch in batches]) for _ in range(3))  # type: ignore[misc]
        figures[f"{way}_hours_an_hour"] = sum(batch.seconds for batch in batches) / best
        figures[f"{way}_unit_errors"] = errors / sum(len(reference) for reference, _ in pairs)
    return figures


def _seconds(device: torch.device, work: Callable[[], object]) -> float:
    _wait(device)
    began = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(arguments: argparse.Namespace, device: torch.device) -> dict[str, float | str | None]:
    """All figures of a run."""
    units = Units.collect([chr(0x4E00 + each) for each in range(UNITS - 1)])
    sizes = TINY if arguments.tiny else LARGE
    model = create(ModelConfig("conformer", sizes, FeatureConfig(num_mels=MELS, normalise="none")), units, 1).to(device)
    batches = make_batches(arguments.batches, arguments.batch_seconds, device, seed=1)
    flops = count_flops(model, batches)
    if arguments.compile:
        model.compile(dynamic=True)
    trained = train(model, batches, arguments.steps)
    tflops = flops / trained.pop("seconds_a_round") / 1e12
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    peak = arguments.peak_tflops or next(
        (each for part, each in DENSE_BF16_TFLOPS.items() if re.search(rf"\b{part}\b", name)), None
    )
    reached = matmul_tflops(device, 256 if arguments.tiny else 8192)
    figures: dict[str, float | str | None] = {
        "device": name,
        "million_parameters": sum(each.numel() for each in model.parameters()) / 1e6,
        **trained,
        "model_tflops": tflops,
        "share_of_peak": tflops / peak if peak else None,
        "share_of_large_product": tflops / reached,
        **decode(model, make_batches(max(1, arguments.batches // 4), arguments.batch_seconds, device, seed=2)),
    }
    if device.type == "cuda":
        figures["peak_memory_gib"] = torch.cuda.max_memory_allocated(device) / 2**30
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batches", type=int, default=16, help="different batches, gone through again and again")
    parser.add_argument("--batch-seconds", type=float, default=1200.0, help="audio in a batch, padding counted")
    parser.add_argument("--peak-tflops", type=float, help="dense bf16 TFLOP/s of the device, from its data sheet")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--tiny", action="store_true", help="a small model, on the CPU where there is no GPU")
    arguments = parser.parse_args()
    figures: dict[str, float | str | None] = {"benchmark": "gpu_training"}
    if not torch.cuda.is_available() and not arguments.tiny:
        figures["skipped"] = "torch sees no CUDA device here"
        print("gpu_training: skipped, torch sees no CUDA device here; --tiny runs the same code small on the CPU")
    else:
        figures |= measure(arguments, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
        for name, value in figures.items():
            print(f"{name:24} {value:,.4g}" if isinstance(value, float) else f"{name:24} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
