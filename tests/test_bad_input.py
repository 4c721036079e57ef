"""Wrong input as a user meets it at the command line: one line with place and remedy, and exit code 2 or 1."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.models.model import create
from ipl.asr.models.store import save
from ipl.asr.units import Units
from ipl.audio import encode_flac
from ipl.cli import main
from ipl.files import read_json
from ipl.records import Utterance
from ipl.rundir import RunDir
from ipl.schemas import UTTERANCES
from ipl.tables import write_table

Capture = pytest.CaptureFixture[str]
PLAN = """\
name: small
data: {labelled: data/labelled, dev: data/dev}
models: [model]
defaults:
  initializer: {use: external, path: model}
  trainer: {use: ddp, epochs: 1, device: cpu}
cycles:
  - {selector: none}
"""


def speech(utt_id: str, text: str) -> Utterance:
    samples = np.random.default_rng(len(utt_id)).normal(0, 0.1, 8000)
    return Utterance(utt_id, utt_id, 0, 1000, encode_flac(samples, 8000), 8000, 8000, text, origin="labelled")


def write_model(folder: Path, letters: str) -> Path:
    sizes: dict[str, int | float] = {"width": 16, "layers": 1, "subsampling": 2}
    config = ModelConfig("conv", sizes, features=FeatureConfig(sample_rate_hz=8000, num_mels=20))
    save(create(config, Units.collect([letters]), seed=3), folder)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small plan, its data and its model; the working directory."""
    texts = ["ab", "ba", "abe", "bae"]
    write_table(
        tmp_path / "data/labelled/a.parquet", [speech(f"u{i}", text) for i, text in enumerate(texts)], UTTERANCES
    )
    write_table(tmp_path / "data/dev/a.parquet", [speech("d", "ab")], UTTERANCES)
    write_model(tmp_path / "model", "ab ")
    (tmp_path / "plan.yaml").write_text(PLAN)
    whole = (tmp_path / "data/labelled/a.parquet").read_bytes()
    for name in ("empty", "cut", "wrong", "typed"):
        (tmp_path / name).mkdir()
    (tmp_path / "cut/a.parquet").write_bytes(whole[: len(whole) // 2])
    pq.write_table(pa.table({"path": ["a.wav"], "sentence": ["hello"]}), tmp_path / "wrong/a.parquet")
    table = pq.read_table(tmp_path / "data/labelled/a.parquet")
    number = table.schema.get_field_index("num_samples")
    pq.write_table(table.set_column(number, "num_samples", pa.array(["8000"] * 4)), tmp_path / "typed/a.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def told(capsys: Capture) -> Callable[..., str]:
    """Gives a command that must fail; returns its one line on standard error, stages that it began left out."""

    def run(*command: str, code: int = 2) -> str:
        try:
            found = main(command)
        except SystemExit as end:  # argparse
            found = int(str(end.code))
        said = capsys.readouterr()
        assert (found, said.out) == (code, ""), said.err
        (line,) = (
            line
            for line in said.err.splitlines()
            if not re.fullmatch(r"[\w/-]+: (starting|goes on|changed: .*|because .*)", line)
        )
        return line

    return run


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("nonsense", "ipl: argument COMMAND: invalid choice: 'nonsense'"),
        ("mine", "the following arguments are required: SOURCE, --out; `ipl mine --help` says more"),
        ("run plan.yaml --workers 0", "ipl run: argument --workers: found '0', expected a whole number from 1"),
        ("run plan.yaml --executor moon", "argument --executor: invalid choice: 'moon'"),
        ("transcribe --model model a.wav --beam 0", "argument --beam: found '0', expected a whole number from 1"),
        ("data show data/dev -n -3", "argument -n: found '-3', expected a whole number from 1"),
        ("check nowhere.yaml", "ipl: nowhere.yaml: no such file"),
        ("check data", "ipl: data: a folder; expected a YAML file"),
        ("run plan.yaml --out plan.yaml", "plan.yaml: a file; expected a run directory"),
        ("run plan.yaml --out plan.yaml/x", "Not a directory; a file is in the way: choose another place"),
        ("mine nowhere.mp4 --out out", "ipl: nowhere.mp4: no such file or folder; check the path"),
        ("mine empty --out out", "ipl: empty: no media files in this folder; expected files such as .mp4"),
        ("mine *.zzz --out out", "no media file matches this pattern"),
        ("mine empty --out out --config nowhere.yaml", "ipl: nowhere.yaml: no such file"),
        ("status empty", "not a run directory; expected one that `ipl run` made"),
        ("report nowhere", "nowhere: neither a run (no environment.json) nor a mined folder"),
        ("evaluate --model empty --data data/dev", "ipl: empty: no model; expected a folder with config.json"),
        ("transcribe --model nowhere a.wav", "ipl: nowhere: no model; expected a folder with config.json"),
        ("evaluate --model model --data nowhere", "ipl: nowhere: no such folder; expected a folder of utterances"),
        ("data info empty", "ipl: empty: no Parquet files in it; expected utterances (`ipl data import` makes them)"),
        ("data import nokind data --out out", "ipl: no corpus is called 'nokind'; known: audio_folder"),
        ("data import audio_folder nowhere --out out", "ipl: nowhere: no such file or folder"),
        ("data import audio_folder empty --out out", "ipl: empty: no audio files below it; expected names"),
        ("data import audio_folder empty --out data", "ipl: data: is there already; name a new or empty folder"),
        ("data import audio_folder empty --out out --option lang", "ipl: --option lang: expected KEY=VALUE"),
        (
            "data import audio_folder empty --out out --option lang=en",
            "--option lang: corpus 'audio_folder' has no such option; did you mean 'language'?",
        ),
        (
            "data import audio_folder empty --out out --option hide_text=perhaps",
            "--option hide_text: found 'perhaps', expected bool; write true or false",
        ),
        ("data synth factory --out out --option videos=0", "supplier 'factory': videos is 0, expected 1 or more"),
        ("data synth factory --out out --seed -1", "--seed: found '-1', expected a whole number from 0"),
        ("data export nokind data/dev --out out", "ipl: no exporter is called 'nokind'; known: huggingface"),
        ("data export kaldi empty --out out", "ipl: empty: no Parquet files in it"),
        ("plugins show nope", "ipl: no plugin is called 'nope'; known: "),
        ("plugins new nope x.py", "ipl: no role is called 'nope'; known: aligner"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(
    place: Path, told: Callable[..., str], command: str, expected: str
) -> None:
    assert expected in told(*command.split())
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("nonsense", "ipl: --set nonsense: expected key=value, for example --set defaults.trainer.epochs=5"),
        ("=3", "ipl: --set =3: expected key=value"),
        ("cycles.=1", "ipl: --set cycles.=1: expected key=value"),
        ("cycles[9].name=x", "ipl: --set cycles[9].name: nothing can be set below '[9]' in plan.yaml"),
        ("name.x=1", "ipl: --set name.x: no such place in plan.yaml"),
        ("seed=[1", "ipl: --set seed=[1: '[1' is not YAML: "),
        ("sede=1", "--set sede=1: no such key; did you mean 'seed'?"),
        ("defaults.trainer.epochs=many", "--set defaults.trainer.epochs=many: found 'many', expected int"),
        (
            "defaults.trainer.epoch=3",
            "--set defaults.trainer.epoch=3: trainer 'ddp' has no such option; did you mean",
        ),
        (
            "defaults.trainer.epochs=0",
            "plan.yaml:6: defaults.trainer (with --set defaults.trainer.epochs=0): trainer 'ddp': epochs: found 0",
        ),
        ("models=[nowhere]", "--set models=[nowhere]: models[0]: {place}/nowhere: no such file or folder"),
    ],
)
def test_nonsense_to_set(place: Path, told: Callable[..., str], override: str, expected: str) -> None:
    assert told("check", "plan.yaml", "--set", override).startswith(expected.format(place=place))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("--set", "voice_detector=silero"),
            "--set voice_detector=silero: voice_detector.use: no voice_detector is called 'silero'; known: ",
        ),
        (
            ("--set", "voice_detector={use: webrtcvad, aggressiveness: 9}"),
            "--set voice_detector={use: webrtcvad, aggressiveness: 9}: voice_detector.aggressiveness: found 9, exp",
        ),
        (("--set", "langauge=sw"), "--set langauge=sw: no such key; did you mean 'language'?"),
        (("--language", "Swahili!"), "--language Swahili!: found 'Swahili!', expected a language tag such as en"),
    ],
)
def test_mining_with_nonsense_and_no_file(
    place: Path, told: Callable[..., str], arguments: tuple[str, str], expected: str
) -> None:
    assert told("mine", "empty", "--out", "out", *arguments).startswith(expected)


