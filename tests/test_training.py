"""The training core in this process: it learns, counts what it leaves out, and says when it diverges."""

import json
import re
import resource
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ipl.asr.models.store import load, read_weights
from ipl.asr.unit_kinds import learn
from ipl.errors import InputError, StageError
from ipl.schemas import INDEX
from ipl.tables import Index, write_table
from ipl.training import checkpoint
from ipl.training.batches import read_steps
from ipl.training.communication import World
from ipl.training.data import TrainingSet, ahead
from ipl.training.job import Job, TrainingOptions
from ipl.training.learner import Learner
from ipl.training.loop import train
from ipl.training.optimizers import learning_rate
from ipl.training.results import epoch_results, read_lines
from ipl.training.skipped import Skipped

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import make_job, utterances

PLAIN = {"spec_augment": False, "speeds": (1.0,)}


def weights_of(job):
    return (max(job.out_dir.glob("step-*")) / "model.safetensors").read_bytes()


def test_it_learns_letters_spelt_as_tones(tmp_path):
    job = make_job(tmp_path, epochs=15, batch_seconds=6.0, **PLAIN)
    train(job, World())
    errors = [result.metrics["dev_error"] for result in epoch_results(job.out_dir)]
    assert len(errors) == 15
    assert errors[0] > 0.5
    assert errors[-1] < 0.15


@pytest.mark.parametrize("kind", ["bigrams", "sentencepiece", "mixed"])
def test_it_learns_in_longer_units(tmp_path, kind):
    texts = [row.text for row in utterances(60, seed=0)]
    units = learn(kind, texts, 24)
    job = make_job(tmp_path, units=units, epochs=6, batch_seconds=6.0, **PLAIN)
    train(job, World())
    results = epoch_results(job.out_dir)
    assert results[-1].metrics["loss"] < 0.8 * results[0].metrics["loss"]
    assert load(results[-1].path).units == units
    metrics = results[-1].metrics
    num_units = sum(len(units.encode(row.text)) + 1 for row in utterances(40, seed=0))
    assert metrics["too_short"] == 0
    assert TrainingSet(job, load(job.student).config, units, Skipped(tmp_path, 0)).num_units.sum() == num_units


def test_an_epoch_leaves_weights_metrics_and_scalars(tmp_path):
    job = make_job(tmp_path, epochs=2)
    train(job, World())
    results = epoch_results(job.out_dir)
    for result in results:
        assert load(result.path).units == load(job.student).units
    lines = list(read_lines(job.out_dir / "metrics.jsonl"))
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [0, 1]
    assert {"loss", "grad_norm", "learning_rate"} <= next(line for line in lines if line["event"] == "step").keys()
    assert list((job.out_dir / "tensorboard").glob("events.out.tfevents.*"))
    assert (job.out_dir / "skipped.jsonl").read_text() == ""
    assert [(folder / "trainer.pt").exists() for folder in (results[0].path, results[1].path)] == [False, True]


def test_keep_takes_away_the_weights_of_older_epochs_but_the_best(tmp_path):
    job = make_job(tmp_path, epochs=5, keep=2)
    train(job, World())
    results = epoch_results(job.out_dir)
    kept = {result.epoch for result in results if (result.path / "config.json").exists()}
    best = min(results, key=lambda result: result.metrics["dev_error"])
    assert len(results) == 5
    assert kept == {best.epoch, 3, 4}


def test_what_is_left_out_is_counted_and_named(tmp_path):
    rows = list(utterances(12, seed=0))
    rows[1] = replace(rows[1], num_samples=0)
    rows[2] = replace(rows[2], text="ab?ζ")
    rows[3] = replace(rows[3], text=" ?! ")
    rows[4] = replace(rows[4], audio=b"no audio at all")
    rows[5] = replace(rows[5], text="abcde" * 80)
    rows[6] = replace(rows[6], text=None)
    job = make_job(tmp_path, rows, epochs=2, **PLAIN)
    train(job, World())
    skipped = {line["utt_id"]: line["reason"] for line in read_lines(job.out_dir / "skipped.jsonl")}
    assert skipped == {
        "utt-001": "no_audio",
        "utt-002": "unknown_characters",
        "utt-003": "no_text",
        "utt-004": "unreadable_audio",
        "utt-005": "too_short_for_text",
        "utt-006": "no_text",
    }
    metrics = epoch_results(job.out_dir)[-1].metrics
    assert (metrics["skipped"], metrics["too_short"], metrics["utterances"]) == (6, 1, 7)


