"""What options make of a training: moving averages, mixed precision, doubtful texts, a compiled model, divergence."""

import shutil
import sys
from pathlib import Path

import pytest
import torch

from ipl.asr.models.store import load, read_weights
from ipl.errors import InputError, StageError
from ipl.training import checkpoint
from ipl.training.batches import read_steps
from ipl.training.communication import World
from ipl.training.data import TrainingSet
from ipl.training.ema import WeightAverage
from ipl.training.job import TrainingOptions
from ipl.training.learner import Learner
from ipl.training.loop import train
from ipl.training.parts import deal, split
from ipl.training.results import epoch_results
from ipl.training.skipped import Skipped

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import make_job, utterances

PLAIN = {"spec_augment": False, "speeds": (1.0,), "sizes": {"width": 32, "layers": 1, "dropout": 0.0}}


def learner_of(job):
    skipped = Skipped(job.out_dir, 0)
    model = load(job.student)
    data = TrainingSet(job, model.config, model.units, skipped)
    return Learner(model, job, World(), skipped), data.batch(0, 0, read_steps(job.batches, 0, 1)[0], 0)


def newest(job):
    return checkpoint.latest(job.out_dir)


def test_the_average_is_what_a_checkpoint_shows_and_training_goes_on_with_the_weights(tmp_path):
    plain, averaged = make_job(tmp_path / "plain", epochs=2), make_job(tmp_path / "ema", epochs=2, ema_decay=0.9)
    train(plain, World())
    train(averaged, World())
    _, state = checkpoint.read_state(newest(averaged))
    own, shown = read_weights(newest(plain) / "model.safetensors"), read_weights(newest(averaged) / "model.safetensors")
    assert all(torch.equal(state["weights"][name], each) for name, each in own.items())
    assert any(not torch.equal(shown[name], each) for name, each in own.items())
    assert epoch_results(averaged.out_dir)[1].metrics["loss"] == epoch_results(plain.out_dir)[1].metrics["loss"]


def test_an_average_is_taken_in_float32_of_weights_of_any_kind():
    layer = torch.nn.Linear(2, 1, bias=False).bfloat16()
    average = WeightAverage(layer, decay=0.5)
    expected = layer.weight.detach().float().clone()
    for step, value in enumerate([1.0, 1.001, 1.002]):
        layer.weight.data.fill_(value)
        average.update(layer, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * layer.weight.detach().float()
    assert average.weights["weight"].dtype == torch.float32
    assert torch.allclose(average.weights["weight"], expected)


# The scaler of fp16 leaves out steps until it has found its scale: of so short a training it loses a good part.
@pytest.mark.parametrize(("amp", "dtype", "off"), [("bf16", torch.bfloat16, 0.15), ("fp16", torch.float16, 0.5)])
def test_mixed_precision_learns_nearly_the_same(tmp_path, amp, dtype, off):
    plain, mixed = make_job(tmp_path / "plain", epochs=2, **PLAIN), make_job(tmp_path / amp, epochs=2, amp=amp, **PLAIN)
    train(plain, World())
    train(mixed, World())
    losses = [epoch_results(job.out_dir)[-1].metrics["loss"] for job in (plain, mixed)]
    assert losses[1] == pytest.approx(losses[0], rel=off)
    assert losses[1] < epoch_results(mixed.out_dir)[0].metrics["loss"]
    learner, _ = learner_of(mixed)
    assert learner.amp == dtype
    assert learner.scaler.is_enabled() == (amp == "fp16")


def test_parts_are_the_whole_and_their_gradient_is_its_gradient(tmp_path):
    gradients = []
    for parts in (1, 3, 100):
        job = make_job(tmp_path / str(parts), epochs=1, accumulate=parts, clip_norm=1e9, **PLAIN)
        learner, batch = learner_of(job)
        found = split(batch, parts)
        assert [row for part in found for row in part.rows] == batch.rows
        assert torch.equal(torch.cat([part.targets for part in found]), batch.targets)
        assert len(found) == min(parts, len(batch.rows))
        learner.optimizer.zero_grad = lambda set_to_none: None
        learner.learn(batch, 0, 0.0)
        gradients.append([each.grad for each in learner.model.parameters()])
    for others in gradients[1:]:
        for whole, parts in zip(gradients[0], others, strict=True):
            assert torch.allclose(whole, parts, rtol=1e-3, atol=1e-5)


def test_rows_dealt_out_anew_are_all_there_once():
    step = [[1, 2, 3], [4], [5, 6]]
    for ranks in range(1, 9):
        dealt = deal(step, ranks)
        assert len(dealt) == ranks
        assert sorted(row for rows in dealt for row in rows) == [1, 2, 3, 4, 5, 6]


def test_only_texts_that_are_not_labelled_are_doubted_and_less_is_asked_from_epoch_to_epoch(tmp_path):
    rows = [*utterances(6, seed=0), *utterances(6, seed=1, name="weak", origin="mined")]
    prices = {"otc_substitution": 1.0, "otc_insertion": 1.0, "otc_deletion": 1.0, "otc_decay": 0.5}
    jobs = [make_job(tmp_path / loss, rows, epochs=1, loss=loss, **prices, **PLAIN) for loss in ("ctc", "otc")]
    losses = []
    for job in jobs:
        learner, batch = learner_of(job)
        weak = torch.tensor([name.startswith("weak") for name in batch.utt_ids])
        assert 0 < weak.sum() < len(weak)
        for epoch in (0, 3):
            learner.text_loss.begin_epoch(epoch)
            losses.append(learner._losses(batch)["loss"].detach())
    ctc, _, otc, later = losses
    assert torch.equal(ctc[~weak], otc[~weak])
    assert (otc[weak] < ctc[weak]).all()
    assert (later[weak] < otc[weak]).all()
    train(jobs[1], World())
    assert epoch_results(jobs[1].out_dir)


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler here")
def test_a_compiled_model_gives_the_same_losses(tmp_path):
    plain, compiled = (make_job(tmp_path / str(flag), epochs=1, compile=flag, **PLAIN) for flag in (False, True))
    (first, batch), (second, _) = learner_of(plain), learner_of(compiled)
    with torch.no_grad():
        assert torch.allclose(first._losses(batch)["loss"], second._losses(batch)["loss"], rtol=1e-3)
    assert first.model.state_dict().keys() == second.model.state_dict().keys()


def test_without_a_compiler_compiling_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match=r"compile: found no C\+\+ compiler: no no-such-compiler .* compile: false"):
        learner_of(make_job(tmp_path, epochs=1, compile=True))


def test_a_loss_that_grows_without_end_stops_before_the_last_good_checkpoint_is_lost(tmp_path, monkeypatch):
    job = make_job(tmp_path, epochs=4, keep=1, **PLAIN)
    rate = "ipl.training.loop.learning_rate"
    monkeypatch.setattr(rate, lambda step, total, options: 1e-3 if step < 6 else 30.0)
    said = r"training diverged: the mean loss of epoch \d .*once it was .*step-0.*learning_rate"
    with pytest.raises(StageError, match=said):
        train(job, World())
    good = epoch_results(job.out_dir)
    assert good
    assert newest(job) == good[-1].path


@pytest.mark.parametrize(
    "option", [{"accumulate": 0}, {"ema_decay": 1.0}, {"otc_decay": 0.0}, {"otc_deletion": -1.0}, {"processes": -1}]
)
def test_options_out_of_range_are_refused(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        TrainingOptions(**option)
