"""Ranks that share out the optimizer or the model learn the same, and go on as another number of ranks."""

import sys
from pathlib import Path

import pytest
import torch

from ipl.asr.models.store import read_weights
from ipl.training import checkpoint
from ipl.training.job import TrainingOptions
from ipl.training.results import epoch_results

sys.path.insert(0, str(Path(__file__).parent))
from helpers_ranks import train_on
from helpers_training import make_job

PLAIN = {
    "epochs": 3,
    "ranks": 2,
    "batch_seconds": 4.0,
    "spec_augment": False,
    "speeds": (1.0,),
    "sizes": {"width": 32, "layers": 2, "dropout": 0.0},
}


def weights_of(job):
    return read_weights(epoch_results(job.out_dir)[-1].path / "model.safetensors")


def assert_alike(job, other):
    ours, theirs = weights_of(job), weights_of(other)
    assert ours.keys() == theirs.keys()
    for name, weights in ours.items():
        assert torch.allclose(weights, theirs[name], rtol=1e-2, atol=2e-4), name


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    job = make_job(tmp_path_factory.mktemp("plain"), **PLAIN)
    train_on(job, 2)
    return job


@pytest.mark.parametrize("sharding", ["zero1", "fsdp"])
def test_begun_on_two_ranks_it_goes_on_on_four_and_on_one_as_if_nothing_were_shared(tmp_path, plain, sharding):
    job = make_job(tmp_path, **PLAIN, sharding=sharding)
    train_on(job, 2, stop_before_epoch=1)
    train_on(job, 4, stop_before_epoch=2)
    train_on(job, 1)
    assert [result.epoch for result in epoch_results(job.out_dir)] == [0, 1, 2]
    assert_alike(job, plain)
    _, ours = checkpoint.read_state(checkpoint.latest(job.out_dir))
    _, theirs = checkpoint.read_state(checkpoint.latest(plain.out_dir))
    assert ours["optimizer"]["state"].keys() == theirs["optimizer"]["state"].keys()


def test_begun_on_one_rank_it_goes_on_on_two_that_share(tmp_path, plain):
    job = make_job(tmp_path, **PLAIN, sharding="zero1")
    train_on(job, 1, stop_before_epoch=1)
    train_on(job, 2)
    assert_alike(job, plain)


def test_a_batch_in_parts_is_learned_as_one_and_sent_once(tmp_path, plain):
    job = make_job(tmp_path, **PLAIN, accumulate=3)
    train_on(job, 2)
    assert_alike(job, plain)
    ours, theirs = (epoch_results(each.out_dir)[-1].metrics for each in (job, plain))
    assert ours["sent_bytes"] == theirs["sent_bytes"] > 0
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"sharding": "fsdp", "compression": "fp16"},
        {"sharding": "fsdp", "compile": True},
        {"sharding": "zero1", "compression": "onebit"},
    ],
)
def test_what_does_not_go_together_is_refused(options):
    with pytest.raises(ValueError, match="as sharding is"):
        TrainingOptions(**options)
