"""What sets the architectures apart: what a frame may see, statistics without padding, streams, examples that build."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import ipl
from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.models.batch_norm import SequenceBatchNorm
from ipl.asr.models.gru_layer import GruLayer
from ipl.asr.models.masks import chunk_mask, draw_chunk
from ipl.asr.models.model import CtcModel, create
from ipl.asr.models.streaming import Stream
from ipl.asr.models.windows import Windows
from ipl.asr.units import Units
from ipl.errors import InputError

UNITS = Units.collect(["a small vocabulary"])
EXAMPLES = sorted((Path(__file__).parents[1] / "examples" / "models").glob("*.yaml"))
ATTENTION = ("transformer", "conformer")


def made(architecture: str, **sizes: float) -> CtcModel:
    small = {"width": 32, "layers": 2, "dropout": 0.1, **sizes}
    return create(ModelConfig(architecture, small, FeatureConfig(num_mels=20)), UNITS, 1).eval()


def noise(frames: int, seed: int = 0) -> Tensor:
    return torch.randn(1, frames, 20, generator=torch.Generator().manual_seed(seed))


def whole(model: CtcModel, features: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(features, torch.tensor([features.shape[1]]))[0][0]


@given(st.integers(1, 40), st.integers(1, 45), st.integers(0, 4))
def test_the_mask_is_that_of_a_plain_loop(length: int, chunk: int, left: int) -> None:
    mask = chunk_mask(length, chunk, left)
    for i in range(length):
        first = max(0, i // chunk - left) * chunk if left else 0
        seen = [first <= j < (i // chunk + 1) * chunk for j in range(length)]
        assert mask[i].tolist() == seen


@pytest.mark.parametrize("length", [1, 2, 3, 20, 400])
def test_a_chunk_is_drawn_short_or_whole(length: int) -> None:
    torch.manual_seed(1)
    drawn = {draw_chunk(length) for _ in range(500)}
    assert all(1 <= chunk <= 25 or chunk == length for chunk in drawn)
    assert length in drawn
    if length == 400:
        assert drawn == {*range(1, 26), 400}


@pytest.mark.parametrize("architecture", ATTENTION)
def test_a_frame_sees_its_chunk_and_the_allowed_ones_before(architecture: str) -> None:
    model = made(
        architecture, chunk_frames=4, left_chunks=1, layers=1, **({"kernel": 3} if "conf" in architecture else {})
    )
    features = noise(96)  # 32 frames after subsampling
    before = whole(model, features)
    for changed, first, last in ((8 * 3 + 1, 8, 16), (16 * 3 + 1, 16, 24)):
        other = features.clone()
        other[0, changed] += 5.0
        moved = (whole(model, other) - before).abs().amax(dim=1) > 1e-6
        assert moved.any()
        assert not moved[: first - 4].any()  # subsampling lets the end of the chunk before see a little ahead
        assert not moved[last + 2 :].any()  # the convolution reaches 2 frames on


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 7), st.integers(0, 3))
def test_windows_are_those_of_a_plain_loop(length: int, chunk: int, ahead: int, left: int) -> None:
    windows = Windows(length, chunk, ahead)
    places = [
        (number, frame, frame >= (number + 1) * chunk)
        for number in range(-(-length // chunk))
        for frame in range(number * chunk, (number + 1) * chunk + ahead)
    ]
    for row, (here, *_) in zip(windows.mask(left).tolist(), places, strict=True):
        before = [n for n in range(here) if not left or n >= here - left]
        assert row == [n == here or (n in before and not is_copy) for n, _, is_copy in places]
    x = torch.randn(2, length, 3)
    assert torch.equal(windows.join(windows.spread(x)), x)
    assert windows.frames.tolist() == [frame for _, frame, _ in places]
    rows = torch.randn(2, 3, len(places))
    past = windows.with_past(rows, 2)
    assert torch.equal(windows.in_row(past[:, :, 2:]), rows)
    own = [place for place, (*_, is_copy) in enumerate(places) if not is_copy]
    for number in range(windows.count):
        before = [0.0] * max(0, 2 - number * chunk) + rows[1, 1, own][
            max(0, number * chunk - 2) : number * chunk
        ].tolist()
        assert past.unflatten(0, (2, -1))[1, number, 1, :2].tolist() == before


@pytest.mark.parametrize("architecture", ATTENTION)
def test_a_chunk_sees_the_frames_ahead_and_no_more_however_deep_the_model(architecture: str) -> None:
    model, features = made(architecture, chunk_frames=4, right_frames=3, layers=4), noise(96)
    before = whole(model, features)
    sees = []
    for frame in range(16, 24):  # after subsampling
        other = features.clone()
        other[0, 3 * frame + 1] += 5.0
        moved = (whole(model, other) - before).abs().amax(dim=1) > 1e-6
        assert moved[frame]
        sees.append(int(moved.nonzero()[0]))
    # Frames 16 to 18 are ahead of the chunk that begins with 12; the change in 19 is heard in 18 by the subsampling.
    assert sees == [12, 12, 12, 12, 16, 16, 16, 16]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(ATTENTION),
    st.integers(1, 9),
    st.integers(0, 3),
    st.integers(0, 6),
    st.integers(0, 1),
    st.integers(1, 4),
    st.integers(1, 150),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_a_stream_gives_what_the_masked_model_gives(
    architecture: str, chunk: int, left: int, right: int, dynamic: int, factor: int, frames: int, pieces: list[int]
) -> None:
    sizes = {"chunk_frames": chunk, "left_chunks": left, "dynamic_chunks": dynamic, "subsampling": factor}
    sizes["right_frames"] = right
    model, features = made(architecture, **sizes), noise(frames)
    stream, heard, found = Stream(model), 0, []
    for piece in pieces:
        found.append(stream.feed(features[0, heard : heard + piece]))
        assert len(found[-1]) % chunk == 0
        heard += piece
    found.append(stream.feed(features[0, heard:], is_last=True))
    expected = whole(model, features)[: -(-frames // factor)]
    assert torch.cat(found).shape == expected.shape
    assert torch.allclose(torch.cat(found), expected, atol=1e-5)


def test_a_stream_keeps_little() -> None:
    model = made("conformer", chunk_frames=4, left_chunks=2)
    stream = Stream(model)
    for step in range(50):
        stream.feed(noise(12, step)[0])
    assert len(stream._features) < 40
    assert all(cache.length <= 12 for cache in stream._caches)


@pytest.mark.parametrize("model", [("conv", {}), ("conformer", {}), ("transformer", {"dynamic_chunks": 1})])
def test_a_model_without_chunks_cannot_stream(model: tuple[str, dict[str, float]]) -> None:
    with pytest.raises(InputError, match="without chunks"):
        Stream(made(model[0], **model[1]))


def test_dynamic_chunks_are_drawn_in_training_alone() -> None:
    model = made("transformer", dynamic_chunks=1, dropout=0.0)
    features, frames = noise(120), torch.tensor([120])
    assert torch.equal(whole(model, features), whole(model, features))
    model.train()
    torch.manual_seed(1)
    assert len({model(features, frames)[0].sum().item() for _ in range(12)}) > 2


def test_statistics_are_those_of_all_frames_but_padding() -> None:
    ours, theirs = SequenceBatchNorm(6), nn.BatchNorm1d(6)
    x, num_frames = torch.randn(3, 8, 6), torch.tensor([8, 1, 5])
    mask = (torch.arange(8) < num_frames[:, None])[:, :, None]
    x = torch.where(mask, x, 77.0)
    for _ in range(3):
        found, expected = ours(x, mask), theirs(x[mask[:, :, 0]])
        assert torch.allclose(found[mask[:, :, 0]], expected, atol=1e-5)
    assert torch.allclose(ours.running_mean, theirs.running_mean, atol=1e-6)
    ours.eval()
    theirs.running_var.copy_(ours.running_variance)  # torch's is unbiased, by one frame in 14
    assert torch.allclose(ours(x, mask)[mask[:, :, 0]], theirs.eval()(x[mask[:, :, 0]]), atol=1e-5)
    before = ours.running_mean.clone()
    ours.train()(x, torch.zeros_like(mask))
    assert torch.equal(ours.running_mean, before)


def test_padding_changes_no_statistics_of_a_training_step() -> None:
    features, frames = torch.randn(2, 60, 20), torch.tensor([60, 31])
    longer = nn.functional.pad(features, (0, 0, 0, 30), value=9.0)
    models = [made("deep_speech_2", channels=4, dropout=0.0).train() for _ in range(2)]
    found = [model(x, frames)[0] for model, x in zip(models, (features, longer), strict=True)]
    for place, length in enumerate((20, 11)):
        assert torch.allclose(found[0][place, :length], found[1][place, :length], atol=1e-4)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_recurrent_layer_is_that_of_packed_sequences(bidirectional: bool) -> None:
    ours, theirs = GruLayer(5, 7, bidirectional), nn.GRU(5, 7, batch_first=True, bidirectional=bidirectional)
    theirs.load_state_dict(ours.state_dict())
    x, num_frames = torch.randn(4, 9, 5), torch.tensor([4, 9, 0, 1])
    mask = (torch.arange(9) < num_frames[:, None])[:, :, None]
    packed = pack_padded_sequence(x, num_frames.clamp(min=1), batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(theirs(packed)[0], batch_first=True)[0] * mask
    found = ours(x, num_frames) * mask
    assert torch.allclose(found, expected, atol=1e-6)
    for each in (found, expected):
        each.square().sum().backward()  # type: ignore[no-untyped-call]
    for own, right in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert own.grad is not None
        assert right.grad is not None
        assert torch.allclose(own.grad, right.grad, atol=1e-5)


def test_what_is_heard_comes_through_all_gates_of_a_new_model() -> None:
    model = create(ModelConfig("wav2letter"), UNITS, 1).eval()
    features = torch.randn(1, 200, 80, generator=torch.Generator().manual_seed(0))
    found: list[Tensor] = []
    model.encoder.norm.register_forward_hook(lambda module, inputs, output: found.append(inputs[0][0]))
    whole(model, features)
    assert 0.1 < float(found[0].std(dim=0).mean()) < 10  # over frames; without a way around them 0.0006


def test_the_forward_model_sees_no_further_than_its_lookahead() -> None:
    model = made("deep_speech_2", channels=4, lookahead=3)
    features = noise(150)
    changed = features.clone()
    changed[0, 120:] += 3.0  # frame 40 after subsampling
    moved = (whole(model, features) - whole(model, changed)).abs().amax(dim=1) > 1e-6
    reach = 3 + 5 + 2  # lookahead, second convolution, first one in subsampled frames
    assert not moved[: 40 - reach].any()
    assert moved[40 - 3 :].all()
    both = made("deep_speech_2", channels=4)
    assert ((whole(both, features) - whole(both, changed)).abs().amax(dim=1) > 1e-6)[: 40 - reach].any()


@pytest.mark.parametrize(
    "changed", [{"heads": 3}, {"width": 36}, {"chunk_frames": -1}, {"left_chunks": 0.5}, {"right_frames": 2}]
)
def test_impossible_attention_is_refused(changed: dict[str, float]) -> None:
    with pytest.raises(InputError, match="sizes of conformer"):
        made("conformer", **changed)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_builds_and_trains_a_step(example: Path) -> None:
    (cycle,) = ipl.check(example).cycles
    scratch = cycle.roles["initializer"].make()
    features = FeatureConfig(scratch.sample_rate_hz, scratch.num_mels, scratch.normalise)
    model = create(ModelConfig(scratch.architecture, scratch.sizes, features), UNITS, 1).train()
    x, frames = torch.randn(2, 60, scratch.num_mels), torch.tensor([60, 45])
    targets, lengths = torch.tensor([2, 3, 4, 5]), torch.tensor([2, 2])
    log_probs, out_frames, *attention = model(x, frames, targets, lengths)
    ctc = nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, out_frames, lengths, reduction="none")
    assert bool(attention) == ("decoder_layers" in scratch.sizes)
    model.joint_losses(ctc, attention)["loss"].sum().backward()
    assert all(each.grad is not None and each.grad.isfinite().all() for each in model.parameters())
    assert any(each.grad.any() for each in model.encoder.parameters())


def test_every_architecture_has_an_example_but_the_default_and_its_like() -> None:
    text = "".join(example.read_text(encoding="utf-8") for example in EXAMPLES)
    for architecture in ("deep_speech_2", "wav2letter", "transformer", "conformer"):
        assert f"architecture: {architecture}" in text
