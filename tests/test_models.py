"""Models: padding changes nothing, seeds decide everything, a folder keeps all of it, and they learn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.features import pad
from ipl.asr.models.average import average
from ipl.asr.models.model import ENCODERS, CtcModel, create
from ipl.asr.models.reference import CONFIG_FILE, WEIGHTS_FILE, model_ref
from ipl.asr.models.sizes import SIZES
from ipl.asr.models.store import load, read_weights, save
from ipl.asr.text import TextConfig
from ipl.asr.units import Units
from ipl.errors import InputError

UNITS = Units.collect(["a small vocabulary", "été"])
ARCHITECTURES = sorted(SIZES)


def small(architecture: str, seed: int = 1, dropout: float = 0.1) -> CtcModel:
    sizes = {"width": 32, "layers": 2, "dropout": dropout}
    if architecture == "deep_speech_2":
        sizes["channels"] = 4
    return create(ModelConfig(architecture, sizes), UNITS, seed)


def test_every_architecture_has_sizes() -> None:
    assert set(ENCODERS) == set(SIZES)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_default_is_of_one_to_three_million_parameters(architecture: str) -> None:
    count = sum(weight.numel() for weight in create(ModelConfig(architecture), UNITS, 1).parameters())
    assert 1e6 < count < 3e6


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_and_neighbours_change_nothing(architecture: str) -> None:
    model = small(architecture).eval()
    generator = torch.Generator().manual_seed(3)
    utterances = [torch.randn(frames, 80, generator=generator) for frames in (120, 1, 57, 0, 3, 58, 16)]
    features, num_frames = pad(utterances)
    features = features + 100.0 * (torch.arange(120) >= num_frames[:, None])[:, :, None]  # padding may hold anything
    with torch.inference_mode():
        log_probs, out_frames = model(features, num_frames)
        for place, utterance in enumerate(utterances):
            alone, frames = model(*pad([utterance]))
            assert frames.item() == out_frames[place].item() == -(-utterance.shape[0] // 3)
            shared = log_probs[place, : frames.item()]
            assert torch.allclose(alone[0, : frames.item()], shared, atol=1e-5)
            assert torch.allclose(shared.exp().sum(dim=-1), torch.ones(int(frames)), atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_batch_without_a_frame_passes(architecture: str) -> None:
    log_probs, out_frames = small(architecture)(torch.zeros(2, 0, 80), torch.zeros(2, dtype=torch.long))
    assert out_frames.tolist() == [0, 0]
    assert torch.isfinite(log_probs).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_depend_on_the_seed_alone(architecture: str) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = small(architecture, seed=7).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    again, other = small(architecture, seed=7).state_dict(), small(architecture, seed=8).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("architecture", sorted(set(ARCHITECTURES) - {"deep_speech_2"}))
def test_no_batch_norm_but_where_the_paper_wants_it(architecture: str) -> None:
    assert not any("BatchNorm" in type(module).__name__ for module in small(architecture).modules())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_learns_three_utterances_the_same_way_twice(architecture: str) -> None:
    def losses() -> list[float]:
        model = small(architecture, dropout=0.0)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        features, num_frames = pad([torch.randn(90, 80, generator=torch.Generator().manual_seed(n)) for n in range(3)])
        targets, lengths = torch.tensor([2, 3, 4, 5, 6, 7, 3, 2]), torch.tensor([3, 2, 3])
        found = []
        for _ in range(40):
            log_probs, out_frames = model(features, num_frames)
            loss = torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, out_frames, lengths)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    first = losses()
    assert first[-1] < 0.1 * first[0]
    assert losses() == first


def test_a_folder_keeps_weights_units_features_and_text(tmp_path: Path) -> None:
    config = ModelConfig("conv", {"width": 32, "layers": 1}, FeatureConfig(8_000, 40, "mean"), TextConfig(False, False))
    model = create(config, UNITS, 1).eval()
    save(model, tmp_path / "a")
    kept = load(tmp_path / "a")
    assert not kept.training
    assert kept.units == model.units
    assert kept.config == model.config
    assert kept.config.features == config.features
    features, num_frames = torch.randn(1, 30, 40), torch.tensor([30])
    assert torch.equal(model(features, num_frames)[0], kept(features, num_frames)[0])
    assert {file.name for file in (tmp_path / "a").iterdir()} == {WEIGHTS_FILE, CONFIG_FILE}


def test_loading_moves_no_random_numbers(tmp_path: Path) -> None:
    save(small("conv"), tmp_path)
    before = torch.random.get_rng_state()
    load(tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_fingerprint_is_of_the_contents(tmp_path: Path) -> None:
    save(small("conv", seed=1), tmp_path / "a")
    save(small("conv", seed=1), tmp_path / "b")
    save(small("conv", seed=2), tmp_path / "c")
    first, same, other = (model_ref(tmp_path / name, cycle=3, epoch=4, dev_error=0.5) for name in "abc")
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert (first.path, first.cycle, first.epoch, first.dev_error) == (tmp_path / "a", 3, 4, 0.5)
    with pytest.raises(InputError, match=f"{CONFIG_FILE} cannot be read"):
        model_ref(tmp_path / "none")


def test_naming_a_model_imports_no_torch() -> None:
    code = "import ipl.asr.models.reference, ipl.asr.config, ipl_plugins.initializers, ipl_plugins.builders, "
    code += "ipl_plugins.recognizers, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    save(small("conv"), tmp_path)
    sound = json.loads((tmp_path / CONFIG_FILE).read_text(encoding="utf-8"))

    def loading_says(match: str) -> None:
        with pytest.raises(InputError, match=match):
            load(tmp_path)

    for changed, match in [
        ({"format": 99}, "format 1"),
        ({"architecture": "cnv"}, "did you mean 'conv'"),
        ({"sizes": {"widht": 3}}, "did you mean 'width'"),
        ({"units": list(sound["units"])[:-1]}, "do not fit"),
        ({"features": {"num_mel": 3}}, "did you mean 'num_mels'"),
    ]:
        (tmp_path / CONFIG_FILE).write_text(json.dumps(sound | changed), encoding="utf-8")
        loading_says(match)
    (tmp_path / CONFIG_FILE).write_text(json.dumps(sound), encoding="utf-8")
    weights = (tmp_path / WEIGHTS_FILE).read_bytes()
    (tmp_path / WEIGHTS_FILE).write_bytes(weights[: len(weights) // 2])
    loading_says("no weights can be read")
    (tmp_path / WEIGHTS_FILE).unlink()
    loading_says("no weights can be read")


@pytest.mark.parametrize("sizes", [{"layers": 0}, {"layers": 2.5}, {"dropout": 1.0}, {"depth": 3}])
def test_impossible_sizes_are_refused(sizes: dict[str, float]) -> None:
    with pytest.raises(InputError, match="sizes of conv"):
        create(ModelConfig("conv", sizes), UNITS, 1)


def test_an_average_is_the_mean_of_weights(tmp_path: Path) -> None:
    folders = [tmp_path / str(seed) for seed in range(3)]
    for seed, folder in enumerate(folders):
        save(small("gru", seed), folder)
    average(folders, tmp_path / "mean")
    each = [read_weights(folder / WEIGHTS_FILE) for folder in folders]
    for name, tensor in read_weights(tmp_path / "mean" / WEIGHTS_FILE).items():
        expected = sum(weights[name].double() for weights in each) / 3
        assert torch.equal(tensor, expected.float())
    average([folders[0]] * 2, tmp_path / "same")
    assert model_ref(tmp_path / "same").fingerprint == model_ref(folders[0]).fingerprint
    save(small("conv"), tmp_path / "other")
    with pytest.raises(InputError, match="cannot be averaged"):
        average([folders[0], tmp_path / "other"], tmp_path / "none")
