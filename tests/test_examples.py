"""Every example plan is proved, and run small with all that is real in it: factory, OCR, torchrun, two ranks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import ipl
from ipl.files import read_json

ROOT = Path(__file__).resolve().parent.parent
PLANS = sorted(ROOT.glob("examples/*/cycles.yaml"))
DATA = ROOT.parent / "shared" / "data"
QUICKSTART = ROOT / "examples" / "quickstart" / "cycles.yaml"
SMALL = [
    "data.labelled.utterances=12",
    "data.pool.utterances=16",
    "data.dev.utterances=6",
    "data.test.utterances=6",
    "mine.sources[0].videos=2",
    "mine.sources[0].sentences=3",
    "defaults.trainer.epochs=2",
    "defaults.trainer.checkpoint_steps=1",
    "cycles=[{name: seed, initializer: scratch, selector: none, train_on: [labelled]}, {name: cycle 1}]",
]


def needs_data(plan: Path) -> None:
    if "shared/data" in plan.read_text() and not DATA.is_dir():
        pytest.skip(f"the recordings of {plan.parent.name} are not here ({DATA})")


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.parent.name)
def test_every_example_is_a_sound_plan(plan: Path) -> None:
    needs_data(plan)
    assert ipl.check(plan).cycles


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> ipl.api.RunResult:  # type: ignore[name-defined]
    return ipl.run(QUICKSTART, out=tmp_path_factory.mktemp("small") / "run", overrides=SMALL)


def test_the_quickstart_goes_the_whole_way(small_run: ipl.api.RunResult) -> None:  # type: ignore[name-defined]
    mining = small_run.results["mining"]
    assert mining["num_sources"] == 2
    assert mining["num_pairs"] >= 5, "of 6 sentences, half of them burned in"
    seed, cycle = small_run.results["cycles"]
    assert seed["train"]["hours_mined"] == 0.0
    assert cycle["train"]["hours_mined"] > 0.0
    assert cycle["pseudo"]["num_selected"] == 16
    assert cycle["test"]["num_utterances"] == 6
    tracks = {row["track"] for row in pq.read_table(small_run.path / "mine" / "cues").to_pylist()}
    assert any(track.startswith("burned-in:") for track in tracks)
    assert any(track.endswith(".srt") for track in tracks)
    assert list((small_run.path / "cycle-001" / "train" / "tensorboard").iterdir())


def test_mined_texts_are_what_the_factory_said(small_run: ipl.api.RunResult) -> None:  # type: ignore[name-defined]
    folder = small_run.path / "sources" / "0-factory" / "truth"
    said = {cue["text"] for file in folder.glob("*.truth.json") for cue in read_json(file)["cues"]}
    mined = {utterance.text for utterance in ipl.load(small_run.path / "mine")}
    assert len(mined & said) >= len(said) - 1


def test_killed_while_training_it_ends_with_the_same_tables_and_weights(
    small_run: ipl.api.RunResult,  # type: ignore[name-defined]
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "ipl", "run", str(QUICKSTART), "--out", str(run)]
    command += [part for override in SMALL for part in ("--set", override)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not list(run.glob("cycle-001/.train.partial/step-*")):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (run / "cycle-001" / "train").exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert contents(run) == contents(small_run.path)


def contents(run: Path) -> dict[str, object]:
    """Every table and every model of a run, but for evidence and times."""
    made: dict[str, object] = {}
    for path in sorted(run.rglob("*")):
        if path.suffix == ".parquet":
            made[str(path.relative_to(run))] = pq.read_table(path).to_pylist()
        elif path.name == "model.safetensors":
            made[str(path.relative_to(run))] = path.read_bytes()
    return made


@pytest.mark.parametrize("name", ["fsdd", "mboshi"])
def test_the_recipes_for_real_speech_run_small(name: str, tmp_path: Path) -> None:
    plan = ROOT / "examples" / name / "cycles.yaml"
    needs_data(plan)
    rows = (DATA / name / "manifest.tsv").read_text(encoding="utf-8").splitlines()
    every = 60 if name == "fsdd" else 100
    folder = tmp_path / "data" / name
    folder.mkdir(parents=True)
    for audio in ("flac", "opus"):
        if (DATA / name / audio).is_dir():
            (folder / audio).symlink_to(DATA / name / audio)
    (folder / "manifest.tsv").write_text("\n".join([rows[0], *rows[1::every]]) + "\n", encoding="utf-8")
    overrides = [f"data.{part}.path={folder / 'manifest.tsv'}" for part in ("labelled", "pool", "dev", "test")]
    if name == "fsdd":
        overrides += [f"data.{part}.where={{}}" for part in ("dev", "test")]
    cycles = read_cycles(name)
    result = ipl.run(
        plan, out=tmp_path / "run", overrides=[*overrides, "defaults.trainer.epochs=1", f"cycles={cycles}"]
    )
    assert result.results["cycles"][1]["pseudo"]["num_selected"] > 0


def read_cycles(name: str) -> str:
    start = "initializer: scratch, " if name == "mboshi" else ""
    return f"[{{name: seed, {start}selector: none}}, {{name: cycle 1, filter: []}}]"
