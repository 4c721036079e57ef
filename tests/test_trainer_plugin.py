"""The trainer `ddp` through its hook: results as epochs end, again after a restart, errors in one line."""

import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from ipl_plugins.trainers import DdpTrainer

from ipl.asr.models.reference import model_ref
from ipl.asr.models.store import load
from ipl.errors import InputError, StageError
from ipl.records import Cycle
from ipl.registry import Registry, implement
from ipl.schemas import UTTERANCES
from ipl.tables import Dataset, Index, write_table
from ipl.training.job import TrainingOptions

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import make_job, utterances


def results_of(job, **changes):
    plugin = DdpTrainer(**asdict(replace(job.options, **changes)))
    return implement("trainer", [plugin])(
        cycle=Cycle(0, "cycle-000", job.seed),
        student=model_ref(job.student),
        index=Index(job.index),
        batches=job.batches,
        dev=Dataset.at(*job.dev),
        out_dir=job.out_dir,
    )


def test_epochs_are_yielded_and_again_without_training_when_all_is_done(tmp_path):
    loading = {"cache": "disk", "cache_dir": tmp_path / "kept", "noise_share": 0.5, "loader_threads": 2}
    job = make_job(tmp_path, epochs=2, ranks=2, compression="fp16", **loading)
    first = list(results_of(job))
    assert len(list((tmp_path / "kept").glob("*.features"))) == 1
    assert [result.epoch for result in first] == [0, 1]
    for result in first:
        assert result.path.parent == job.out_dir
        assert load(result.path)
        assert result.metrics["dev_error"] >= 0
    log = (job.out_dir / "train.log").stat().st_size
    assert list(results_of(job)) == first
    assert (job.out_dir / "train.log").stat().st_size == log  # nothing was started
    with pytest.raises(InputError, match="other values of learning_rate"):
        list(results_of(job, learning_rate=1.0))


def test_wrong_input_ends_it_at_once_with_the_rank_s_own_words(tmp_path):
    job = make_job(tmp_path, epochs=1)
    rows = [replace(row, text=None) for row in utterances(2, seed=1)]
    write_table(tmp_path / "dev" / "part-0.parquet", rows, UTTERANCES)
    with pytest.raises(InputError, match=r"^dev: [^\n]*no utterance has a text[^\n]*train\.log\)$"):
        list(results_of(job))


def test_batches_that_cannot_be_read_are_told_before_anything_starts(tmp_path):
    job = make_job(tmp_path, epochs=1)
    (tmp_path / "batch" / "epoch-000.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"epoch-000\.parquet: .* make them anew"):
        list(results_of(job))
    assert not (job.out_dir / "train.log").exists()


def test_its_options_are_those_of_a_training_each_with_a_meaning():
    info = Registry().get("trainer", "ddp")
    assert {option.name for option in info.options} == {field.name for field in fields(TrainingOptions)}
    assert all(option.meaning for option in info.options)


def test_naming_it_imports_no_torch():
    code = (
        "import sys, ipl_plugins.trainers, ipl_plugins.batchers, ipl.training.launch; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_rank_that_dies_of_something_else_is_told_with_its_log(tmp_path):
    job = make_job(tmp_path, epochs=1, max_restarts=0, device="meta")  # there is one, but it has no numbers
    with pytest.raises(StageError, match=r"train\.log"):
        list(results_of(job))


def test_a_device_that_is_not_here_is_the_plans_mistake(tmp_path):
    job = make_job(tmp_path, epochs=1, max_restarts=0, device="no-such-device")
    with pytest.raises(InputError, match="found 'no-such-device', expected auto, cpu, cuda"):
        list(results_of(job))
