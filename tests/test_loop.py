"""The loop over fake plugins: what it leaves behind, what it redoes, and that it survives kill -9 anywhere."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ipl
from ipl.cli import main
from ipl.errors import InputError, PluginError, StageError
from ipl.files import read_json, write_json
from ipl.fingerprint import digest
from ipl.rundir import RunDir, StageStatus
from ipl.schemas import UTTERANCES
from ipl.speech import find_model
from ipl.tables import write_table


def run(plan: Path, **options: object) -> ipl.api.RunResult:  # type: ignore[name-defined]
    return ipl.run(plan, out=plan.parent / "run", workers=2, **options)


def stage_names(calls: Path) -> list[str]:
    return calls.read_text().splitlines() if calls.exists() else []


def tables(run_dir: Path) -> dict[str, object]:
    """Every table and model of a run, by its path."""
    made: dict[str, object] = {}
    for path in sorted(run_dir.rglob("*")):
        if path.suffix == ".parquet":
            made[str(path.relative_to(run_dir))] = pq.read_table(path).to_pylist()
        elif path.suffix == ".safetensors":
            made[str(path.relative_to(run_dir))] = path.read_bytes()
    return made


def test_a_run_leaves_what_the_design_says(fake_plan: Path) -> None:
    result = run(fake_plan)
    folder = result.path
    for name in ("plan.yaml", "resolved.yaml", "environment.json", "events.jsonl", "results.json", "report.html"):
        assert (folder / name).stat().st_size > 0, name
    seed, cycle, oracle = result.results["cycles"]
    assert seed["pseudo"] is None
    assert cycle["pseudo"]["num_selected"] == 300
    assert 100 < cycle["pseudo"]["num_kept"] < 200
    assert cycle["pseudo"]["cer"] == 0.0
    assert sum(cycle["pseudo"]["lost_hours"].values()) + cycle["pseudo"]["hours_kept"] == pytest.approx(
        cycle["pseudo"]["hours_selected"]
    )
    assert oracle["pseudo"]["num_kept"] == 300
    assert cycle["train"]["hours_pseudo"] == pytest.approx(cycle["pseudo"]["hours_kept"])
    assert {stage.state for stage in ipl.status(folder)} == {"done"}


def test_no_stage_but_measuring_sees_the_pools_text(fake_plan: Path) -> None:
    run(fake_plan)
    rows = pq.read_table(fake_plan.parent / "run" / "cycle-001" / "select" / "index.parquet")["text"].to_pylist()
    assert rows == [None] * 300


def test_utterances_that_sets_share_are_told(fake_plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = fake_plan.parent / "data"
    rows = list(ipl.load(folder / "dev"))
    longer = replace(rows[0], num_samples=rows[0].num_samples + 1)
    write_table(folder / "labelled" / "more.parquet", [longer, *rows[1:3]], UTTERANCES)
    write_table(folder / "test" / "more.parquet", [rows[4]], UTTERANCES)
    run(fake_plan)
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("data: ")]
    so = "error rates on it will look better than they are"
    assert told == [
        f"data: 2 of 5 utterances of dev are also in labelled: {so}",
        f"data: 1 of 7 utterances of test are also in dev: {so}",
    ]


def test_a_second_run_does_nothing(fake_plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(fake_plan)
    monkeypatch.setenv("IPL_TEST_CALLS", str(tmp_path / "calls"))
    run(fake_plan)
    assert stage_names(tmp_path / "calls") == []


def test_a_changed_filter_redoes_its_stage_and_what_depends_on_it(fake_plan: Path) -> None:
    run(fake_plan)
    changed = ["defaults.filter=[empty, {use: score, keep: 0.9}]"]
    before = {stage.stage: stage.state for stage in _status_with(fake_plan, changed)}
    stale = {name for name, state in before.items() if state != "done"}
    assert "cycle-001/filter" in stale
    assert {"cycle-001/batch", "cycle-001/train", "cycle-001/test", "cycle-001/measure"} <= stale
    untouched = {name for name in before if name.startswith(("data/", "cycle-000/", "cycle-002/"))}
    assert not untouched & stale
    assert not {"cycle-001/select", "cycle-001/build", "cycle-001/recognize", "cycle-001/initialize"} & stale
    why = next(stage.why for stage in _status_with(fake_plan, changed) if stage.stage == "cycle-001/filter")
    assert "keep: 0.5 → 0.9" in why
    told = {stage.stage: stage.why for stage in _status_with(fake_plan, changed)}
    assert told["cycle-001/batch"] == told["cycle-001/measure"] == "because cycle-001/filter changed"
    assert told["cycle-001/train"] == "because cycle-001/batch changed"
    assert told["cycle-001/test"] == "because cycle-001/train changed"


def test_why_a_stage_would_run_is_told_without_fingerprints(tmp_path: Path) -> None:
    def walk(run_dir: RunDir, data: str, keep: float, use: str, seed: bool = True) -> RunDir:
        made = {
            name: run_dir.stage(name, {"data": digest(data), "name": name}, lambda folder: None)
            for name in ("first", "second")
        }
        models = {name: run_dir.derived(each, 1) for name, each in made.items()}
        parts = {"keep": keep, "data": digest(data), "models": [models[use]]}
        run_dir.stage("last", parts | ({"seed": 1} if seed else {}), lambda folder: None)
        return run_dir

    walk(RunDir(tmp_path), "a", 0.5, "first")

    def told(*changed: Any) -> list[str]:
        return [each.why for each in walk(RunDir(tmp_path, dry=True), *changed).statuses]

    assert told("a", 0.6, "second") == ["", "", "changed: keep: 0.5 → 0.6; models[0]: first → second"]
    assert told("b", 0.5, "first") == ["changed: data", "changed: data", "changed: data; because first changed"]
    assert told("a", 0.5, "first", False) == ["", "", "changed: seed: 1 → absent"]


def _status_with(plan: Path, overrides: list[str]) -> list[ipl.api.StageStatus]:  # type: ignore[name-defined]
    environment = plan.parent / "run" / "environment.json"
    saved = environment.read_text()
    try:
        write_json(environment, read_json(environment) | {"set": overrides})
        return ipl.status(plan.parent / "run")
    finally:
        environment.write_text(saved)


@pytest.fixture(scope="module")
def undisturbed(write_fake_plan: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The tables of a run that nothing disturbs."""
    plan = write_fake_plan(tmp_path_factory.mktemp("undisturbed"))
    run(plan)
    return tables(plan.parent / "run")


