"""A hybrid of CTC and attention: its losses, its decoder unit by unit, and the folder that keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.features import pad
from ipl.asr.models.average import average
from ipl.asr.models.decoder import BEGIN, AttentionDecoder
from ipl.asr.models.model import CtcModel, create
from ipl.asr.models.store import load, save
from ipl.asr.units import Units
from ipl.errors import InputError

UNITS = Units.collect(["a small vocabulary"])


def hybrid(architecture: str = "conformer", seed: int = 1, **sizes: float) -> CtcModel:
    small = {"width": 32, "layers": 1, "decoder_layers": 2, **sizes}
    return create(ModelConfig(architecture, small, FeatureConfig(num_mels=20)), UNITS, seed).eval()


def decoder_of(model: CtcModel) -> AttentionDecoder:
    assert model.decoder is not None
    return model.decoder


def heard(frames: list[int], seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return pad([torch.randn(count, 20, generator=generator) for count in frames])


def some_texts(lengths: list[int], seed: int = 0) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(1, len(UNITS), (length,), generator=generator).tolist() for length in lengths]


def flat(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    return torch.tensor([unit for text in texts for unit in text]), torch.tensor([len(text) for text in texts])


@torch.inference_mode()
def losses(model: CtcModel, features: Tensor, num_frames: Tensor, texts: list[list[int]]) -> dict[str, Tensor]:
    targets, num_units = flat(texts)
    log_probs, out_frames, *attention = model(features, num_frames, targets, num_units)
    ctc = nn.functional.ctc_loss(
        log_probs.transpose(0, 1), targets, out_frames, num_units, reduction="none", zero_infinity=True
    )
    return model.joint_losses(ctc, attention)


def test_the_loss_is_the_weighted_sum_of_both() -> None:
    texts = some_texts([3, 5])
    for weight in (0.0, 0.3, 0.9):
        model = hybrid(ctc_weight=weight)
        found = losses(model, *heard([60, 48]), texts)
        assert torch.allclose(found["loss"], weight * found["ctc"] + (1 - weight) * found["attention"])
    plain = hybrid(decoder_layers=0)
    assert plain.decoder is None
    assert losses(plain, *heard([60, 48]), texts).keys() == {"loss"}


def test_a_text_too_long_for_its_frames_teaches_nothing() -> None:
    found = losses(hybrid(), *heard([60, 9]), some_texts([3, 8]))
    assert [float(each[1]) for each in found.values()] == [0, 0, 0]
    assert found["loss"][0] > 0


def test_smoothing_is_that_of_torch() -> None:
    model = hybrid(label_smoothing=0.2)
    features, num_frames = heard([60])
    (text,) = some_texts([6])
    found = losses(model, features, num_frames, [text])["attention"]
    with torch.inference_mode():
        log_probs = decoder_of(model)(torch.tensor([[text]]), *model.encode(features, num_frames))[0, 0]
    expected = nn.functional.cross_entropy(log_probs, torch.tensor([*text, 0]), label_smoothing=0.2, reduction="sum")
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(1, 7)), min_size=2, max_size=5),
    st.sampled_from(["transformer", "conformer"]),
    st.integers(0, 1000),
)
def test_padding_and_neighbours_change_no_loss(shapes: list[tuple[int, int]], architecture: str, seed: int) -> None:
    model = hybrid(architecture)
    features, num_frames = heard([frames for frames, _ in shapes], seed)
    texts = some_texts([length for _, length in shapes], seed)
    together = losses(model, features, num_frames, texts)["attention"]
    for place, (frames, _) in enumerate(shapes):
        one = slice(place, place + 1)
        alone = losses(model, features[one, :frames], num_frames[one], texts[one])["attention"]
        assert torch.allclose(together[one], alone, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=3), st.integers(1, 3), st.integers(1, 6), st.integers(0, 1000))
@torch.inference_mode()
def test_unit_by_unit_gives_what_all_at_once_gives(frames: list[int], count: int, length: int, seed: int) -> None:
    model = hybrid(seed=seed)
    decoder = decoder_of(model)
    encoded, out_frames = model.encode(*heard(frames, seed))
    texts = torch.randint(1, len(UNITS), (len(frames), count, length), generator=torch.Generator().manual_seed(seed))
    expected = decoder(texts, encoded, out_frames)
    state = decoder.begin(encoded, out_frames, count)
    given_units = torch.cat([torch.full_like(texts[:, :, :1], BEGIN), texts], dim=2)
    for place in range(length + 1):
        assert torch.allclose(decoder.step(given_units[:, :, place], state), expected[:, :, place], atol=1e-5)
    scores = decoder.score(encoded, out_frames, texts, torch.full(texts.shape[:2], length))
    wanted = torch.cat([texts, torch.zeros_like(texts[:, :, :1])], dim=2)
    by_hand = expected.gather(3, wanted[..., None])[..., 0].sum(dim=2)
    assert torch.allclose(scores, by_hand, atol=1e-4)


@torch.inference_mode()
def test_texts_of_a_state_can_be_taken_in_another_order() -> None:
    model = hybrid()
    decoder = decoder_of(model)
    encoded, out_frames = model.encode(*heard([60, 33, 48]))
    texts = torch.tensor(some_texts([2] * 6)).reshape(3, 2, 2)
    state = decoder.begin(encoded, out_frames, 2)
    decoder.step(torch.full((3, 2), BEGIN), state)
    decoder.step(texts[:, :, 0], state)
    utterances, places = torch.tensor([0, 2]), torch.tensor([[1, 1], [1, 0]])
    found = decoder.step(texts[utterances[:, None], places, 1], state.take(utterances, places))
    expected = decoder(texts, encoded, out_frames)[:, :, 2]
    assert torch.allclose(found, expected[utterances[:, None], places], atol=1e-5)


def test_a_folder_keeps_the_decoder(tmp_path: Path) -> None:
    models = [hybrid(seed=seed, ctc_weight=0.4) for seed in (1, 2)]
    for number, model in enumerate(models):
        save(model, tmp_path / str(number))
    kept = load(tmp_path / "0")
    assert (kept.ctc_weight, kept.config.sizes["decoder_layers"]) == (0.4, 2)
    texts = some_texts([4, 2])
    for name, value in losses(models[0], *heard([60, 50]), texts).items():
        assert torch.equal(losses(kept, *heard([60, 50]), texts)[name], value)
    average([tmp_path / "0", tmp_path / "1"], tmp_path / "mean")
    name = "decoder.output.weight"
    expected = (models[0].state_dict()[name] + models[1].state_dict()[name]) / 2
    assert torch.allclose(load(tmp_path / "mean").state_dict()[name], expected)


@pytest.mark.parametrize("changed", [{"ctc_weight": 1.0}, {"decoder_layers": -1}, {"label_smoothing": 1.5}])
def test_impossible_decoders_are_refused(changed: dict[str, float]) -> None:
    with pytest.raises(InputError, match="sizes of conformer"):
        hybrid(**changed)
