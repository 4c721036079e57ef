"""How a training sets itself up on GPUs, asked of a torch that is told that it has some."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.models.gru_layer import GruLayer
from ipl.asr.models.model import ENCODERS, create
from ipl.asr.units import Units
from ipl.errors import InputError
from ipl.training import checkpoint
from ipl.training.communication import World, data_parallel, join
from ipl.training.compression import averager_for
from ipl.training.job import TrainingOptions
from ipl.training.optimizers import amp_dtype


def test_a_checkpoint_of_a_gpu_is_read_onto_the_cpu(tmp_path: Path) -> None:
    with FakeTensorMode(), torch.serialization.skip_data(materialize_fake_tensors=True):
        state = {"position": {}, "optimizer": {"step": torch.ones((), device="cuda")}}
        torch.save(state, tmp_path / checkpoint.STATE_FILE)
    _, found = checkpoint.read_state(tmp_path)
    assert found["optimizer"]["step"].is_cpu


def test_recurrent_layers_are_float32_under_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    forward = nn.GRU.forward

    def watched(self: nn.GRU, packed: Any) -> Any:
        seen.append((packed.data.dtype, torch.is_autocast_enabled("cuda")))
        return forward(self, packed)

    monkeypatch.setattr(nn.GRU, "forward", watched)
    monkeypatch.setattr(torch.Tensor, "is_cpu", False)
    torch.set_autocast_enabled("cuda", True)
    try:
        GruLayer(4, 4, bidirectional=True)(torch.randn(2, 5, 4).bfloat16(), torch.tensor([5, 3]))
    finally:
        torch.set_autocast_enabled("cuda", False)
    assert seen == [(torch.float32, False)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", ENCODERS)
def test_every_architecture_learns_with_16_bits(kind: str, dtype: torch.dtype) -> None:
    config = ModelConfig(kind, {"width": 16, "layers": 1}, FeatureConfig(8000, 20, "fixed"))
    model = create(config, Units.collect(["abc"]), 1).train()
    with torch.autocast("cpu", dtype):
        log_probs, _ = model(torch.randn(2, 40, 20), torch.tensor([40, 30]))
    log_probs[:, :, 1].sum().backward()
    assert log_probs.dtype == torch.float32
    assert all(each.grad is None or each.grad.isfinite().all() for each in model.parameters())


def test_whisper_hears_silence_with_16_bits_too() -> None:
    transformers = pytest.importorskip("transformers")
    from ipl.asr.models.pretrained import WhisperEncoder

    sizes = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "max_source_positions": 50}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    encoder, samples = WhisperEncoder(transformers.WhisperConfig(**sizes, **heads)), torch.randn(1, 16000) * 1e-3
    with torch.autocast("cpu", torch.float16):
        found = encoder._log_mel(samples)
    assert torch.equal(found, encoder._log_mel(samples))


class Gpus:
    """Two GPUs, as torch tells of them."""

    def __init__(self, patch: pytest.MonkeyPatch, major: int = 8) -> None:
        self.done: list[Any] = []
        answers = {"is_available": True, "device_count": 2, "current_device": 0, "_check_bf16_tensor_supported": True}
        for name, answer in answers.items():
            patch.setattr(torch.cuda, name, lambda *_, answer=answer: answer)
        patch.setattr(torch.cuda, "get_device_properties", lambda *_: SimpleNamespace(major=major))
        patch.setattr(torch.cuda, "set_device", self.done.append)
        patch.setattr(dist, "init_process_group", self.done.append)
        patch.setattr(dist, "destroy_process_group", lambda: None)


@pytest.mark.parametrize(
    ("ranks", "name", "expected"),
    [
        (2, "auto", [torch.device("cuda", 1), "cpu:gloo,cuda:nccl"]),
        (4, "cuda", [torch.device("cuda", 1), "gloo"]),
        (2, "cuda:0", [torch.device("cuda", 0), "gloo"]),
    ],
)
def test_ranks_take_their_gpu_and_then_meet(
    ranks: int, name: str, expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"RANK": ranks - 1, "LOCAL_RANK": ranks - 1, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    for variable, value in places.items():
        monkeypatch.setenv(variable, str(value))
    gpus = Gpus(monkeypatch)
    with join(TrainingOptions(device=name)) as world:
        assert world.device == expected[0]
    assert gpus.done == expected
    with pytest.raises(InputError, match="sees 2 GPUs"), join(TrainingOptions(device="cuda:2")):
        pass
    with pytest.raises(InputError, match="found 'gpu'"), join(TrainingOptions(device="gpu")):
        pass


@pytest.mark.parametrize(("major", "dtype"), [(7, torch.float16), (8, torch.bfloat16)])
def test_gpus_that_only_imitate_bf16_get_fp16(major: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    Gpus(monkeypatch, major)
    assert amp_dtype("auto", torch.device("cuda")) == dtype


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here: nothing has gone over NCCL")
@pytest.mark.parametrize("kind", ["none", "fp16", "bf16", "powersgd", "onebit"])
def test_gradients_travel_over_nccl(kind: Any) -> None:
    """With one rank: a group of them needs as many GPUs."""
    there = torch.device("cuda", 0)
    dist.init_process_group("cpu:gloo,cuda:nccl", rank=0, world_size=1, store=dist.HashStore())
    try:
        model, heard = nn.Linear(90, 70).to(there), torch.randn(9, 90).to(there)
        way = averager_for(model, 1, TrainingOptions(compression=kind))
        parallel = data_parallel(model, World(0, 2, there), way)
        way.begin(compresses=True)
        parallel(heard).sum().backward()
        left_out = way.state().get("memory", {}).get("weight", torch.zeros(70, 90))
        assert model.weight.grad is not None
        assert torch.allclose(model.weight.grad.cpu() + left_out, heard.sum(dim=0).expand(70, 90).cpu(), atol=0.1)
    finally:
        dist.destroy_process_group()