MOMENTS = ["initialize", "epoch 0", "epoch 1", "shard pool-0000", "shard pool-0128", "shard test-0000", "batch"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_anywhere_the_same_command_ends_with_the_same_tables(
    fake_plan: Path, moment: str, undisturbed: dict[str, object]
) -> None:
    command = [sys.executable, "-m", "ipl", "run", str(fake_plan), "--workers", "1", "--out"]
    killed = subprocess.run(
        [*command, "run"], cwd=fake_plan.parent, env=os.environ | {"IPL_TEST_KILL": moment}, capture_output=True
    )
    assert killed.returncode < 0, killed.stderr.decode()
    run(fake_plan)
    assert tables(fake_plan.parent / "run") == undisturbed


@pytest.mark.parametrize(("by", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stopped_by_a_signal_it_says_how_to_go_on(fake_plan: Path, by: int, code: int) -> None:
    command = [sys.executable, "-m", "ipl", "run", str(fake_plan), "--workers", "1", "--out", "run"]
    moment = {"IPL_TEST_KILL": "epoch 1", "IPL_TEST_SIGNAL": str(int(by))}
    stopped = subprocess.run(command, cwd=fake_plan.parent, env=os.environ | moment, capture_output=True, text=True)
    assert (stopped.returncode, stopped.stderr.splitlines()[-1]) == (
        code,
        "ipl: stopped; the same command goes on from here",
    )
    assert "Traceback" not in stopped.stderr
    told = {each.stage: each.why for each in ipl.status(fake_plan.parent / "run")}
    assert told["cycle-000/train"] == "cut short; goes on"


def test_a_model_is_found_by_its_run_or_by_its_cycle(fake_plan: Path) -> None:
    result = run(fake_plan)
    seed, student, oracle = (model.path for model in result.models)
    assert find_model(result.path).path == student, "the last that is no oracle"
    assert find_model(result.path / "cycle-000").path == seed
    assert find_model(result.path / "cycle-002").path == oracle
    with pytest.raises(InputError, match=r"cycle-003: no model; expected .*, or such a cycle's folder"):
        find_model(result.path / "cycle-003")


def test_killed_between_receipt_and_rename_the_stage_is_still_whole(fake_plan: Path, tmp_path: Path) -> None:
    run(fake_plan)
    stage = fake_plan.parent / "run" / "cycle-000" / "train"
    stage.rename(stage.with_name(".train.partial"))
    ran = ipl.status(fake_plan.parent / "run")
    assert next(each.state for each in ran if each.stage == "cycle-000/train") != "done"
    events_before = (fake_plan.parent / "run" / "events.jsonl").read_text().count("epoch_done")
    run(fake_plan)
    assert (fake_plan.parent / "run" / "events.jsonl").read_text().count("epoch_done") == events_before
    assert stage.is_dir()


def test_one_bad_utterance_is_a_reject_and_the_run_goes_on(fake_plan: Path) -> None:
    result = run(fake_plan, overrides=["defaults.recognizer={use: fake, fail_on: pool-0007}"])
    pseudo = result.results["cycles"][1]["pseudo"]
    assert pseudo["num_selected"] == 300
    assert pseudo["lost_hours"]["recognizer failed"] == pytest.approx(1 / 3600)
    rejects = pq.read_table(result.path / "cycle-001" / "recognize" / "rejects").to_pylist()
    assert [row["source_id"] for row in rejects] == ["pool-0007"]
    assert "cannot hear this one" in rejects[0]["detail"]


def test_a_recognizer_that_fails_on_all_is_an_error_with_its_place(fake_plan: Path) -> None:
    with pytest.raises(StageError, match=r"cycle-000/dev: recognizer 'fake'.*cannot hear this one"):
        run(fake_plan, overrides=["defaults.recognizer={use: fake, fail_on: dev}"])


def test_the_oracle_is_no_teacher(fake_plan: Path) -> None:
    text = fake_plan.read_text().replace("cycles:\n", "cycles:\n  - {name: first, selector: none}\n")
    fake_plan.write_text(text.replace("  - {oracle: true}\n", "  - {oracle: true}\n  - {name: after}\n"))
    result = run(fake_plan)
    built = read_json(result.path / "cycle-004" / "build" / "receipt.json")["result"]
    assert built["cycle"] == 2


def test_an_oracle_needs_true_texts(fake_plan: Path) -> None:
    file = fake_plan.parent / "data" / "pool" / "part-00000.parquet"
    rows = pq.read_table(file)
    column = rows.schema.get_field_index("text")
    write_table(file, rows.set_column(column, "text", pa.nulls(len(rows), pa.string())).to_batches(), UTTERANCES)
    with pytest.raises(PluginError, match="oracle cycle needs a pool whose true texts are known"):
        run(fake_plan)


def test_two_runs_in_one_place_are_refused(fake_plan: Path) -> None:
    folder = fake_plan.parent / "run"
    with RunDir(folder).lock(), pytest.raises(InputError, match="in use by process"):
        run(fake_plan)


def test_a_stage_at_work_is_told_from_one_that_was_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir, told = RunDir(tmp_path), []

    def look(_: Path) -> None:
        watcher = RunDir(tmp_path, dry=True)
        watcher.stage("train", {}, look)
        told.extend(each.why for each in watcher.statuses)

    def work(folder: Path) -> None:
        look(folder)
        raise KeyboardInterrupt

    for _ in range(2):
        with run_dir.lock(), pytest.raises(KeyboardInterrupt):
            run_dir.stage("train", {}, work)
    look(tmp_path)
    running = f"running, by process {os.getpid()}"
    assert told == [running, running, "cut short; goes on"]
    assert capsys.readouterr().err.splitlines() == ["train: starting", "train: goes on"]


@pytest.mark.parametrize("in_place", [False, True])
def test_a_stage_that_failed_is_told_until_it_is_tried_again(tmp_path: Path, in_place: bool) -> None:
    def fail(_: Path) -> None:
        raise StageError("mine: no disk\nis there")

    def states() -> list[tuple[str, str]]:
        watcher = RunDir(tmp_path, dry=True)
        watcher.stage("mine", {}, fail, in_place)
        return [(each.state, each.why) for each in watcher.statuses]

    with pytest.raises(StageError, match="no disk"):
        RunDir(tmp_path).stage("mine", {}, fail, in_place)
    assert states() == [("failed", "no disk is there")]
    RunDir(tmp_path).stage("mine", {}, lambda folder: None, in_place)
    assert states() == [("done", "")]
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["receipt.json"]


def test_a_result_that_asks_for_another_try_is_told_and_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def again(result: dict[str, Any]) -> str | None:
        return "2 were away; trying again" if result["away"] else None

    def walk(away: int, dry: bool = False) -> tuple[dict[str, Any] | None, StageStatus | None]:
        run_dir = RunDir(tmp_path, dry)
        made = run_dir.stage("mine", {}, lambda folder: {"away": away}, in_place=True, again=again)
        return made.result, run_dir.statuses[-1] if run_dir.statuses else None

    walk(2)
    result, status = walk(0, dry=True)
    assert result == {"away": 2}, "what depends on it is not told to be stale"
    assert status
    assert (status.state, status.why) == ("done", "2 were away; trying again")
    assert walk(0)[0] == {"away": 0}
    walk(2)
    assert walk(0, dry=True)[0] == {"away": 0}
    assert capsys.readouterr().err.splitlines() == ["mine: starting", "mine: 2 were away; trying again"]


def test_votes_add_up(fake_plan: Path) -> None:
    run(fake_plan)
    votes = pq.read_table(fake_plan.parent / "run" / "cycle-001" / "filter" / "votes.parquet").to_pylist()
    verdicts = [row for row in votes if row["filter"] == "verdict"]
    assert len(verdicts) == 300
    rejected = {row["utt_id"] for row in votes if row["filter"] == "score" and row["decision"] == "reject"}
    assert {row["utt_id"] for row in verdicts if row["decision"] == "reject"} == rejected


def test_what_the_recognizer_fails_on_counts_as_nothing_said(fake_plan: Path) -> None:
    whole = run(fake_plan).results["cycles"][0]["test"]
    part = run(fake_plan, overrides=["defaults.recognizer={use: fake, fail_on: test-0003}"]).results["cycles"][0][
        "test"
    ]
    assert (whole["deletions"], part["deletions"]) == (0, 6)
    assert whole["num_words"] == part["num_words"]


def test_data_and_run_can_move_without_redoing_anything(fake_plan: Path, tmp_path: Path) -> None:
    run(fake_plan)
    before = (fake_plan.parent / "run" / "events.jsonl").read_text().count("stage_started")
    moved = tmp_path / "elsewhere" / "deeper"
    moved.mkdir(parents=True)
    (fake_plan.parent / "data").rename(moved / "data")
    (fake_plan.parent / "run").rename(moved / "run")
    plan = moved / "cycles.yaml"
    plan.write_text(fake_plan.read_text())
    ipl.run(plan, out=moved / "run", workers=1)
    assert (moved / "run" / "events.jsonl").read_text().count("stage_started") == before
    ipl.run(plan, out=moved / "run", workers=1, overrides=["defaults.recognizer={use: fake, fail_on: zzz}"])


def test_a_selection_of_nothing_trains_on_what_is_labelled(fake_plan: Path) -> None:
    result = run(fake_plan, overrides=["cycles.1.selector={use: range, start: 1000}"])
    assert result.results["cycles"][1]["pseudo"]["num_selected"] == 0
    assert result.results["cycles"][1]["train"]["hours_pseudo"] == 0.0


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("cycles.1.selector={use: range, start: 1000}", "nothing was recognised; look at the selector, .*"),
        (
            "cycles.1.filter=[{use: length, min_characters: 100}]",
            "300 of 300 were lost to 'length: .*'; look at .*votes.*",
        ),
    ],
)
def test_a_cycle_without_a_pseudo_label_is_told(
    fake_plan: Path, capsys: pytest.CaptureFixture[str], override: str, why: str
) -> None:
    run(fake_plan, overrides=[override])
    said = capsys.readouterr().err
    assert re.search(f"  cycle 1: no pseudo-label was kept: {why}; it trains on the rest alone\n", said), said
    assert said.count("no pseudo-label") == 1


def test_an_utt_id_in_two_parts_of_a_data_set_is_told_with_both_files(fake_plan: Path) -> None:
    data = fake_plan.parent / "data"
    shutil.copytree(data / "labelled", data / "copy")
    with pytest.raises(InputError, match=r"labelled/.* and .*copy/.*utt_id 'labelled-0000' occurs twice"):
        run(fake_plan, overrides=["data.labelled=[data/labelled, data/copy]"])


def test_a_removed_test_set_leaves_no_old_numbers(fake_plan: Path) -> None:
    assert run(fake_plan).results["cycles"][0]["test"] is not None
    fake_plan.write_text(fake_plan.read_text().replace(", test: data/test}", "}"))
    assert run(fake_plan).results["cycles"][0]["test"] is None


def test_given_models_can_be_the_first_teacher(fake_plan: Path) -> None:
    first = run(fake_plan)
    model = first.models[0].path
    text = fake_plan.read_text().replace("  - {name: seed, selector: none}\n", "")
    fake_plan.write_text(text.replace("cycles:\n", f"models: [{model}]\ncycles:\n"))
    again = ipl.run(fake_plan, out=fake_plan.parent / "second", workers=1)
    assert again.results["cycles"][0]["pseudo"]["cer"] == 0.0


@pytest.mark.parametrize(
    ("override", "stage", "told"),
    [
        ("defaults.filter=[crashing]", "cycle-001/filter", r"filter 'crashing' raised AttributeError (\(.*\)): .*"),
        ("defaults.trainer=crashing", "cycle-000/train", r"trainer 'crashing' raised KeyError (\(.*\)): 'batches'"),
        ("defaults.builder=crashing", "cycle-001/build", r"builder 'crashing' raised IndexError (\(.*\)): .*"),
    ],
)
def test_a_plugin_that_crashes_is_told_with_its_line_and_its_stage_has_failed(
    fake_plan: Path, capsys: pytest.CaptureFixture[str], override: str, stage: str, told: str
) -> None:
    run_dir = fake_plan.parent / "run"
    assert main(["run", str(fake_plan), "--out", str(run_dir), "--workers", "1", "--set", override]) == 1
    said = capsys.readouterr().err
    plugins = Path(__file__).parent / "fake_plugins.py"
    last = rf"ipl: {stage}: ({told}; try `ipl plugins check (.*)`)"
    found = re.fullmatch(last, said.splitlines()[-1])
    assert found, said
    assert re.fullmatch(r"\(fake_plugins.py, line \d+\)", found[2])
    assert Path(found[3]).resolve() == plugins
    assert "/ipl/config" not in said, "the traceback begins in the plugin's own file"
    status = next(each for each in ipl.status(run_dir) if each.stage == stage)
    assert (status.state, status.why) == ("failed", found[1])


def test_a_recognizer_that_crashes_is_told_with_its_line(fake_plan: Path) -> None:
    words = r"every utterance failed, it raised RuntimeError \(fake_plugins.py, line \d+\): cannot .*; try `ipl plugins"
    with pytest.raises(StageError, match=words):
        run(fake_plan, overrides=["defaults.recognizer={use: fake, fail_on: dev}"])
