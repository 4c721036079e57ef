"""A hybrid goes through the training core: both heads learn, with several ranks too, and a checkpoint keeps both."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.models.model import create
from ipl.asr.models.store import load, save
from ipl.asr.units import Units
from ipl.training.communication import World
from ipl.training.job import Job
from ipl.training.launch import run
from ipl.training.loop import train
from ipl.training.results import epoch_results

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import LETTERS, RATE, make_job


def hybrid_job(folder: Path, **options: object) -> Job:
    job = make_job(folder, **options)
    sizes = {"width": 32, "layers": 1, "subsampling": 2, "decoder_layers": 1}
    config = ModelConfig("conformer", sizes, FeatureConfig(sample_rate_hz=RATE, num_mels=40))
    save(create(config, Units.collect([LETTERS]), seed=3), job.student)
    return job


def learnt(job: Job) -> dict[str, float]:
    """How far each part of the model moved."""
    before, after = load(job.student).state_dict(), load(epoch_results(job.out_dir)[-1].path).state_dict()
    parts = {name.split(".")[0] for name in before}
    return {
        part: sum(float((after[name] - before[name]).abs().sum()) for name in before if name.startswith(part))
        for part in parts
    }


def test_both_heads_learn(tmp_path: Path) -> None:
    job = hybrid_job(tmp_path, epochs=3, batch_seconds=6.0)
    train(job, World())
    results = epoch_results(job.out_dir)
    assert results[-1].metrics["loss"] < 0.9 * results[0].metrics["loss"]
    metrics = results[-1].metrics
    assert metrics["loss"] == pytest.approx(0.3 * metrics["ctc_loss"] + 0.7 * metrics["attention_loss"], rel=1e-4)
    moved = learnt(job)
    assert moved.keys() == {"encoder", "output", "decoder"}
    assert all(each > 0 for each in moved.values())


def test_two_ranks_train_one_model(tmp_path: Path) -> None:
    job = hybrid_job(tmp_path, epochs=1, ranks=2)
    job.save()
    assert len(list(run(job))) == 1
    assert learnt(job)["decoder"] > 0