def test_every_problem_of_a_plan_is_a_line_of_its_own(place: Path, capsys: Capture) -> None:
    text = PLAN.replace("name: small", "name: small\nname: other\nsede: 1").replace("use: ddp", "use: dpd")
    (place / "plan.yaml").write_text(text.replace("dev: data/dev", "dev: data/dve"))
    assert main(["check", "plan.yaml"]) == 2
    said = capsys.readouterr()
    assert [line.split(": ", 2)[:2] for line in said.err.splitlines()] == [
        ["plan.yaml:2", "name"],
        ["plan.yaml:3", "sede"],
        ["plan.yaml:4", "data.dev"],
        ["plan.yaml:8", "defaults.trainer.use"],
    ]
    assert said.out == ""


@pytest.mark.parametrize("command", ["data info", "data show", "evaluate --model model --data", "run"])
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (
            "cut",
            "cut/a.parquet: not a Parquet file, or cut short: Parquet magic bytes not found in footer; write it again",
        ),
        ("wrong", "wrong/a.parquet: not a table of utterances: fields are missing: audio, confidence, end_ms"),
        ("typed", "typed/a.parquet: utterances.num_samples: found string, expected int64; write it again"),
        ("empty", "empty: no Parquet files in it; expected utterances"),
    ],
)
def test_a_data_set_that_is_none(
    place: Path, told: Callable[..., str], command: str, folder: str, expected: str
) -> None:
    arguments = (
        ["run", "plan.yaml", "--set", f"data.labelled={folder}"] if command == "run" else [*command.split(), folder]
    )
    assert expected in told(*arguments)
    assert not (place / "runs/small/cycle-000").exists()  # before any work


