"""What runs on a GPU runs there alone and finds what a CPU finds: on a stand-in, and on a GPU where there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future

from ipl.asr import features
from ipl.asr.alignment import align
from ipl.asr.augmentation import AugmentConfig, random_for, spec_augment
from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.decoding.beam import beam_search
from ipl.asr.decoding.fusion import Fusion
from ipl.asr.decoding.joint import attention_rescore, joint_search
from ipl.asr.decoding.score import rescore
from ipl.asr.distortion import DistortionOptions
from ipl.asr.distortion.distorter import Distorter
from ipl.asr.listening import Listener
from ipl.asr.lm.automaton import automaton
from ipl.asr.lm.estimate import estimate
from ipl.asr.models.model import CtcModel, create
from ipl.asr.otc import Prices, otc_loss
from ipl.asr.recognition import DecodingOptions
from ipl.asr.units import Units
from ipl.records import Utterance
from ipl.training.compression import averager, averager_for
from ipl.training.ema import WeightAverage
from ipl.training.job import TrainingOptions
from ipl.training.optimizers import adamw

sys.path.insert(0, str(Path(__file__).parent))
from helpers_devices import stand_in, waits

CPU, UNITS = torch.device("cpu"), Units.collect(["abcde "])
SIZES: dict[str, dict[str, float]] = {
    "conv": {},
    "gru": {},
    "deep_speech_2": {"channels": 2},
    "wav2letter": {},
    "transformer": {"heads": 2, "decoder_layers": 1},
    "conformer": {"heads": 2, "decoder_layers": 1, "chunk_frames": 4, "left_chunks": 1, "right_frames": 2},
}
HEARD = (torch.randn(3, 42, 20, generator=random_for(0, 0, "heard")), torch.tensor([42, 36, 20]))
TEXTS = (torch.tensor([1, 2, 3, 4, 1, 2, 5, 3, 1]), torch.tensor([4, 3, 2]))


@pytest.fixture(params=["stand-in", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    if request.param == "cuda":
        yield torch.device("cuda", 0)
    else:
        with stand_in() as found:
            yield found


def made(kind: str, device: torch.device) -> CtcModel:
    sizes = {"width": 16, "layers": 1, "dropout": 0.0} | SIZES[kind]
    return create(ModelConfig(kind, sizes, FeatureConfig(8000, 20, "fixed")), UNITS, 1).to(device)


def trained(kind: str, device: torch.device) -> list[float]:
    """The losses of two steps, after the first of which Adam's variance is frozen, and the norm of averaged weights."""
    model, (targets, num_units) = made(kind, device).train(), [each.to(device) for each in TEXTS]
    optimizer, average, found = adamw(model, TrainingOptions()), WeightAverage(model, 0.9), []
    for step in range(2):
        log_probs, frames, *attention = model(*(each.to(device) for each in HEARD), targets, num_units)
        ctc = nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, frames, num_units, reduction="none")
        loss = model.joint_losses(ctc, attention)["loss"].sum()
        loss = loss + otc_loss(log_probs, targets, frames, num_units, Prices(4, 4, 4)).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.freeze_variance()
        average.update(model, step)
        optimizer.zero_grad()
        found.append(float(loss.detach()))
    return [*found, float(sum(each.square().sum() for each in average.weights.values()))]


@pytest.mark.parametrize("kind", SIZES)
def test_every_architecture_learns_there_as_on_a_cpu(kind: str, device: torch.device) -> None:
    assert trained(kind, device) == pytest.approx(trained(kind, CPU), rel=1e-2 if device.type == "cuda" else 1e-4)


def test_features_are_computed_and_changed_there(device: torch.device) -> None:
    def heard(where: torch.device) -> Tensor:
        distort = Distorter(DistortionOptions(noise_share=1, reverberation_share=1, gain_db=3), 8000)
        draws, samples = random_for(1, 1, "draw"), torch.randn(8000, generator=random_for(1, 1, "sound")).to(where)
        change = distort.draw(draws)
        assert change is not None
        padded = features.pad(
            [features.compute(each, FeatureConfig(8000, 20)) for each in (change(samples), samples[:999])]
        )
        return spec_augment(*padded, draws, AugmentConfig())

    assert heard(device).device == device
    assert torch.allclose(heard(device).cpu(), heard(CPU), atol=1e-2)