def test_a_rank_with_nothing_to_learn_from_takes_part(tmp_path):
    first, *others = utterances(3, seed=0)
    job = make_job(tmp_path, [first, *(replace(row, text=None) for row in others)], batch_seconds=0.1, epochs=1)
    train(job, World())
    metrics = epoch_results(job.out_dir)[0].metrics
    assert (metrics["utterances"], metrics["skipped"]) == (1, 2)


def test_a_training_with_nothing_to_learn_from_is_refused(tmp_path):
    job = make_job(tmp_path, [replace(row, text="xyz") for row in utterances(3, seed=0)], epochs=1)
    with pytest.raises(InputError, match=r"none of its 3 utterances .* the first, utt-000, unknown_characters, 'xyz'"):
        train(job, World())


def test_what_is_learned_depends_neither_on_the_cache_nor_on_threads(tmp_path):
    made = set()
    ways = [
        {"cache": "none"},
        {"cache": "memory", "cache_mb": 1},
        {"cache": "memory"},
        {"cache": "disk", "loader_threads": 3},
        {"cache": "disk", "cache_dir": tmp_path / "kept"},
        {"cache": "disk", "cache_dir": tmp_path / "kept"},  # full now
    ]
    for number, way in enumerate(ways):
        job = make_job(tmp_path / str(number), epochs=2, noise_share=0.3, **way)
        train(job, World())
        made.add(weights_of(job))
        assert not (job.out_dir / "features").exists()
    assert len(made) == 1


def test_divergence_stops_with_the_last_good_checkpoint_named(tmp_path, monkeypatch):
    job = make_job(tmp_path, epochs=3, checkpoint_steps=1)
    broken = iter(range(100))

    class Diverging(Learner):
        def learn(self, batch, step, learning_rate):
            if next(broken) >= 4:
                batch = replace(batch, features=batch.features * float("nan"))
            return super().learn(batch, step, learning_rate)

    monkeypatch.setattr("ipl.training.loop.Learner", Diverging)
    # The gradient from the weights after step 4 was no number: that they are good nothing has shown.
    with pytest.raises(StageError, match=r"diverged.*step-000003.*learning_rate"):
        train(job, World())


def test_the_checkpoint_that_is_named_good_gives_numbers(tmp_path):
    job = make_job(tmp_path, epochs=8, checkpoint_steps=1, batch_seconds=6.0, clip_norm=1e30, **PLAIN)
    spoilt = iter(range(100))

    class Diverging(Learner):
        def learn(self, batch, step, learning_rate):
            return super().learn(batch, step, 1e30 if next(spoilt) == 5 else 1e-3)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ipl.training.loop.Learner", Diverging)
        with pytest.raises(StageError, match="diverged") as raised:
            train(job, World())
    good = Path(re.search(r"good checkpoint: (\S+);", str(raised.value))[1])
    weights = read_weights(good / "model.safetensors")
    assert good.name == "step-000005"
    assert all(float(each.float().abs().max()) < 100 for each in weights.values())


