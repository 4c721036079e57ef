"""Corpora: outside data sets come in whole, and what cannot be read is told, file by file."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from ipl_datasets.corpora import AudioFolder, Kaldi, LibriSpeech, Manifest

from ipl.audio import decode, encode_flac
from ipl.errors import InputError
from ipl.records import Reject, Utterance
from ipl.schemas import REJECTS, UTTERANCES
from ipl.tables import write_table

DATA = Path(__file__).parents[2] / "shared" / "data"
RATE = 16_000


def tone(seconds: float = 0.5, rate: int = RATE, channels: int = 1) -> np.ndarray:
    samples = 0.3 * np.sin(np.arange(int(seconds * rate)) / 9)
    return samples if channels == 1 else np.stack([samples, np.zeros_like(samples)], axis=1)


def write_audio(path: Path, seconds: float = 0.5, rate: int = RATE, channels: int = 1, **kind: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, tone(seconds, rate, channels), rate, **kind)
    return path


def split(rows: Iterable[Utterance | Reject]) -> tuple[list[Utterance], list[Reject]]:
    found = list(rows)
    return [row for row in found if isinstance(row, Utterance)], [row for row in found if isinstance(row, Reject)]


def reasons(rejects: list[Reject]) -> dict[str, str]:
    return {row.source_id: row.reason for row in rejects}


# --- folders ---------------------------------------------------------------------------------------------------


def test_a_folder_of_audio_with_texts_beside(tmp_path: Path) -> None:
    write_audio(tmp_path / "b.flac")
    write_audio(tmp_path / "a" / "one.wav", rate=8000)
    (tmp_path / "a" / "one.txt").write_text("\ufeffhello\n there \n", encoding="utf-8")
    write_audio(tmp_path / "a" / "two.ogg", format="OGG", subtype="OPUS")
    (tmp_path / "a" / "two.lab").write_text("kyéma yeékirá")
    (tmp_path / "notes.txt").write_text("no audio beside it")
    kept, rejects = split(AudioFolder(language="mdw").read_corpus(tmp_path))
    assert not rejects
    assert [(row.utt_id, row.source_id, row.text, row.origin, row.language) for row in kept] == [
        ("a/one", "a/one.wav", "hello there", "labelled", "mdw"),
        ("a/two", "a/two.ogg", "kyéma yeékirá", "labelled", "mdw"),
        ("b", "b.flac", None, "unlabelled", "mdw"),
    ]
    assert [row.audio[:4] for row in kept] == [b"fLaC", b"OggS", b"fLaC"]
    assert kept[2].audio == (tmp_path / "b.flac").read_bytes(), "what can be kept as it is, is"
    assert [(row.sample_rate_hz, row.num_samples, row.end_ms) for row in kept][::2] == [
        (8000, 4000, 500),
        (16000, 8000, 500),
    ]
    write_table(tmp_path / "table.parquet", kept, UTTERANCES)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
@pytest.mark.parametrize("rate", [8000, 44_100])
def test_every_format_is_heard_alike_and_stereo_is_mixed_down(tmp_path: Path, suffix: str, rate: int) -> None:
    write_audio(tmp_path / f"a.{suffix}", rate=rate, channels=2)
    (row,), rejects = split(AudioFolder().read_corpus(tmp_path))
    assert not rejects
    samples, found_rate = decode(row.audio)
    assert (found_rate, row.sample_rate_hz, row.num_samples) == (rate, rate, len(samples))
    assert len(samples) >= rate // 2
    assert np.abs(samples[: rate // 2] - tone(rate=rate)[: len(samples)] / 2).mean() < 0.02


def test_what_libsndfile_cannot_read_goes_through_ffmpeg(tmp_path: Path) -> None:
    import subprocess

    from ipl.mining.media import ffmpeg_path

    wav = write_audio(tmp_path / "in" / "a.wav", rate=22_050)
    (tmp_path / "out").mkdir()
    command = [ffmpeg_path(), "-loglevel", "error", "-i", str(wav), "-c:a", "aac", str(tmp_path / "out" / "a.m4a")]
    subprocess.run(command, check=True)
    (row,), rejects = split(AudioFolder().read_corpus(tmp_path / "out"))
    assert not rejects
    assert row.sample_rate_hz == 22_050
    assert row.end_ms == pytest.approx(500, abs=60)


def test_one_bad_file_among_many_is_a_reject_each_of_its_kind(tmp_path: Path) -> None:
    good = write_audio(tmp_path / "good.wav")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.flac").write_text("this is no audio at all")
    write_audio(tmp_path / "nothing.wav", seconds=0)
    long = io.BytesIO(encode_flac(np.random.default_rng(0).uniform(-0.5, 0.5, 5 * RATE), RATE)).getvalue()
    (tmp_path / "cut.flac").write_bytes(long[: len(long) // 2])
    (tmp_path / "folder.wav").mkdir()
    write_audio(tmp_path / "bats.wav", seconds=0.01, rate=1_000_000)
    write_audio(tmp_path / "gbk.wav")
    (tmp_path / "gbk.txt").write_bytes("你好".encode("gbk"))
    write_audio(tmp_path / "utf16.wav")
    (tmp_path / "utf16.txt").write_text("hello", encoding="utf-16")
    write_audio(tmp_path / "good.flac")
    kept, rejects = split(AudioFolder().read_corpus(tmp_path))
    assert [row.utt_id for row in kept] == ["good"]
    assert reasons(rejects) == {
        "empty.wav": "unreadable_audio",
        "text.flac": "unreadable_audio",
        "bats.wav": "unreadable_audio",
        "nothing.wav": "no_samples",
        "cut.flac": "unreadable_audio",
        "gbk.wav": "unreadable_text",
        "utf16.wav": "unreadable_text",
        "good.wav": "duplicate_id",
    }
    assert all(row.stage == "corpus" and row.detail and "\n" not in row.detail for row in rejects)
    assert good.exists()
    write_table(tmp_path / "table.parquet", rejects, REJECTS)


def test_a_folder_without_audio_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(InputError, match="no audio files below it; expected names that end in"):
        list(AudioFolder().read_corpus(tmp_path))
    with pytest.raises(InputError, match="no such folder"):
        list(AudioFolder().read_corpus(tmp_path / "nowhere"))


def test_hidden_texts_stay_out_everywhere(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav")
    (tmp_path / "a.txt").write_text("secret")
    manifest = tmp_path / "list.jsonl"
    manifest.write_text('{"path": "a.wav", "text": "secret"}\n{"path": "gone.wav", "text": "secret"}\n')
    (tmp_path / "wav.scp").write_text("a a.wav\n")
    (tmp_path / "text").write_text("a secret\nb secret\n")
    for rows in (
        AudioFolder(hide_text=True).read_corpus(tmp_path),
        Manifest(hide_text=True).read_corpus(manifest),
        Kaldi(hide_text=True).read_corpus(tmp_path),
    ):
        found = list(rows)
        assert [row.origin for row in found if isinstance(row, Utterance)] == ["unlabelled"]
        assert all(row.text is None for row in found)


def test_the_layout_of_librispeech(tmp_path: Path) -> None:
    chapter = tmp_path / "84" / "121123"
    for number in range(3):
        write_audio(chapter / f"84-121123-000{number}.flac")
    (chapter / "84-121123.trans.txt").write_text(
        "84-121123-0000 GO DO YOU HEAR\n84-121123-0001 BUT\n84-121123-0009 GONE\n"
    )
    kept, rejects = split(LibriSpeech().read_corpus(tmp_path))
    assert [(row.utt_id, row.text, row.speaker, row.language) for row in kept] == [
        ("84-121123-0000", "GO DO YOU HEAR", "84", "en"),
        ("84-121123-0001", "BUT", "84", "en"),
    ]
    assert reasons(rejects) == {
        "84/121123/84-121123-0009.flac": "missing_file",
        "84/121123/84-121123-0002.flac": "no_text",
    }
    (chapter / "84-121123.trans.txt").unlink()
    with pytest.raises(InputError, match=r"no \*\.trans\.txt below it"):
        list(LibriSpeech().read_corpus(tmp_path))


# --- manifests -------------------------------------------------------------------------------------------------

ROWS = [
    {"id": "u1", "path": "a.wav", "text": 'he said "no", twice', "speaker": "ann", "split": "train"},
    {"id": "u2", "path": "b.wav", "text": "it's théir café", "speaker": "bob", "split": "train"},
    {"id": "u3", "path": "a.wav", "text": "", "speaker": "", "split": "dev"},
]


def write_manifest(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8") -> Path:
    import csv

    with path.open("w", encoding=encoding, newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        elif path.suffix == ".csv":
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.writelines("\t".join(line) + "\r\n" for line in [list(rows[0]), *(row.values() for row in rows)])
    return path


@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_manifests_of_every_kind_say_the_same(tmp_path: Path, suffix: str, encoding: str) -> None:
    for name in "ab":
        write_audio(tmp_path / f"{name}.wav")
    manifest = write_manifest(tmp_path / f"list.{suffix}", ROWS, encoding)
    kept, rejects = split(Manifest().read_corpus(manifest))
    assert not rejects
    assert [(row.utt_id, row.text, row.speaker, row.origin) for row in kept] == [
        ("u1", 'he said "no", twice', "ann", "labelled"),
        ("u2", "it's théir café", "bob", "labelled"),
        ("u3", None, None, "unlabelled"),
    ]
    for where, expected in [
        ({"split": "train"}, ["u1", "u2"]),
        ({"speaker": ("ann", "")}, ["u1", "u3"]),
        ({"split": "train", "speaker": "bob"}, ["u2"]),
    ]:
        kept, _ = split(Manifest(where=where).read_corpus(manifest))  # type: ignore[arg-type]
        assert [row.utt_id for row in kept] == expected


def test_parts_of_files_by_seconds(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", seconds=2.0)
    manifest = tmp_path / "list.jsonl"
    rows = [
        {"audio_filepath": "a.wav", "offset": 0.5, "duration": 0.25, "text": "one"},
        {"audio_filepath": "a.wav", "offset": 1.5, "text": "two"},
        {"audio_filepath": "a.wav", "offset": 2.5, "duration": 1, "text": "three"},
        {"audio_filepath": "a.wav", "offset": "nan", "text": "four"},
    ]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    kept, rejects = split(Manifest(audio="audio_filepath", start="offset").read_corpus(manifest))
    assert [(row.utt_id, row.start_ms, row.end_ms, row.num_samples) for row in kept] == [
        ("a-500-750", 500, 750, 4000),
        ("a-1500-", 1500, 2000, 8000),
    ]
    samples, _ = decode(kept[0].audio)
    assert np.allclose(samples, tone(2.0)[8000:12_000], atol=1e-3)
    assert [row.reason for row in rejects] == ["outside_file", "bad_row"]
    assert rejects[0].text == "three"


def test_a_broken_row_is_a_reject_with_its_line(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav")
    manifest = tmp_path / "list.jsonl"
    manifest.write_text('{"path": "a.wav", "text": "x"}\n{"path": "a.w\n\n[1]\n{"path": "", "text": "y"}\n')
    kept, rejects = split(Manifest().read_corpus(manifest))
    assert len(kept) == 1
    assert reasons(rejects) == dict.fromkeys(["list.jsonl:2", "list.jsonl:4", "list.jsonl:5"], "bad_row")
    table = tmp_path / "list.tsv"
    table.write_text("path\ttext\na.wav\tx\ty\na.wav\tx\n")
    kept, rejects = split(Manifest().read_corpus(table))
    assert len(kept) == 1
    assert rejects[0].detail == "3 cells, expected 2"


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.txt", b"", {}, "expected a file that ends in .tsv .csv .jsonl"),
        ("a.tsv", b"", {}, "no rows in it"),
        ("a.tsv", b"path\ttext\n", {}, "no rows in it"),
        ("a.tsv", b"file\ttext\nx\ty\n", {}, "no column 'path' for 'audio'; "),
        ("a.tsv", b"path\tsentence\nx\ty\n", {}, r"no column 'text' for 'text' \(or set hide_text\)"),
        ("a.tsv", b"path\ttext\nx\ty\n", {"speaker": "who"}, "no column 'who' for 'speaker'"),
        ("a.tsv", b"path\ttext\tpath\nx\ty\tz\n", {}, "two columns have one name"),
        ("a.tsv", b"path\ttext\tsplit\nx\ty\ttrain\n", {"where": {"splt": "dev"}}, "did you mean 'split'"),
        ("a.tsv", b"path\ttext\tsplit\nx\ty\ttrain\n", {"where": {"split": "dev"}}, "asked for 'dev', found train"),
        ("a.tsv", "path\ttext\nx\tcafé\n".encode("latin-1"), {}, r"a.tsv:2: byte 0xe9 is not UTF-8"),
        ("a.tsv", "path\ttext\nx\ty\n".encode("utf-16"), {}, "UTF-16, expected UTF-8"),
        ("a.csv", b'path,text\nx,"never closed\ny,z\n', {}, "quotation mark"),
        ("a.jsonl", b"not json\n", {}, "no rows in it"),
    ],
)
def test_a_manifest_that_is_wrong_as_a_whole(
    tmp_path: Path, name: str, content: bytes, options: dict[str, str], message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        list(Manifest(**options).read_corpus(tmp_path / name))  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


# --- Kaldi -----------------------------------------------------------------------------------------------------


def test_a_data_directory_of_kaldi(tmp_path: Path) -> None:
    write_audio(tmp_path / "audio" / "r1.wav", seconds=2)
    (tmp_path / "wav.scp").write_text("r1 audio/r1.wav\nr2 sph2pipe -f wav r2.sph |\n")
    (tmp_path / "segments").write_text("u1 r1 0.5 1.0\nu2 r1 1.0 -1\nu3 r2 0 1\nu4 r3 0 1\nu5 r1 x y\n")
    (tmp_path / "text").write_text("u1 hello there\nu9 nobody\n")
    (tmp_path / "utt2spk").write_text("u1 ann\n")
    kept, rejects = split(Kaldi().read_corpus(tmp_path))
    assert [(row.utt_id, row.text, row.speaker, row.start_ms, row.end_ms) for row in kept] == [
        ("u1", "hello there", "ann", 500, 1000),
        ("u2", None, None, 1000, 2000),
    ]
    assert [row.reason for row in rejects] == ["command", "missing_file", "bad_row", "no_audio"]


def test_kaldi_needs_wav_scp_with_one_line_a_recording(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(Kaldi().read_corpus(tmp_path))
    (tmp_path / "wav.scp").write_text("a x.wav\na y.wav\n")
    with pytest.raises(InputError, match="'a' has two lines"):
        list(Kaldi().read_corpus(tmp_path))


# --- real recordings -------------------------------------------------------------------------------------------


def real(name: str) -> Path:
    manifest = DATA / name / "manifest.tsv"
    if not manifest.exists():
        pytest.skip(f"{manifest} is not there (real recordings are no part of the project)")
    return manifest


def test_mboshi_by_split_and_speaker() -> None:
    wanted = {"split": "dev", "speaker": "martial"}
    kept, rejects = split(Manifest(where=wanted, language="mdw").read_corpus(real("mboshi")))  # type: ignore[arg-type]
    assert not rejects
    assert {(row.speaker, row.sample_rate_hz, row.origin) for row in kept} == {("martial", 16_000, "labelled")}
    assert len(kept) > 10
    assert all(row.text and row.audio[:4] == b"OggS" for row in kept)


def test_fsdd_without_ids_and_librispeech_as_a_pool() -> None:
    kept, rejects = split(Manifest(where={"take": (0, 1), "speaker": "george"}).read_corpus(real("fsdd")))
    assert (len(kept), len(rejects)) == (20, 0)
    assert {row.sample_rate_hz for row in kept} == {8000}
    pool, rejects = split(
        Manifest(where={"speaker": ("1034", "1040")}, hide_text=True).read_corpus(real("librispeech_250"))
    )
    assert (len(pool), len(rejects)) == (2, 0)
    assert {(row.text, row.origin) for row in pool} == {(None, "unlabelled")}