@pytest.mark.parametrize("where", ["models=[data]", "defaults.initializer.path=data"])
def test_a_model_folder_that_is_none(place: Path, told: Callable[..., str], where: str) -> None:
    line = told("run", "plan.yaml", "--set", where)
    assert line.startswith(f"ipl: {place}/data: not a model: config.json cannot be read (No such file or directory)")
    assert "expected a folder with config.json and model.safetensors" in line


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda model: (model / "model.safetensors").unlink(), "model.safetensors: no weights can be read from it"),
        (lambda model: (model / "model.safetensors").write_bytes(b"short"), "no weights can be read from it"),
        (lambda model: (model / "config.json").write_text("{"), "model/config.json: not JSON"),
        (lambda model: (model / "config.json").write_text("{}"), "config.json: not the config.json of an ipl model"),
    ],
)
def test_a_damaged_model(
    place: Path, told: Callable[..., str], damage: Callable[[Path], object], expected: str
) -> None:
    damage(place / "model")
    assert expected in told("evaluate", "--model", "model", "--data", "data/dev")


def test_a_run_directory_in_use(place: Path, told: Callable[..., str]) -> None:
    with RunDir(place / "runs" / "small").lock():
        line = told("run", "plan.yaml")
    assert line == f"ipl: {place}/runs/small: in use by process {os.getpid()}; wait for it, or end it"


