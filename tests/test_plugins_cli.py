"""`ipl plugins list|show|new|check`, as a user types them."""

import subprocess
import sys
from pathlib import Path

import pytest

from ipl.cli import main
from ipl.config import read_mine_plan, read_plan
from ipl.hookspecs import CYCLE_ROLES, ROLES
from ipl.registry import Registry
from ipl.testing import small_dataset


def out_of(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    """What a command prints, checked to end with `code`; errors are one line."""
    capsys.readouterr()
    assert main(["plugins", *map(str, words)]) == code
    out, err = capsys.readouterr()
    assert code == 0 or out or (err.startswith("ipl: ") and err.count("\n") == 1)
    return out or err


def new(capsys: pytest.CaptureFixture[str], folder: Path, role: str) -> Path:
    file = folder / f"own_{role}.py"
    out_of(capsys, "new", role, file)
    return file


@pytest.mark.parametrize("role", ROLES)
def test_a_new_plugin_passes_its_check(role: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / f"own_{role}.py"
    told = out_of(capsys, "new", role, file)
    assert f"plugins: [{file}]" in told
    assert f"ipl plugins check {file}" in told
    assert "FAILED" not in out_of(capsys, "check", file)
    info = Registry([file]).get(role, f"own_{role}")
    assert 5 <= len([line for line in file.read_text().splitlines() if line.strip()]) <= 30
    assert info.cls.__name__.lower() == f"own_{role}".replace("_", "")


def test_new_plugins_are_formatted_and_lint_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [new(capsys, tmp_path, role) for role in ROLES]
    config = Path(__file__).parents[1] / "pyproject.toml"
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", config, *files]
        done = subprocess.run(ruff, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_plans_use_new_plugins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("labelled", "pool", "dev"):
        small_dataset(tmp_path / name)
    files = [new(capsys, tmp_path, role).name for role in CYCLE_ROLES]
    uses = [
        f"{role}: {'[' if role == 'filter' else ''}{{use: own_{role}}}{']' if role == 'filter' else ''}"
        for role in CYCLE_ROLES
    ]
    plan_file = tmp_path / "cycles.yaml"
    plan_file.write_text(
        f"plugins: [{', '.join(files)}]\ndata: {{labelled: labelled, pool: pool, dev: dev}}\n"
        f"cycles:\n  - {{initializer: scratch, selector: none}}\n  - {{{', '.join(uses)}}}\n"
    )
    cycle = read_plan(plan_file).cycles[1]
    assert {role: choice.name for role, choice in cycle.roles.items()} == {
        role: f"own_{role}" for role in CYCLE_ROLES if role != "filter"
    }
    assert [choice.name for choice in cycle.filters] == ["own_filter"]


def test_mining_uses_new_plugins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roles = ("text_reader", "voice_detector", "cue_extractor", "aligner")
    files = [new(capsys, tmp_path, role).name for role in roles]
    mine_file = tmp_path / "mine.yaml"
    mine_file.write_text(
        f"plugins: [{', '.join(files)}]\ntext_reader: own_text_reader\nvoice_detector: own_voice_detector\n"
        "aligner: own_aligner\ncue_extractors: [own_cue_extractor]\n"
    )
    plan, _ = read_mine_plan(mine_file, None)
    names = {choice.name for choices in plan.choices.values() for choice in choices}
    assert names == {f"own_{role}" for role in roles}


def test_new_refuses_what_would_go_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = new(capsys, tmp_path, "filter")
    written = file.read_text()
    assert "exists already" in out_of(capsys, "new", "filter", file, code=2)
    assert file.read_text() == written
    assert "did you mean 'filter'?" in out_of(capsys, "new", "filtr", tmp_path / "a.py", code=2)
    assert "no such folder" in out_of(capsys, "new", "filter", tmp_path / "none" / "a.py", code=2)
    assert "expected the name of a Python file" in out_of(capsys, "new", "filter", tmp_path / "a.txt", code=2)
    assert "give --name" in out_of(capsys, "new", "filter", tmp_path / "1st filter.py", code=2)
    assert "choose another name with --name" in out_of(capsys, "new", "filter", tmp_path / "score.py", code=2)
    assert [each.name for each in tmp_path.iterdir() if each.suffix] == [file.name]


def test_a_new_plugin_may_be_called_like_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("vote", "table", "none-of-it", "none"):
        out_of(capsys, "new", "filter", tmp_path / f"{name}.py")
        assert "FAILED" not in out_of(capsys, "check", tmp_path / f"{name}.py")


def test_list_names_every_plugin_with_its_role(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = new(capsys, tmp_path, "filter")
    told = out_of(capsys, "list", "--plugins", file)
    blocks = {block.split(":")[0]: block for block in told.split("\n\n")}
    assert list(blocks) == list(ROLES)
    for info in Registry([file]):
        line = next(line for line in blocks[info.role].splitlines() if line.split()[0] == info.name)
        assert info.summary in line
    assert f"[{file}]" in blocks["filter"]
    assert "[ipl_plugins.filters]" in blocks["filter"]
    assert out_of(capsys, "list", "filter").startswith("filter: ")
    other = new(capsys, tmp_path, "selector")
    told = out_of(capsys, "list", "--plugins", file, "--plugins", other, "filter")
    assert told.startswith("filter: ")
    assert "own_filter" in told
    assert "did you mean 'filter'?" in out_of(capsys, "list", "filters", code=2)


def test_show_says_what_an_option_means(capsys: pytest.CaptureFixture[str]) -> None:
    told = out_of(capsys, "show", "filter", "length")
    assert told == out_of(capsys, "show", "length")
    info = Registry().get("filter", "length")
    for option in info.options:
        line = next(line for line in told.splitlines() if line.split()[:1] == [option.name])
        assert line.split()[1:3] == [option.type.__name__, str(option.default)]
        assert line.endswith(option.meaning)
    assert "In use: filter: [{use: length, " in told
    assert "vote(self, cycle: Cycle, hypotheses: Table[Hypothesis]) -> Iterable[Vote]" in told


def test_show_tells_what_a_text_reader_reads_and_costs(capsys: pytest.CaptureFixture[str]) -> None:
    readers = [info for info in Registry() if info.role == "text_reader"]
    assert {info.name for info in readers} >= {"rapidocr", "easyocr", "tesseract"}
    for info in readers:
        told = out_of(capsys, "show", info.name)
        assert f"\nLanguages: {info.facts['languages']}\nCost: {info.facts['cost']}\n" in told


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["scor"], "did you mean 'score'?"),
        (["filtre", "score"], "did you mean 'filter'?"),
        (["filter", "scor"], "did you mean 'score'?"),
        (["filter"], "is a role; name a plugin of it: "),
        (["external"], "`ipl plugins show builder external` or `ipl plugins show initializer external`"),
    ],
)
def test_show_helps_with_wrong_words(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert expected in out_of(capsys, "show", *words, code=2)


def test_check_says_what_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "twice.py"
    file.write_text(
        'import ipl\n\n@ipl.plugin("twice")\nclass Twice:\n    """Selects twice."""\n\n    @ipl.hookimpl\n'
        '    def select(self, pool):\n        return [row["utt_id"] for row in pool.read_columns("utt_id")] * 2\n'
    )
    told = out_of(capsys, "check", file, code=2)
    assert "FAILED  selects each at most once: found 'small-0-0000' 2 times (and 11 more)" in told
    assert told.endswith("1 of 6 checks failed\n")


def test_check_takes_names_and_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "all 6 checks passed" in out_of(capsys, "check", "budget", "--set", "hours=0.001")
    assert "needs the option 'hours'" in out_of(capsys, "check", "budget", code=2)
    assert "did you mean 'hours'?" in out_of(capsys, "check", "budget", "--set", "hour=2", code=2)
    assert "found 'x', expected float" in out_of(capsys, "check", "budget", "--set", "hours=x", code=2)
    assert "expected above 0" in out_of(capsys, "check", "budget", "--set", "hours=0", code=2)
    assert "did you mean 'budget'?" in out_of(capsys, "check", "budgett", code=2)
    assert "no such plugin file" in out_of(capsys, "check", tmp_path / "none.py", code=2)
    (tmp_path / "empty.py").write_text("")
    assert "holds no plugin" in out_of(capsys, "check", tmp_path / "empty.py", code=2)
    (tmp_path / "wrong.py").write_text("import nothing_of_this_name")
    assert "No module named 'nothing_of_this_name'" in out_of(capsys, "check", tmp_path / "wrong.py", code=2)
    assert "expected a data set" in out_of(capsys, "check", "all", "--data", tmp_path / "none", code=2)


def test_listing_and_the_helpers_load_no_torch() -> None:
    code = (
        "import sys, ipl.testing; from ipl.cli import main; main(['plugins', 'list']); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
