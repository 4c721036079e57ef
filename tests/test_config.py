"""A plan is read once, and everything wrong with it is told at once, with its place."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipl.config import read_mine_plan, read_plan
from ipl.config.yaml_tree import parse_scalar, read_yaml
from ipl.errors import ConfigError, InputError


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def problems(plan: Path, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_plan(plan, overrides)
    return [problem.removeprefix(f"{plan}:") for problem in caught.value.problems]


def test_every_problem_is_told_at_once_with_its_line_and_a_remedy(fake_plan: Path) -> None:
    text = fake_plan.read_text()
    text = text.replace("seed: 3", "seed: three\nsede: 4")
    text = text.replace("test: data/test}", "test: data/tset}")
    text = text.replace("{use: fake, epochs: 2}", "{use: fake, epochs: two, epoch: 3}")
    text = text.replace("keep: 0.5", "keep: 1.5")
    text = text.replace("  - {initializer: last}", "  - {initializer: lats}")
    found = problems(write(fake_plan, text))
    expected = [
        ("2", "seed: found 'three', expected a whole number"),
        ("3", "sede: no such key; did you mean 'seed'?"),
        ("5", "data.test: "),
        ("8", "defaults.trainer.epochs: found 'two', expected int"),
        ("8", "defaults.trainer.epoch: trainer 'fake' has no such option; did you mean 'epochs'?"),
        ("11", "defaults.filter[1]: filter 'score': keep: found 1.5, expected 0 to 1"),
        ("14", "cycles[1].initializer.use: no initializer is called 'lats'; did you mean 'last'?"),
    ]
    for line, what in expected:
        assert any(problem.startswith(f"{line}: {what}") for problem in found), (line, what, found)


def test_a_key_given_twice_is_told_with_both_lines(tmp_path: Path) -> None:
    plan = write(tmp_path / "p.yaml", "name: a\nseed: 1\nname: b\ndata: {dev: ., dev: .}\ncycles: [{}]\n")
    found = problems(plan)
    assert any("3: name: given twice, first on line 1" in problem for problem in found)
    assert any("4: data.dev: given twice, first on line 4" in problem for problem in found)


def test_the_traps_of_yaml_1_1_do_not_bite(tmp_path: Path) -> None:
    tree = read_yaml(write(tmp_path / "p.yaml", "a: no\nb: 12:30\nc: 1e-3\nd: on\ne: 2024-01-01\nf: 0.5\ng: ~\n"))
    assert tree.value == {"a": "no", "b": "12:30", "c": 1e-3, "d": "on", "e": "2024-01-01", "f": 0.5, "g": None}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: [1\nb: 2\n", "not YAML"),
        ("- 1\n", "expected a mapping"),
        ("", "expected a mapping"),
        ("a:\n\t- b\n", "not YAML"),
    ],
)
def test_what_is_no_plan_is_told(tmp_path: Path, text: str, what: str) -> None:
    assert any(what in problem for problem in problems(write(tmp_path / "p.yaml", text)))


def test_a_plan_that_is_missing_or_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_plan(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8 at byte 6; save it as UTF-8"):
        read_plan(tmp_path / "latin.yaml")
    with pytest.raises(InputError, match="a folder; expected a YAML file"):
        read_plan(tmp_path)


def test_what_each_part_allows_and_the_whole_does_not(fake_plan: Path) -> None:
    text = fake_plan.read_text()
    early = problems(write(fake_plan, text.replace("{name: seed, selector: none}", "{name: seed}")))
    assert any("'seed' recognises data before there is a model" in problem for problem in early)
    no_pool = problems(write(fake_plan, text.replace("pool: data/pool, ", "")))
    assert any("data.pool: is missing" in problem for problem in no_pool)
    mined = problems(write(fake_plan, text.replace("pool: data/pool", "pool: mined")))
    assert any("names `mined`, but the plan has no `mine`" in problem for problem in mined)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: fake", "name: ../x y", "1: name: found '../x y', expected what a folder can be called"),
        ("name: fake", "name: [x]", "1: name: found ['x'], expected what a folder can be called"),
        (
            "dev: data/dev",
            "dev: {use: manifest}",
            "4: data.dev: corpus 'manifest' needs `path`: where its data set lies",
        ),
        ("labelled: data/labelled", "labelled: empty", "4: data.labelled: {folder}/empty: no Parquet files in it; exp"),
        (
            "cycles:",
            "mine: {sources: [empty, 'videos/*.mp4']}\ncycles:",
            "11: mine.sources[0]: {folder}/empty: no media files in this folder; expected files such as .mp4, .mkv, "
            ".webm, .mp3\n11: mine.sources[1]: {folder}/videos/*.mp4: no media file matches this pattern",
        ),
        ("initializer: fake", "train_on: [mined]", "6: defaults.train_on: names `mined`, but the plan has no `mine`"),
        ("{name: seed,", "{train_on: [mined],", "12: cycles[0].train_on: names `mined`, but the plan has no `mine`"),
        ("{initializer: last}", "{name: seed}", "13: cycles[1].name: 'seed' is the name of cycles[0] already; give"),
        (
            "  - {initializer: last}",
            "  - {repeat: 2}\n  - {oracle: true}",
            "15: cycles[3].name: 'oracle' is the name of c",
        ),
    ],
)
def test_what_a_run_would_stumble_over(fake_plan: Path, old: str, new: str, expected: str) -> None:
    (fake_plan.parent / "empty").mkdir()
    found = problems(write(fake_plan, fake_plan.read_text().replace(old, new, 1)))
    assert "\n".join(found).startswith(expected.format(folder=fake_plan.parent))
    assert len(found) == expected.count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "[empty, {use: score, keep: 0.5}]",
            "[lops, mine]",
            ["10: defaults.filter[0].use", "10: defaults.filter[1].use"],
        ),
        ("pool: data/pool", "pool: {use: audio_foldr, path: data}", ["4: data.pool.use"]),
        ("labelled: data/labelled", "labelled: {use: spoken_sentences}", ["4: data.labelled"]),
        ("data: {", "data: [x] #", ["4: data"]),
        ("initializer: fake", "selector: al", ["6: defaults.selector.use"]),
        ("seed: 3", "mine: 3\nmodels: 3", ["2: mine", "3: models"]),
        ("seed: 3", "seed: -1", ["2: seed"]),
    ],
)
def test_one_fault_is_told_once(fake_plan: Path, old: str, new: str, expected: list[str]) -> None:
    text = fake_plan.read_text().replace(old, new, 1)
    if "mine:" in new:
        text = text.replace("test: data/test", "test: mined")
    assert [":".join(problem.split(":")[:2]) for problem in problems(write(fake_plan, text))] == expected


def test_a_problem_is_told_where_its_value_was_given(fake_plan: Path) -> None:
    text = fake_plan.read_text().replace("epochs: 2}", "epochs: two}").replace("{initializer: last}", "{trainer: {}}")
    assert problems(write(fake_plan, text)) == ["7: defaults.trainer.epochs: found 'two', expected int"]
    told = "--set defaults.trainer.epochs=abc: found 'abc', expected int"
    assert problems(fake_plan, "defaults.trainer.epochs=abc") == [told]
    repeated = text.replace("two", "2").replace(
        "{trainer: {}}", "{repeat: 3}\n  - {initializer: teacher, selector: none}"
    )
    assert problems(write(fake_plan, repeated)) == ["14: cycles[2]: 'cycle 4' starts from its teacher, and has none"]


def test_only_the_faulty_option_is_named(fake_plan: Path) -> None:
    override = "defaults.recognizer={use: ctc, beam: -1}"
    told = f"--set {override}: recognizer 'ctc': beam: found -1, expected 1 or more"
    assert problems(fake_plan, override) == [told]


def test_a_plugin_of_ones_own_is_found_by_its_file(fake_plan: Path) -> None:
    (far,) = problems(fake_plan, "defaults.filter=[mine]")
    assert far.endswith("; one of your own is found by its file, named under `plugins:` in a plan or by --plugins")
    (near,) = problems(fake_plan, "defaults.filter=[lop]")
    assert near.endswith("did you mean 'loops'?")


def test_set_overrides_a_value(fake_plan: Path) -> None:
    plan = read_plan(fake_plan, ["defaults.trainer.epochs=7", "cycles[0].name=first", "seed=1e1"][:2])
    assert plan.cycles[0].roles["trainer"].make().epochs == 7
    assert plan.cycles[0].name == "first"
    with pytest.raises(InputError, match="expected key=value"):
        read_plan(fake_plan, ["nonsense"])
    with pytest.raises(InputError, match="no such place"):
        read_plan(fake_plan, ["cycles.9=1"])
    assert any("no such key" in problem for problem in problems(fake_plan, "defualts.trainer.epochs=7"))


def test_a_cycle_lays_its_options_over_the_defaults_of_the_same_plugin(fake_plan: Path) -> None:
    text = fake_plan.read_text().replace("{initializer: last}", "{trainer: {epochs: 9}, repeat: 2}")
    plan = read_plan(write(fake_plan, text))
    assert [cycle.roles["trainer"].make().epochs for cycle in plan.cycles] == [2, 9, 9, 2]
    assert [cycle.name for cycle in plan.cycles] == ["seed", "cycle 1", "cycle 2", "oracle"]


def test_paths_are_relative_to_the_plan(fake_plan: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert read_plan(fake_plan).data.dev[0].path == fake_plan.parent / "data" / "dev"


def test_check_needs_no_torch(fake_plan: Path) -> None:
    code = f"import sys, ipl; ipl.check({str(fake_plan)!r}); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_a_mine_plan_has_defaults_and_takes_a_file(tmp_path: Path) -> None:
    plan, files = read_mine_plan(None, "sw")
    assert plan.language == "sw"
    assert files == ()
    extractors = [choice.name for choice in plan.choices["cue_extractor"]]
    assert extractors == ["subtitle_file", "subtitle_stream", "burned_in"]
    config = write(
        tmp_path / "mine.yaml", "cue_extractors: [burned_in]\nvoice_detector: {use: webrtcvad, nonsense: 1}\n"
    )
    with pytest.raises(ConfigError, match=r"2: voice_detector.nonsense: voice_detector 'webrtcvad' has no such option"):
        read_mine_plan(config, None)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_way(text: str) -> None:
    with suppress(InputError):
        parse_scalar(text)


def test_a_student_cannot_start_from_what_there_is_not(fake_plan: Path) -> None:
    text = fake_plan.read_text()
    first = problems(write(fake_plan, text.replace("selector: none}", "selector: none, initializer: last}")))
    assert any("'seed' starts from an earlier model before there is one" in problem for problem in first)
    oracle = problems(write(fake_plan, text.replace("{oracle: true}", "{oracle: true, initializer: teacher}")))
    assert any("'oracle' starts from its teacher, and has none" in problem for problem in oracle)


def test_a_default_plugins_options_need_no_name(fake_plan: Path) -> None:
    text = fake_plan.read_text().replace("  trainer: {use: fake, epochs: 2}\n", "")
    plan = read_plan(write(fake_plan, text), ["defaults.trainer.epochs=5"])
    assert plan.cycles[0].roles["trainer"].name == "ddp"
    assert plan.cycles[0].roles["trainer"].make().epochs == 5


def test_the_same_filter_twice_is_refused(fake_plan: Path) -> None:
    found = problems(fake_plan, "defaults.filter=[empty, empty]")
    assert any("the same filter with the same options is given twice" in problem for problem in found)


def test_how_work_is_done_is_no_part_of_its_identity(fake_plan: Path) -> None:
    text = fake_plan.read_text().replace("{use: fake, epochs: 2}", "{use: ddp, epochs: 2, log_every: 3}")
    identity = read_plan(write(fake_plan, text)).cycles[0].roles["trainer"].identity()
    assert "log_every" not in identity["options"]
    assert identity["options"]["epochs"] == 2
