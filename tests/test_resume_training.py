"""A training that is killed and started again ends with the same bytes as one that was left alone."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ipl.asr.models.store import read_weights
from ipl.schemas import BATCHES
from ipl.tables import write_table
from ipl.training import checkpoint
from ipl.training.batches import read_steps
from ipl.training.communication import World
from ipl.training.job import TrainingOptions
from ipl.training.launch import run
from ipl.training.learner import Learner
from ipl.training.loop import train
from ipl.training.results import checkpoint_folders, epoch_results, read_lines

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import RUN_JOB, make_job, ranks_of

EPOCHS, RANKS = 4, 2


class Killed(BaseException):
    """Stands in for a kill inside this process: nothing of the training may catch it."""


def outcome(job):
    """All that a training leaves but times: weights and metrics of every epoch, lines, skipped utterances."""
    results = epoch_results(job.out_dir)
    return (
        [(result.epoch, result.step, (result.path / "model.safetensors").read_bytes()) for result in results],
        [result.metrics for result in results],
        [line | {"time": 0} for line in read_lines(job.out_dir / "metrics.jsonl")],
        (job.out_dir / "skipped.jsonl").read_text(),
    )


def options(**more):
    return {"epochs": EPOCHS, "batch_seconds": 4.0, "checkpoint_steps": 3, **more}


@pytest.mark.parametrize("place", ["before the step", "in the checkpoint", "after the rename"])
def test_cut_short_anywhere_and_gone_on_is_bit_identical(tmp_path, monkeypatch, place):
    whole = make_job(tmp_path / "whole", **options())
    train(whole, World())
    job = make_job(tmp_path / "cut", **options())
    count = random.Random(place)
    left = [count.randrange(1, 20) for _ in range(4)]

    def die_sometimes():
        left[0] -= 1
        if left[0] == 0:
            left.pop(0)
            raise Killed

    def killing(function, after):
        def wrapped(*args, **kwargs):
            if len(left) > 1 and not after:
                die_sometimes()
            result = function(*args, **kwargs)
            if len(left) > 1 and after:
                die_sometimes()
            return result

        return wrapped

    if place == "before the step":
        monkeypatch.setattr(Learner, "learn", killing(Learner.learn, after=False))
    elif place == "in the checkpoint":
        left[:] = [2, 3, 1, 1]
        monkeypatch.setattr("ipl.training.checkpoint.torch.save", killing(torch.save, after=True))
    else:
        left[:] = [1, 3, 2, 1]
        monkeypatch.setattr(checkpoint, "tidy", killing(checkpoint.tidy, after=False))
    kills = 0
    while True:
        try:
            train(job, World())
            break
        except Killed:
            kills += 1
    assert kills == 3
    assert outcome(job) == outcome(whole)
    newest = checkpoint_folders(job.out_dir)[-1]
    assert [path.parent for path in job.out_dir.glob("step-*/trainer.pt")] == [newest]
    assert not list(job.out_dir.glob(".step-*"))


@pytest.mark.parametrize("compression", ["none", "powersgd", "onebit"])
def test_two_ranks_killed_together_then_one_of_them_end_with_the_same_bytes(tmp_path, compression):
    compressed = {"ranks": RANKS, "compression": compression}
    whole = make_job(tmp_path / "whole", **options(**compressed))
    assert len(list(run(whole))) == EPOCHS

    job = make_job(tmp_path / "killed", **options(**compressed))
    job.save()
    process = subprocess.Popen([sys.executable, "-c", RUN_JOB, str(job.path)])
    wait_for(lambda: len(list(read_lines(job.out_dir / "metrics.jsonl"))) >= 2)
    time.sleep(random.uniform(0, 0.3))
    process.kill()
    process.wait()
    wait_for(lambda: not ranks_of(job), seconds=5)  # they end with the process that started them
    assert len(epoch_results(job.out_dir)) < EPOCHS

    results, lost = [], None
    for result in run(job):
        if lost is None and (ranks := ranks_of(job)):
            lost = ranks[-1]
            os.kill(lost, signal.SIGKILL)  # torchrun starts both again
        results.append(result.epoch)
    assert lost is not None
    assert results == list(range(EPOCHS))
    assert outcome(job) == outcome(whole)
    assert not list(job.out_dir.glob("failure-*"))


def test_two_ranks_learn_what_one_learns_from_the_batches_of_both(tmp_path):
    plain = {"epochs": 1, "spec_augment": False, "speeds": (1.0,), "sizes": {"width": 32, "layers": 1, "dropout": 0.0}}
    two, one = make_job(tmp_path / "two", ranks=2, **plain), make_job(tmp_path / "one", **plain)
    steps = read_steps(two.batches, 0, 2)
    rows = [
        {"epoch": 0, "step": step, "rank": 0, "rows": [row for rows in by_rank for row in rows]}
        for step, by_rank in enumerate(steps)
    ]
    write_table(one.batches / "epoch-000.parquet", rows, BATCHES)
    train(one, World())
    (result,) = run(two)
    ours, theirs = (read_weights(job.out_dir / result.path.name / "model.safetensors") for job in (one, two))
    for name, weights in ours.items():
        assert torch.allclose(weights, theirs[name], rtol=1e-2, atol=1e-4), name


def test_two_nodes_learn_what_two_ranks_of_one_learn(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"nodes": 2, "rendezvous": f"127.0.0.1:{port}"}
    one, two = (
        make_job(tmp_path / name, **options(ranks=2) | {"epochs": 1} | of)
        for name, of in (("one", {}), ("two", meeting))
    )
    list(run(one))
    two.save()
    other = subprocess.Popen([sys.executable, "-m", "ipl.training.node", str(two.path)])
    try:
        list(run(two))
        assert other.wait(60) == 0
    finally:
        other.kill()
    assert outcome(two)[0] == outcome(one)[0]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"nodes": 2}, "nodes: found 2, expected a divisor of the 1 process"), ({"nodes": 2, "ranks": 2}, "rendezvous")],
)
def test_nodes_that_cannot_meet_are_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        TrainingOptions(**wrong)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
