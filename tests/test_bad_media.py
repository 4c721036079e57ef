"""Bad sources among good ones, as a user of `ipl mine`, `ipl data import` and `ipl transcribe` meets them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.models.model import create
from ipl.asr.models.store import save
from ipl.asr.units import Units
from ipl.audio import decode, encode_flac
from ipl.cli import main
from ipl.errors import MediaError
from ipl.mining.probe import ffmpeg_path
from ipl.records import Utterance
from ipl.schemas import UTTERANCES
from ipl.tables import Dataset, write_table

SRT = "1\n00:00:00,900 --> 00:00:02,900\n{}\n\n2\n00:00:03,900 --> 00:00:06,000\n{}\n"
ENGLISH = ("First line", "Second line.")
POLISH = ("Zażółć gęślą", "Ünder")
CHINESE = ("今天天气很好我们去公园", "你喜欢喝茶还是咖啡")
FRENCH = ("Le garçon a mangé", "Où est la forêt ?")
VOICE = (
    "aevalsrc='(0.5*sin(2*PI*(120+20*sin(6*t))*t)*(0.6+0.4*sin(25*t))+0.2*sin(2*PI*1500*t)*sin(25*t))"
    "*(between(t,1,2.5)+between(t,4,5.5))':s=16000:d=7"
)

Capture = pytest.CaptureFixture[str]


def ffmpeg(*arguments: object) -> None:
    command = [ffmpeg_path(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds of picture, with what a voice detector takes for voice at 1 to 2.5 s and 4 to 5.5 s."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=gray:size=64x48:rate=5:duration=7", "-f", "lavfi", "-i", VOICE, path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt nothing, but speaks."""
    folder = tmp_path_factory.mktemp("model") / "model"
    sizes: dict[str, int | float] = {"width": 16, "layers": 1, "subsampling": 2}
    config = ModelConfig("conv", sizes, features=FeatureConfig(sample_rate_hz=8000, num_mels=20))
    save(create(config, Units.collect(["abcd "]), seed=3), folder)
    return folder


def write_sources(folder: Path, film: Path) -> None:
    """One good source and one of every bad kind; names say which."""

    def beside(name: str, subtitles: bytes, video: Path = film) -> None:
        shutil.copyfile(video, folder / f"{name}{video.suffix}")
        (folder / f"{name}.srt").write_bytes(subtitles)

    folder.mkdir()
    english = SRT.format(*ENGLISH).encode()
    beside("good", english)
    beside("utf16", SRT.format(*POLISH).encode("utf-16"))
    beside("gbk", SRT.format(*CHINESE).encode("gbk"))
    beside("latin1", SRT.format(*FRENCH).encode("latin-1"))
    beside("empty_srt", b"")
    beside("garbled_srt", bytes(range(1, 256)) * 4)
    beside("prose_srt", b"I am no subtitle.\nReally.\n")
    beside("broken_times", SRT.format("Whole", "x").replace("00:00:03,900", "00:00:0x,900").encode())
    for name, arguments in (
        ("mute.mp4", ("-an", "-c:v", "copy")),
        ("sound_only.m4a", ("-vn",)),
        ("sound_alone.mp3", ("-vn",)),
        ("stereo_8k.wav", ("-vn", "-ar", "8000", "-ac", "2")),
        ("cut.mkv", ("-c", "copy")),
    ):
        ffmpeg("-i", film, *arguments, folder / name)
        if name != "sound_alone.mp3":
            (folder / name).with_suffix(".srt").write_bytes(english)
    whole = (folder / "cut.mkv").read_bytes()
    (folder / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "cut_index.mp4").write_bytes(film.read_bytes()[:4000])
    (folder / "no_film.mp4").write_text("this is no film\n" * 99)
    (folder / "zero.mp4").touch()
    sf.write(folder / "no_samples.wav", np.zeros(0), 16_000)


