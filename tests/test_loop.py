"""The loop over fake plugins: what it leaves behind, what it redoes, and that it survives kill -9 anywhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ipl
from ipl.cli import main
from ipl.errors import InputError, PluginError, StageError
from ipl.files import read_json, write_json
from ipl.schemas import UTTERANCES
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
    from ipl.rundir import RunDir

    folder = fake_plan.parent / "run"
    with RunDir(folder).lock(), pytest.raises(InputError, match="in use by process"):
        run(fake_plan)


def test_a_stage_at_work_is_told_from_one_that_was_cut_short(tmp_path: Path) -> None:
    from ipl.rundir import RunDir

    run_dir, told = RunDir(tmp_path), []

    def look(_: Path) -> None:
        watcher = RunDir(tmp_path, dry=True)
        watcher.stage("train", {}, look)
        told.extend(each.why for each in watcher.statuses)

    def work(folder: Path) -> None:
        look(folder)
        raise KeyboardInterrupt

    with run_dir.lock(), pytest.raises(KeyboardInterrupt):
        run_dir.stage("train", {}, work)
    look(tmp_path)
    assert told == [f"running, by process {os.getpid()}", "cut short; goes on"]


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
