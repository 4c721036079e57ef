"""Promises of `ipl mine --srt`: each source's cues as a subtitle file, with sound and without."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipl_datasets.factory.film import Film, make_film
from ipl_datasets.factory.scene import Style
from ipl_datasets.factory.truth import read_truth
from rapidfuzz.distance import Levenshtein

import ipl
from ipl.cli import main
from ipl.errors import StageError
from ipl.mining.media import ffmpeg_path
from ipl.mining.receipts import MinedFolder
from ipl.mining.srt import srt_text, tracks_of
from ipl.records import Cue
from ipl.tables import Table

TEXTS = ("The weather is fine today", "Nobody knows the way\nto the old harbour", "She opened the door", "Come in")
FRAME_MS = 40


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small film with four burned-in subtitles, and the same without its sound."""
    folder = tmp_path_factory.mktemp("videos")
    film = Film(TEXTS, 5, (1,), True, 480, 270, "25", 30.0, None, None, Style())
    make_film(film, folder / "film.mp4")
    silent = ["-i", str(folder / "film.mp4"), "-an", "-c", "copy", str(folder / "mute.mp4")]
    subprocess.run([ffmpeg_path(), "-v", "error", *silent], check=True, stdin=subprocess.DEVNULL)
    return folder


def events(file: Path) -> list[tuple[int, int, str]]:
    return [(each.start, each.end, each.plaintext) for each in pysubs2.load(str(file))]


def test_burned_in_subtitles_become_srt_files_with_sound_and_without(
    tmp_path: Path, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mine", str(videos), "--out", str(tmp_path), "--language", "en", "--srt", "--workers", "1"]) == 0
    found = events(tmp_path / "srt" / "film.srt")
    truth = read_truth(videos / "film.mp4").cues
    assert len(found) == len(truth)
    for (start_ms, end_ms, text), cue in zip(found, truth, strict=True):
        assert abs(start_ms - cue.start_ms) <= FRAME_MS
        assert abs(end_ms - cue.end_ms) <= FRAME_MS
        assert Levenshtein.distance(" ".join(text.split()), " ".join(cue.text.split())) <= 2
    cues = Table.of_cues(tmp_path / "cues" / "film.parquet")
    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in cues] == found, "the file says what the table says"
    assert events(tmp_path / "srt" / "mute.srt") == found, "subtitles can be read without sound"
    said = capsys.readouterr()
    assert "mute.mp4: no sound: subtitles only\n" in said.err
    assert "rejected" not in said.err
    assert re.search(r"sources of no use +0\n", said.out)
    assert said.out.endswith(f"subtitles: {tmp_path / 'srt'} (2 files)\n")


def test_a_video_without_sound_alone_is_no_failure_where_srt_is_what_is_wanted(tmp_path: Path, videos: Path) -> None:
    mute = tmp_path / "mute.mp4"
    shutil.copyfile(videos / "mute.mp4", mute)
    mute.with_suffix(".srt").write_text("1\n00:00:00,900 --> 00:00:02,500\nWho is it?\n", encoding="utf-8")
    with pytest.raises(StageError, match="no audio"):
        ipl.mine(mute, out=tmp_path / "out")
    assert not (tmp_path / "out" / "srt").exists()
    result = ipl.mine(mute, out=tmp_path / "out", srt=True)
    assert result.summary["num_mined_now"] == 0, "what was mined before is written out, not mined again"
    assert (result.summary["num_pairs"], result.summary["num_cues"], result.summary["num_failed"]) == (0, 1, 0)
    assert events(tmp_path / "out" / "srt" / "mute.srt") == [(900, 2500, "Who is it?")]


def cue(start_ms: int, end_ms: int, text: str, track: str = "one") -> Cue:
    return Cue("film", start_ms, end_ms, text, track)


def test_each_track_has_a_file_and_the_one_displayed_longest_is_the_first(tmp_path: Path) -> None:
    folder = MinedFolder(tmp_path)
    cues = [cue(0, 500, "A sign", "top"), cue(100, 2000, "Who is it?\nMe."), cue(2000, 3000, "你好", "two")]
    for source_id in ("film", "film.2"):
        folder.write_tables(source_id, [], cues, [])
        folder.write_srt(source_id, None)
    assert events(folder.srt("film")) == [(100, 2000, "Who is it?\nMe.")]
    assert events(tmp_path / "srt" / "track-2" / "film.srt") == [(2000, 3000, "你好")]
    assert events(tmp_path / "srt" / "track-3" / "film.srt") == [(0, 500, "A sign")]
    folder.write_srt("film", "zh")
    assert events(folder.srt("film")) == [(2000, 3000, "你好")], "the track in the script that was asked for"
    assert events(tmp_path / "srt" / "track-2" / "film.srt") == [(100, 2000, "Who is it?\nMe.")]
    folder.set_aside(["film"])
    assert events(tmp_path / "earlier" / "srt" / "track-3" / "film.2.srt") == [(0, 500, "A sign")]
    folder.clear("film")
    assert not [file for file in (tmp_path / "srt").rglob("*") if file.is_file()]


LINE = st.text(st.characters(exclude_characters="\\", categories=["L", "N", "P"]), min_size=1, max_size=9).map(
    lambda line: f"x{line}"
)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**5), st.lists(LINE, min_size=1, max_size=3))))
def test_what_was_read_is_written_as_it_was_displayed(shown: list[tuple[int, int, list[str]]]) -> None:
    cues = [cue(start_ms, start_ms + length_ms, "\n".join(lines)) for start_ms, length_ms, lines in shown]
    (track,) = tracks_of(cues) or [[]]
    blocks = srt_text(track).split("\n\n")[:-1] if track else []
    assert [block.split("\n", 2)[2] for block in blocks] == [each.text for each in track]
    assert sorted(track, key=repr) == sorted(cues, key=repr)