REJECTED = {
    "empty_srt": ("unreadable subtitles", "empty_srt.srt: an empty subtitle file (0 bytes); replace it"),
    "garbled_srt": ("unreadable subtitles", "text in no encoding that could be told; save it as UTF-8"),
    "prose_srt": ("unreadable subtitles", "in no subtitle format that is known (it begins 'I am no subtitle. Really.'"),
    "mute": ("no audio", "it has pictures only; mining needs sound"),
    "sound_alone": ("no subtitles", "put a subtitle file of the same name beside it"),
    "cut_index": ("unreadable", "cut short, or still being written"),
    "no_film": ("unreadable", "not a media file that ffmpeg can read"),
    "zero": ("unreadable", "empty (0 bytes); copy or download it again"),
    "no_samples": ("unreadable", "holds no readable packet"),
}
TEXTS = {
    "good": ENGLISH,
    "utf16": POLISH,
    "gbk": CHINESE,
    "latin1": FRENCH,
    "sound_only": ENGLISH,
    "stereo_8k": ENGLISH,
    "cut": ENGLISH,
    "broken_times": ("Whole",),
}


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory, film: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """What `ipl mine` makes of all of them, and what it says."""
    folder = tmp_path_factory.mktemp("mined")
    write_sources(folder / "in", film)
    command = [sys.executable, "-m", "ipl", "mine", str(folder / "in"), "--out", str(folder / "out")]
    return folder / "out", subprocess.run(command, capture_output=True, text=True, check=False)


def rows(folder: Path, table: str, source_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / table / f"{source_id}.parquet").to_pylist()
    return found