def searched(device: torch.device, model: CtcModel, fusion: Fusion | None) -> list[Any]:
    encoded, frames = model.to(device).eval().encode(*(each.to(device) for each in HEARD))
    log_probs, decoder, fusion = model.ctc(encoded), model.decoder, fusion.to(device) if fusion else None
    assert decoder is not None
    found = beam_search(log_probs, frames, 4, fusion=fusion)
    waits.clear()
    exact = rescore(log_probs, frames, [[each.units for each in of_one] for of_one in found])
    assert sum(waits.values()) <= 2  # one copy of what all texts are scored by, however many there are
    said = attention_rescore(decoder, encoded, frames, exact, 0.3)
    both = joint_search(decoder, encoded, log_probs, frames, 4, 0.3, fusion=fusion)
    spans = align(log_probs, frames, [of_one[0].units for of_one in said])
    best = [[(of_one[0].units, pytest.approx(of_one[0].score, abs=1e-2)) for of_one in each] for each in (said, both)]
    return [*best, [[(each.unit, each.begin, each.end) for each in of_one] for of_one in spans]]


@pytest.mark.parametrize("has_lm", [False, True])
@torch.no_grad()
def test_searches_find_there_what_they_find_on_a_cpu(has_lm: bool, device: torch.device) -> None:
    tables = automaton(estimate(["ab cd", "de a"], 2), UNITS)
    fusion, model = Fusion(tables, 0.5, 0.1) if has_lm else None, made("transformer", CPU)
    assert searched(CPU, model, fusion) == searched(device, model, fusion)
    on_gpu, texts = tables.to(device), [[1, 2, 3], [], [5, 4, 3, 2, 1]]
    waits.clear()
    assert on_gpu.scores_of(texts) == pytest.approx([tables.score(text) for text in texts])
    assert sum(waits.values()) <= 1


@torch.no_grad()
def test_a_stream_is_heard_there(device: torch.device) -> None:
    def said(where: torch.device) -> tuple[str, float]:
        listener = Listener(made("conformer", where).eval(), DecodingOptions(beam=4, decode="rescore", words=True))
        for piece in torch.randn(4, 3000, generator=random_for(0, 0, "speech")):
            listener.hear(piece)
        found = listener.hypothesis(Utterance("a", "a", 0, 1500, b"", 8000, 12000, None, origin="labelled"))
        return found.text, pytest.approx(found.score, abs=1e-2)

    assert said(device) == said(CPU)


class Bucket:
    """What DDP hands over of the gradients of a matrix and a vector."""

    def __init__(self, model: nn.Module) -> None:
        parameters = list(model.parameters())
        sizes = [each.numel() for each in parameters]
        flat = torch.linspace(-1, 1, sum(sizes)).square().to(parameters[0].device)
        views = [each.view_as(like) for each, like in zip(flat.split(sizes), parameters, strict=True)]
        self.buffer, self.parameters, self.gradients = (lambda: flat), (lambda: parameters), (lambda: views)


def all_reduced(values: Tensor, async_op: bool = False) -> Any:
    """Of two ranks that have the same."""
    values.mul_(2)
    future: Future[list[Tensor]] = Future(devices=[values.device] if values.is_cuda else None)
    future.set_result([values])
    return SimpleNamespace(get_future=lambda: future)


def averaged(kind: Any, device: torch.device) -> Tensor:
    """The mean over ranks in the second of two steps, between which a training was cut short."""
    model, states = nn.Linear(90, 70).to(device), []
    for _ in range(2):
        way = averager_for(model, 2, TrainingOptions(compression=kind, powersgd_rank=2))
        way.restore_from(states, 0)
        way.begin(compresses=True)
        waits.clear()
        found = way.average(Bucket(model)).value()  # type: ignore[arg-type]
        assert sum(waits.values()) <= 1
        states = [way.state()] * 2
        assert all(each.is_cpu for of_one in way.state().values() for each in of_one.values())
    assert found.device == device
    return found.cpu()


@pytest.mark.parametrize("kind", ["none", "fp16", "bf16", "powersgd", "onebit"])
def test_gradients_are_averaged_there_and_what_is_left_out_travels_by_the_cpu(
    kind: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    if device.type == "cuda":
        monkeypatch.setattr(dist, "get_backend", lambda: "nccl")
    monkeypatch.setattr(dist, "all_reduce", all_reduced)
    monkeypatch.setattr(dist, "all_gather", lambda into, own: [each.copy_(own) for each in into])
    monkeypatch.setattr(dist, "get_rank", lambda: 0)
    assert torch.allclose(averaged(kind, device), averaged(kind, CPU), atol=1e-3)


def test_a_future_that_is_there_knows_the_gpu_of_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    future = SimpleNamespace(set_result=lambda value: None)
    monkeypatch.setattr(averager, "Future", lambda devices: found.append(devices) or future)
    averager.done(SimpleNamespace(is_cuda=True, device="cuda:1"))  # type: ignore[arg-type]
    assert found == [["cuda:1"]]