def test_a_bad_step_changes_nothing(tmp_path):
    job = make_job(tmp_path, epochs=1)
    model = load(job.student)
    learner = Learner(model, job, World(), Skipped(job.out_dir, 0))
    data = TrainingSet(job, model.config, model.units, Skipped(job.out_dir, 0))
    batch = data.batch(0, 0, read_steps(job.batches, 0, 1)[0], 0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    _, norm = learner.learn(replace(batch, features=batch.features + float("inf")), 0, 1e-3)
    assert not np.isfinite(norm)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_two_batches_apart_count_as_much_as_together(tmp_path):
    """The mean of the gradients of two ranks with uneven batches is the gradient of both batches at once."""
    job = make_job(
        tmp_path,
        epochs=1,
        ranks=2,
        weight_decay=0.0,
        clip_norm=1e9,
        sizes={"width": 32, "layers": 1, "dropout": 0.0},
        **PLAIN,
    )
    model = load(job.student)
    data = TrainingSet(job, model.config, model.units, Skipped(job.out_dir, 0))
    step = [[0, 1, 2, 3, 4, 5, 6], [7, 8]]

    def gradients(batch, size):
        learner = Learner(model, job, World(), Skipped(job.out_dir, 0))
        learner.world = World(size=1)
        losses = learner._losses(batch)["loss"]
        loss = losses.sum() * (size / batch.step_units)
        return torch.autograd.grad(loss, list(model.parameters()))

    apart = [gradients(data.batch(0, 0, step, rank), 2) for rank in (0, 1)]
    together = gradients(data.batch(0, 0, [step[0] + step[1]], 0), 1)
    for first, second, whole in zip(*apart, together, strict=True):
        assert torch.allclose((first + second) / 2, whole, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("schedule", ["cosine", "inverse_sqrt", "hold_decay", "constant"])
@pytest.mark.parametrize("warmup_share", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("total", [1, 7, 200])
def test_the_learning_rate_rises_once_and_never_leaves_its_range(schedule, warmup_share, total):
    options = TrainingOptions(learning_rate=2.0, schedule=schedule, warmup_share=warmup_share)
    rates = [learning_rate(step, total, options) for step in range(total)]
    assert all(0 < rate <= 2.0 for rate in rates)
    top = rates.index(max(rates))
    assert max(rates) == 2.0
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_ahead_keeps_the_order_and_raises_what_is_raised():
    assert list(ahead(lambda place: place * place, range(20))) == [place * place for place in range(20)]
    assert list(ahead(lambda place: place, [])) == []
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda place: 1 // (3 - place), range(5)))


def test_batches_for_other_ranks_are_refused(tmp_path):
    job = make_job(tmp_path, epochs=1, ranks=2)
    with pytest.raises(InputError, match="not for 1 ranks"):
        read_steps(job.batches, 0, 1)
    with pytest.raises(InputError, match="epoch-007"):
        read_steps(job.batches, 7, 2)


def test_a_dev_set_without_text_is_refused(tmp_path):
    from ipl.schemas import UTTERANCES

    job = make_job(tmp_path, epochs=1)
    rows = [replace(row, text=None) for row in utterances(3, seed=1)]
    write_table(tmp_path / "dev" / "part-0.parquet", rows, UTTERANCES)
    with pytest.raises(InputError, match=r"dev: .*no utterance has a text"):
        train(job, World())


@pytest.mark.parametrize(
    ("option", "value"),
    [("epochs", 0), ("ranks", 0), ("learning_rate", 0.0), ("warmup_share", 1.5), ("speeds", ()), ("noise_share", 2)],
)
def test_options_out_of_range_are_refused(option, value):
    with pytest.raises(ValueError, match=option):
        TrainingOptions(**{option: value})


def test_of_a_row_a_few_bytes_are_kept_in_memory(tmp_path):
    job, count = make_job(tmp_path, epochs=1), 20_000
    (first, *_) = Index(job.index).read_rows(*INDEX.names)
    rows = (first | {"utt_id": f"utt-{number}", "text": "abc de " * 9} for number in range(count))
    write_table(job.index / "index.parquet", rows, INDEX)
    model, skipped = load(job.student), Skipped(job.out_dir, 0)
    tracemalloc.start()
    data = TrainingSet(job, model.config, model.units, skipped)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.num_units.sum() == count * len(" ".join(["abc de"] * 9) + ".")
    assert kept < 16 * count


def test_a_job_survives_its_file_and_refuses_another_one(tmp_path):
    job = make_job(tmp_path, epochs=1, cache_dir=tmp_path / "cache", noise_snr_db=(3.0, 4.0))
    job.save()
    assert Job.load(job.path) == job
    job.save()
    with pytest.raises(InputError, match=r"other values of epochs, seed"):
        replace(job, seed=2, options=replace(job.options, epochs=2)).save()
    job.path.write_text(json.dumps({"options": {}}))
    with pytest.raises(InputError, match="no training job"):
        Job.load(job.path)


def test_weights_of_a_checkpoint_are_those_of_the_model(tmp_path):
    job = make_job(tmp_path, epochs=1)
    model = load(job.student)
    folder = checkpoint.save(job.out_dir, model, checkpoint.Position(epoch=1, step=5), {}, {"dev_error": 0.5})
    assert all(
        torch.equal(model.state_dict()[name], tensor)
        for name, tensor in read_weights(folder / "model.safetensors").items()
    )


def test_a_checkpoint_that_cannot_be_written_leaves_the_older_one(tmp_path):
    job = make_job(tmp_path, epochs=1)
    model, limits = load(job.student), resource.getrlimit(resource.RLIMIT_FSIZE)
    older = checkpoint.save(job.out_dir, model, checkpoint.Position(step=1), {}, None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(StageError, match=r"step-000002: the checkpoint cannot be written.*make room"):
            checkpoint.save(job.out_dir, model, checkpoint.Position(step=2), {}, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoint.latest(job.out_dir) == older
    assert not list(job.out_dir.glob(".step-*"))