def test_one_bad_source_of_each_kind_is_a_reject_and_the_run_goes_on(
    mined: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, done = mined
    assert done.returncode == 0, done.stderr
    failed = {each["source_id"]: each for each in json.loads((out / "summary.json").read_text())["failed"]}
    assert {name: each["reason"] for name, each in failed.items()} == {name: why for name, (why, _) in REJECTED.items()}
    for name, (reason, detail) in REJECTED.items():
        assert detail in failed[name]["detail"]
        (row,) = rows(out, "rejects", name)
        assert (row["reason"], row["detail"]) == (reason, failed[name]["detail"])
        assert rows(out, "pairs", name) == []


def test_each_is_told_in_one_line_and_nothing_else_is_said(
    mined: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, done = mined
    lines = [line for line in done.stderr.splitlines() if not line.startswith("  mining: ")]  # that is the progress
    assert len(lines) == len(REJECTED)  # no traceback, and no word of a library
    for name, (reason, detail) in REJECTED.items():
        (line,) = (line for line in lines if f"/{name}." in line.split(": ")[0])
        assert f": rejected, {reason}: " in line
        assert detail in line
        assert line.count(str(out.parent / "in" / f"{name}.mp4")) <= 1
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stdout.startswith("mined\n")


def test_texts_come_out_right_whatever_their_encoding_and_the_sound_s_kind(
    mined: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, _ = mined
    for name, texts in TEXTS.items():
        pairs = rows(out, "pairs", name)
        assert tuple(row["text"] for row in pairs) == texts, name
        assert {row["sample_rate_hz"] for row in pairs} == {16_000}
        for row in pairs:
            assert len(decode(row["audio"]["bytes"])[0]) == row["num_samples"]


def test_kept_and_rejected_time_add_up(mined: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, _ = mined
    for name in TEXTS:
        receipt = json.loads((out / "receipts" / f"{name}.json").read_text())
        lengths = [row["end_ms"] - row["start_ms"] for table in ("pairs", "rejects") for row in rows(out, table, name)]
        assert sum(lengths) == receipt["duration_ms"], name
    assert "damaged" in {row["reason"] for row in rows(out, "rejects", "cut")}


def test_a_cue_whose_time_is_broken_is_a_reject_with_its_text(
    mined: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    (row,) = (row for row in rows(mined[0], "rejects", "broken_times") if row["reason"] == "unreadable time")
    assert row["text"] == "00:00:0x,900 --> 00:00:06,000 x"


def test_a_run_without_one_usable_source_fails(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "zero.mp4").touch()
    assert main(["mine", str(tmp_path / "zero.mp4"), "--out", str(tmp_path / "out")]) == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("ipl: ")
    assert "the one source cannot be used" in last
    assert (tmp_path / "out" / "rejects" / "zero.parquet").is_file()


def write_corpus(folder: Path, film: Path) -> None:
    folder.mkdir()
    ffmpeg("-i", film, "-vn", "-ar", "8000", "-ac", "2", folder / "stereo_8k.wav")
    (folder / "stereo_8k.txt").write_text("hello")
    ffmpeg("-i", film, "-an", "-c:v", "copy", folder / "mute.mp4")
    sf.write(folder / "no_samples.wav", np.zeros(0), 16_000)
    sf.write(folder / "latin.wav", np.zeros(1600), 16_000)
    (folder / "latin.txt").write_bytes("café".encode("latin-1"))
    (folder / "no_sound.wav").write_text("no sound at all")
    (folder / "zero.flac").touch()


def test_importing_a_corpus_with_bad_files(tmp_path: Path, film: Path, capsys: Capture) -> None:
    write_corpus(tmp_path / "in", film)
    assert main(["data", "import", "audio_folder", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == said.err.count("\n") == 1
    assert "1 utterance, 0.002 hours, 5 rejected" in said.out
    (utterance,) = Dataset.at(tmp_path / "out")
    assert (utterance.sample_rate_hz, utterance.num_samples, utterance.text) == (8000, 56_000, "hello")
    assert decode(utterance.audio)[0].shape == (56_000,)
    found = {row["source_id"]: row for row in pq.read_table(tmp_path / "out" / "rejects").to_pylist()}
    assert {name: row["reason"] for name, row in found.items()} == {
        "mute.mp4": "unreadable_audio",
        "no_samples.wav": "no_samples",
        "latin.wav": "unreadable_text",
        "no_sound.wav": "unreadable_audio",
        "zero.flac": "unreadable_audio",
    }
    assert not any("object at 0x" in row["detail"] for row in found.values())


def test_a_corpus_of_which_nothing_can_be_used_leaves_nothing_behind(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "in").mkdir()
    sf.write(tmp_path / "in" / "a.wav", np.zeros(0), 16_000)
    command = ["data", "import", "audio_folder", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    for _ in range(2):  # the second time it is not in its own way
        assert main(command) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"ipl: {tmp_path / 'in'}: no utterance in it can be used, 1 rejected, the first: no_samples" in line


def test_transcribing_tells_what_cannot_be_read_and_goes_on(
    tmp_path: Path, film: Path, model: Path, capsys: Capture
) -> None:
    write_sources(tmp_path / "in", film)
    bad = ["no_samples.wav", "zero.mp4", "mute.mp4", "cut_index.mp4", "no_film.mp4", "nowhere.wav"]
    good = ["good.mp4", "stereo_8k.wav", "cut.mkv"]
    files = [str(tmp_path / "in" / name) for name in [*bad, *good]]
    assert main(["transcribe", "--model", str(model), "--beam", "1", *files]) == 2
    said = capsys.readouterr()
    assert [line.split("\t")[0] for line in said.out.splitlines()] == files[len(bad) :]
    errors = said.err.splitlines()
    assert len(errors) == len(bad) + 1
    assert "cut.mkv: damaged or cut short (" in errors[-1]  # but what it holds is transcribed
    for line, file in zip(errors, [*files[: len(bad)], files[-1]], strict=True):
        assert line.startswith(f"ipl: {file}: ")


def test_an_utterance_of_no_samples_is_kept_as_one(tmp_path: Path, model: Path, capsys: Capture) -> None:
    audio = encode_flac(np.zeros(0), 16_000)
    write_table(
        tmp_path / "data" / "a.parquet", [Utterance("a", "a", 0, 0, audio, 16_000, 0, "abc"), heard("b")], UTTERANCES
    )
    first, _ = Dataset.at(tmp_path / "data")
    assert decode(first.audio)[0].shape == (0,)
    assert main(["data", "info", str(tmp_path / "data")]) == 0
    assert main(["evaluate", "--model", str(model), "--data", str(tmp_path / "data"), "--beam", "1"]) == 0
    said = capsys.readouterr()
    assert "2 utterances" in said.out.splitlines()[-1]
    assert "Traceback" not in said.err


def heard(utt_id: str) -> Utterance:
    samples = np.random.default_rng(0).normal(0, 0.1, 8000)
    return Utterance(utt_id, utt_id, 0, 1000, encode_flac(samples, 8000), 8000, 8000, "abc")


@pytest.mark.parametrize("audio", [b"", b"no sound at all", encode_flac(np.zeros(99), 8000)[:20]])
def test_what_is_no_audio_is_told_without_an_address(audio: bytes) -> None:
    with pytest.raises(MediaError, match=rf"^utt-1: cannot be decoded as audio \({len(audio)} bytes\): \w") as caught:
        decode(audio, where="utt-1")
    assert "object at" not in str(caught.value)