def ipl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ipl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "999"})


def test_labels_with_characters_that_the_model_lacks_are_left_out_counted_and_told(place: Path) -> None:
    done = ipl("run", "plan.yaml")
    assert done.returncode == 0, done.stderr
    told = (
        "training: 2 utterances left out (unknown_characters 2), the first u2: 'e' in 'abe'; all are in skipped.jsonl"
    )
    assert told in done.stderr
    assert (place / "runs/small/cycle-000/train/skipped.jsonl").read_text().count("unknown_characters") == 2
    metrics = read_json(place / "runs/small/cycle-000/train/receipt.json")["result"]["epochs"][0]["metrics"]
    assert (metrics["utterances"], metrics["skipped"]) == (2, 2)
    # Results on standard output, progress on standard error, and no word of a library.
    assert done.stdout.startswith("model ")
    assert done.stdout.rstrip().endswith("report.html")
    ours = re.compile(r"(  )?(data|cycle[ -]\d+|training)\b.*")
    assert [line for line in done.stderr.splitlines() if not ours.fullmatch(line)] == []


def test_a_training_of_which_nothing_can_be_learned_ends(place: Path) -> None:
    write_model(place / "other", "xyz ")
    done = ipl("run", "plan.yaml", "--set", "defaults.initializer.path=other")
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert "none of its 4 utterances can be learned from; the first, u0, unknown_characters, 'ab' in 'ab'" in last
    assert "Traceback" not in done.stderr


def sandboxed(script: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Runs a shell script in a mount namespace of its own, where it may mount; skips where there is none."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody make a mount namespace (unshare -rm), so no disk can be filled")
    script = f'set -e\nipl() {{ {sys.executable} -m ipl "$@"; }}\n{script}'
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], cwd=place, capture_output=True, text=True, check=False
    )


FULL = "mkdir full; mount -t tmpfs -o size=64k tmpfs full; head -c {} /dev/zero > full/padding; "


@pytest.mark.parametrize(
    ("command", "padding", "expected"),
    [
        ("run plan.yaml --out full/run --set defaults.trainer.max_restarts=0", 0, "no room left on its disk"),
        ("run plan.yaml --out full/run", 65536, "No space left on device"),
        ("data import kaldi kaldi --out full/set", 50_000, "full/set/utterances/part-00000.parquet: No space left"),
        ("data export manifest data/labelled --out full/set", 50_000, "No space left on device"),
    ],
)
def test_a_full_disk(place: Path, command: str, padding: int, expected: str) -> None:
    assert main(["data", "export", "kaldi", "data/labelled", "--out", "kaldi"]) == 0
    done = sandboxed(f"{FULL.format(padding)} ipl {command}", place)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert expected in last
    assert "free some" in last
    assert "the same command" in last


@pytest.mark.parametrize(
    "command",
    ["run plan.yaml --out ro/run", "data import kaldi kaldi --out ro/set", "mine film.mp4 --out ro/mined"],
)
def test_a_place_that_cannot_be_written_to(place: Path, command: str) -> None:
    (place / "film.mp4").touch()
    assert main(["data", "export", "kaldi", "data/labelled", "--out", "kaldi"]) == 0
    done = sandboxed(f"mkdir ro; mount -t tmpfs tmpfs ro; mount -o remount,ro ro; ipl {command}", place)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("ipl: ")
    assert f"{command.split()[-1]}: " in line
    assert "Read-only file system; choose" in line


def test_a_folder_without_permission(place: Path, capsys: Capture) -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to become somebody else")
    for each in (place, *place.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    if os.geteuid() != 0:
        place.chmod(0o555)
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-m", "ipl", "run", "plan.yaml", "--out", "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    place.chmod(0o755)
    if drop and "Permission denied" in done.stderr and "ipl: " not in done.stderr:
        pytest.skip("an unprivileged user cannot read this Python or this folder")
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(r"ipl: .*: Permission denied; check its permissions, or choose another place", line)
