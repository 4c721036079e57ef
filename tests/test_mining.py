"""Promises of `ipl.mining`: all time accounted for, resume, one bad source among many, ids, flat memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from ipl.audio import decode
from ipl.cli import main
from ipl.errors import InputError, PluginError, StageError
from ipl.lock import locked
from ipl.mining.media import ffmpeg_path
from ipl.mining.pipeline import MiningResult, mine
from ipl.mining.plan import MiningPlan, PluginChoice
from ipl.mining.sources import beside, find_sources
from ipl.mining.timeline import union
from ipl.records import Span


@pytest.fixture(scope="session")
def fakes() -> Path:
    return Path(__file__).parent / "fake_miners.py"


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds: a tone for voice at 1 to 2 s and 3 to 4.5 s, over a picture."""
    path = tmp_path_factory.mktemp("media") / "film.mp4"
    sound = "sine=frequency=300:sample_rate=16000:duration=6,volume='between(t,1,2)+between(t,3,4.5)':eval=frame"
    _ffmpeg("-f", "lavfi", "-i", "color=gray:size=64x48:rate=5:duration=6", "-f", "lavfi", "-i", sound, path)
    return path


def _ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([ffmpeg_path(), "-v", "error", "-y", *map(str, arguments)], check=True)


def _plan(fakes: Path, behaviour: str = "", language: str | None = "en", **others: PluginChoice) -> MiningPlan:
    plugins = {
        "voice_detector": PluginChoice("loud"),
        "text_reader": PluginChoice("mumbler"),
        "aligner": PluginChoice("voice"),
        "cue_extractor": PluginChoice("listed", {"behaviour": behaviour}),
    } | others
    return MiningPlan({role: [choice] for role, choice in plugins.items()}, language, [fakes])


LISTED = "900 2500 - Hello there.\n2900 5000 <i>Who is it?</i>\n5200 5800 Nobody.\n"


def _source(folder: Path, film: Path, name: str = "film.mp4", listed: str = LISTED) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    shutil.copyfile(film, path)
    path.with_suffix(".fake").write_text(listed)
    return path


def _rows(result_dir: Path, table: str, source_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(result_dir / table / f"{source_id}.parquet").to_pylist()
    return rows


def _files(folder: Path) -> dict[str, bytes]:
    """All that mining wrote, but for receipts and the summary, which hold seconds of work."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix in (".parquet", ".jpg"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_source_becomes_pairs_cues_and_rejects(tmp_path: Path, film: Path, fakes: Path) -> None:
    _source(tmp_path / "in", film)
    result = mine([tmp_path / "in"], tmp_path / "out", _plan(fakes))
    pairs = _rows(tmp_path / "out", "pairs", "film")
    assert [row["text"] for row in pairs] == ["Hello there.", "Who is it?"]
    for row, (start_ms, end_ms) in zip(pairs, [(1000, 2000), (3000, 4500)], strict=True):
        assert abs(row["start_ms"] - (start_ms - 100)) <= 80  # the tone with its padding, blurred by AAC
        assert abs(row["end_ms"] - (end_ms + 100)) <= 80
    for row in pairs:
        samples, rate = decode(row["audio"]["bytes"])
        assert (rate, len(samples)) == (16_000, row["num_samples"]) == (16_000, 16 * (row["end_ms"] - row["start_ms"]))
        assert row["utt_id"] == f"film-{row['start_ms']:08d}-{row['end_ms']:08d}"
        assert (row["origin"], row["language"], row["source_id"]) == ("mined", "en", "film")
        # What was cut out is the tone: loud but for the padding.
        assert np.mean(np.abs(samples) > 0.01) > 0.6
    assert [(row["source_id"], row["start_ms"]) for row in _rows(tmp_path / "out", "cues", "film")] == [
        ("film", 900),
        ("film", 2900),
        ("film", 5200),
    ]
    (lost,) = [row for row in _rows(tmp_path / "out", "rejects", "film") if row["text"]]
    assert (lost["text"], lost["reason"]) == ("Nobody.", "no voice")
    assert sorted(path.name for path in (tmp_path / "out/evidence/film").iterdir()) == [
        "2900.jpg",
        "5200.jpg",
        "900.jpg",
    ]
    assert result.summary["recognizer_calls"] == 3
    assert result.summary["detector_calls"] == 0
    assert result.summary == json.loads((tmp_path / "out/summary.json").read_text())
    assert set(result.summary["seconds"]) == {"media", "voice", "cues", "text", "align", "cut"}


def _exact(stretches: list[Any], duration_ms: int) -> bool:
    """Whether the stretches cover all of the source, no millisecond twice."""
    spans = [Span(each.start_ms, each.end_ms) for each in stretches if each.end_ms > each.start_ms]
    return union(spans) == [Span(0, duration_ms)] and sum(span.end_ms - span.start_ms for span in spans) == duration_ms


def test_kept_and_rejected_time_are_the_whole_source(tmp_path: Path, film: Path, fakes: Path) -> None:
    _source(tmp_path / "in", film)
    result = mine([tmp_path / "in"], tmp_path / "out", _plan(fakes))
    rows = [*_rows(tmp_path / "out", "pairs", "film"), *_rows(tmp_path / "out", "rejects", "film")]
    receipt = json.loads((tmp_path / "out/receipts/film.json").read_text())
    assert _exact([Span(row["start_ms"], row["end_ms"]) for row in rows], receipt["duration_ms"])
    assert receipt["duration_ms"] == receipt["kept_ms"] + sum(receipt["lost_ms"].values())
    hours = result.summary
    assert hours["hours"] == pytest.approx(hours["hours_kept"] + sum(hours["hours_lost"].values()))


def _bad_sources(folder: Path, film: Path) -> dict[str, str]:
    """Makes one bad source of each kind; returns the reason that each is to be rejected for."""
    _ffmpeg("-i", film, "-an", "-c", "copy", folder / "mute.mp4")
    _ffmpeg("-i", film, "-vn", "-c", "copy", folder / "unseen.m4a")
    (folder / "text.mp4").write_text("this is no film")
    (folder / "empty.mkv").write_bytes(b"")
    (folder / "cut.mp4").write_bytes(film.read_bytes()[:2000])
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    shutil.copyfile(film, folder / "garbled.mp4")
    (folder / "garbled.fake").write_text("not a time at all\n")
    return {
        "mute": "no audio",
        "unseen": "no subtitles",
        "text": "unreadable",
        "empty": "unreadable",
        "cut": "unreadable",
        "gone": "missing",
        "garbled": "unreadable subtitles",
    }


def test_one_bad_source_of_each_kind_never_ends_the_run(
    tmp_path: Path, film: Path, fakes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = _source(tmp_path / "in", film)
    bad = _bad_sources(tmp_path / "in", film)
    result = mine([tmp_path / "in"], tmp_path / "out", _plan(fakes), workers=2)
    assert result.summary["num_failed"] == len(bad)
    assert {each["source_id"]: each["reason"] for each in result.summary["failed"]} == bad
    for source_id, reason in bad.items():
        (row,) = _rows(tmp_path / "out", "rejects", source_id)
        assert (row["source_id"], row["reason"]) == (source_id, reason)
        assert row["detail"]
        assert _rows(tmp_path / "out", "pairs", source_id) == []
    assert len(_rows(tmp_path / "out", "pairs", good.stem)) == 2
    assert "text.mp4: rejected, unreadable" in capsys.readouterr().err.replace("\n", "")
    # Findings about a file stay; what may have been an accident is tried again.
    receipts = {path.stem for path in (tmp_path / "out/receipts").iterdir()}
    assert receipts == {"film", "mute", "unseen"}


def test_a_run_without_any_usable_source_fails_after_writing_all(tmp_path: Path, film: Path, fakes: Path) -> None:
    (tmp_path / "in").mkdir()
    bad = _bad_sources(tmp_path / "in", film)
    with pytest.raises(StageError, match=f"none of {len(bad)} sources can be used"):
        mine([tmp_path / "in"], tmp_path / "out", _plan(fakes), workers=2)
    assert json.loads((tmp_path / "out/summary.json").read_text())["num_failed"] == len(bad)
    assert len(list((tmp_path / "out/rejects").iterdir())) == len(bad)


def test_a_truncated_file_gives_what_it_has_and_says_so(tmp_path: Path, film: Path, fakes: Path) -> None:
    _ffmpeg("-i", film, "-c", "copy", "-f", "matroska", tmp_path / "whole.mkv")
    source = _source(tmp_path / "in", film, "film.mkv")
    whole = (tmp_path / "whole.mkv").read_bytes()
    source.write_bytes(whole[: len(whole) * 2 // 3])
    mine([source], tmp_path / "out", _plan(fakes))
    rejects = _rows(tmp_path / "out", "rejects", "film")
    assert "damaged" in {row["reason"] for row in rejects}
    assert "no sound" in {row["reason"] for row in rejects}
    assert [row["text"] for row in _rows(tmp_path / "out", "pairs", "film")][:1] == ["Hello there."]
    rows = [*_rows(tmp_path / "out", "pairs", "film"), *rejects]
    receipt = json.loads((tmp_path / "out/receipts/film.json").read_text())
    assert _exact([Span(row["start_ms"], row["end_ms"]) for row in rows], receipt["duration_ms"])


def test_a_source_that_kills_its_worker_is_one_reject(tmp_path: Path, film: Path, fakes: Path) -> None:
    for name in ("a.mp4", "killer.mp4", "z.mp4"):
        _source(tmp_path / "in", film, name)
    result = mine([tmp_path / "in"], tmp_path / "out", _plan(fakes, "segfault"))
    assert [(each["source_id"], each["reason"]) for each in result.summary["failed"]] == [("killer", "worker died")]
    (row,) = _rows(tmp_path / "out", "rejects", "killer")
    assert row["end_ms"] >= 6000
    assert "SIGSEGV" in row["detail"]
    assert result.summary["num_pairs"] == 4


def test_a_source_that_is_done_is_not_mined_again(tmp_path: Path, film: Path, fakes: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        _source(tmp_path / "in", film, name)

    def again(plan: MiningPlan) -> MiningResult:
        return mine([tmp_path / "in"], tmp_path / "out", plan, workers=2)

    first = again(_plan(fakes))
    before = _files(tmp_path / "out")
    assert first.summary["num_mined_now"] == 2
    assert again(_plan(fakes)).summary["num_mined_now"] == 0
    assert _files(tmp_path / "out") == before
    # Another subtitle file, another option, another plugin file, lost tables: each costs what depends on it.
    (tmp_path / "in/a.fake").write_text("900 2500 Hello again.\n")
    assert again(_plan(fakes)).summary["num_mined_now"] == 1
    assert again(_plan(fakes, aligner=PluginChoice("voice", {"padding_ms": 50}))).summary["num_mined_now"] == 2
    assert again(_plan(fakes, language="sw")).summary["num_mined_now"] == 2
    (tmp_path / "out/cues/b.parquet").unlink()
    assert again(_plan(fakes, language="sw")).summary["num_mined_now"] == 1


def test_tables_are_the_same_for_any_number_of_workers_order_and_place(tmp_path: Path, film: Path, fakes: Path) -> None:
    names = ("a.mp4", "sub/b.mp4", "sub/a.mp4", "映画 1.mp4")
    for place in ("here", "there/and/deeper"):
        for name in names:
            _source(tmp_path / place / Path(name).parent, film, Path(name).name)
    mine([tmp_path / "here"], tmp_path / "one", _plan(fakes), workers=1)
    place = tmp_path / "there/and/deeper"
    mine([place / name for name in reversed(names)], tmp_path / "two", _plan(fakes), workers=2)
    assert _files(tmp_path / "one") == _files(tmp_path / "two")
    assert len(list((tmp_path / "one/pairs").iterdir())) == 4


def test_sources_no_longer_named_move_aside(tmp_path: Path, film: Path, fakes: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        _source(tmp_path / "in", film, name)
    mine([tmp_path / "in"], tmp_path / "out", _plan(fakes))
    mine([tmp_path / "in/b.mp4"], tmp_path / "out", _plan(fakes))
    assert [path.name for path in (tmp_path / "out/pairs").iterdir()] == ["b.parquet"]
    assert (tmp_path / "out/earlier/pairs/a.parquet").is_file()
    assert (tmp_path / "out/earlier/evidence/a/900.jpg").is_file()


@pytest.mark.parametrize(("language", "said"), [("tlh", True), ("en", False), (None, False)])
def test_a_language_that_the_text_reader_does_not_know_is_told(
    tmp_path: Path, film: Path, fakes: Path, capsys: pytest.CaptureFixture[str], language: str | None, said: bool
) -> None:
    mine([_source(tmp_path / "in", film)], tmp_path / "out", _plan(fakes, language=language))
    assert ("text reader mumbler: it knows no Klingon" in capsys.readouterr().err) == said


@pytest.mark.parametrize("seconds", [0.5, 1.5])
def test_a_killed_run_goes_on_and_ends_the_same(tmp_path: Path, film: Path, fakes: Path, seconds: float) -> None:
    for number in range(3):
        _source(tmp_path / "in", film, f"{number}.mp4")
    script = f"""
        from pathlib import Path
        from ipl.mining.pipeline import mine
        from ipl.mining.plan import MiningPlan, PluginChoice
        choices = {{"voice_detector": "loud", "text_reader": "mumbler", "aligner": "voice"}}
        plugins = {{role: [PluginChoice(name)] for role, name in choices.items()}}
        plugins["cue_extractor"] = [PluginChoice("listed", {{"behaviour": "slow"}})]
        plan = MiningPlan(plugins, "en", [Path({str(fakes)!r})])
        mine([{str(tmp_path / "in")!r}], Path({str(tmp_path / "out")!r}), plan, workers=1)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while not (tmp_path / "out").exists() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list((tmp_path / "out/receipts").glob("[!.]*.json")))  # killed while it writes one, it leaves a part
    result = mine([tmp_path / "in"], tmp_path / "out", _plan(fakes, "slow"))
    assert result.summary["num_mined_now"] == 3 - done
    undisturbed = mine([tmp_path / "in"], tmp_path / "whole", _plan(fakes, "slow"), workers=2)
    assert undisturbed.summary["num_mined_now"] == 3
    assert _files(tmp_path / "out") == _files(tmp_path / "whole")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.mp4", "no such file or folder"),
        ("empty", "no media files in this folder"),
        ("*.mkv", "no media file matches"),
    ],
)
def test_what_names_nothing_is_an_input_error_that_says_so(
    tmp_path: Path, film: Path, fakes: Path, name: str, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    _source(tmp_path, film)
    with pytest.raises(InputError, match=words):
        mine([tmp_path / "film.mp4", tmp_path / name], tmp_path / "out", _plan(fakes))


def test_a_source_named_twice_is_mined_once(tmp_path: Path, film: Path) -> None:
    path = _source(tmp_path / "in", film)
    (tmp_path / "in/link.mp4").symlink_to(path)
    named = [path, tmp_path / "in", str(tmp_path / "in" / "*.mp4"), tmp_path / "in" / ".." / "in" / "film.mp4"]
    assert [source.source_id for source in find_sources(named)] == ["film"]


def test_a_link_goes_by_its_own_name_and_neighbours(tmp_path: Path, film: Path) -> None:
    stored = _source(tmp_path / "store", film)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/My talk.mp4").symlink_to(stored)
    (tmp_path / "in/My talk.srt").write_text("")
    (source,) = find_sources([tmp_path / "in"])
    assert (source.source_id, source.path) == ("My_talk", tmp_path / "in/My talk.mp4")
    assert beside(source.path) == [tmp_path / "in/My talk.srt"]


def test_a_name_that_is_not_utf_8_is_a_reject_with_its_remedy(tmp_path: Path, film: Path, fakes: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    try:
        shutil.copyfile(film, path)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    mine([_source(tmp_path, film), path], tmp_path / "out", _plan(fakes))
    (row,) = _rows(tmp_path / "out", "rejects", "caf_")
    assert row["reason"] == "unreadable"
    assert "rename it" in row["detail"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"aligner": PluginChoice("voices")}, "no aligner is called 'voices'; did you mean 'voice'"),
        ({"aligner": PluginChoice("voice", {"pading_ms": 3})}, "aligner 'voice': .*pading_ms"),
    ],
)
def test_a_plan_that_cannot_be_played_is_told_first(
    tmp_path: Path, film: Path, fakes: Path, change: dict[str, PluginChoice], words: str
) -> None:
    with pytest.raises(PluginError, match=words):
        mine([_source(tmp_path, film)], tmp_path / "out", _plan(fakes, **change))


@pytest.mark.parametrize(("behaviour", "words"), [("overlap", "pairs overlap"), ("outside", "expected one within")])
def test_an_aligner_that_breaks_its_contract_is_found_out(
    tmp_path: Path, film: Path, fakes: Path, behaviour: str, words: str
) -> None:
    plan = _plan(fakes, aligner=PluginChoice("careless", {"behaviour": behaviour}))
    with pytest.raises(StageError, match=f"alignment failed: aligner: .*{words}"):
        mine([_source(tmp_path, film)], tmp_path / "out", plan)


def test_a_forgotten_return_is_found_out(tmp_path: Path, film: Path, fakes: Path) -> None:
    with pytest.raises(StageError, match="extract_cues returned nothing"):
        mine([_source(tmp_path, film)], tmp_path / "out", _plan(fakes, "forget"))


def test_a_folder_that_cannot_be_written_is_an_input_error(tmp_path: Path, film: Path, fakes: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    with pytest.raises(InputError, match="cannot write there"):
        mine([_source(tmp_path, film)], tmp_path / "out", _plan(fakes))


def test_two_mining_into_one_folder_are_refused(tmp_path: Path, film: Path, fakes: Path) -> None:
    source = _source(tmp_path, film)
    mine([source], tmp_path / "out", _plan(fakes))
    with locked(tmp_path / "out"), pytest.raises(InputError, match=f"out: in use by process {os.getpid()}; wait"):
        mine([source], tmp_path / "out", _plan(fakes))
    assert (tmp_path / "out/summary.json").is_file(), "what the other has done stays"
    assert mine([source], tmp_path / "out", _plan(fakes)).summary["num_mined_now"] == 0


def test_the_folder_to_write_is_no_source(tmp_path: Path, film: Path, fakes: Path) -> None:
    _source(tmp_path / "in", film)
    with pytest.raises(InputError, match=r"in: both the source and the folder to write; choose another .*in-mined"):
        mine([f"{tmp_path}/in/../in"], tmp_path / "in", _plan(fakes))
    assert [path.suffix for path in (tmp_path / "in").iterdir() if path.suffix not in (".mp4", ".fake")] == []
    mine([tmp_path / "in"], tmp_path / "in/out", _plan(fakes))  # below it there is nothing to mistake


def test_a_mined_folder_that_was_cut_short_is_told(
    tmp_path: Path, film: Path, fakes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = mine([_source(tmp_path, film)], tmp_path / "out", _plan(fakes)).out_dir
    capsys.readouterr()
    assert main(["data", "info", str(out)]) == 0
    assert capsys.readouterr().err == ""
    (out / "summary.json").unlink()
    told = f"ipl: {out}: mining has not ended here; give the same `ipl mine` command again, and it goes on"
    assert main(["data", "info", str(out)]) == 0
    assert capsys.readouterr().err == f"{told}; so far it holds:\n"
    assert main(["report", str(out)]) == 2
    assert capsys.readouterr().err == f"{told}\n"
    with locked(out):
        assert main(["report", str(out)]) == 2
    assert f"has not ended here; process {os.getpid()} is at it" in capsys.readouterr().err


def test_a_full_disk_ends_the_run_and_names_the_folder(tmp_path: Path, film: Path, fakes: Path) -> None:
    (tmp_path / "out/pairs").mkdir(parents=True)
    (tmp_path / "out/pairs/.film.parquet.partial").mkdir()  # the tables cannot be written, as on a full disk
    with pytest.raises(StageError, match="out: cannot write"):
        mine([_source(tmp_path, film)], tmp_path / "out", _plan(fakes))


def test_mining_imports_no_torch() -> None:
    script = "import sys, ipl.mining.pipeline; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """A film of noise bursts that a voice detector takes for voice, with a real subtitle file beside it."""
    burst = "aevalsrc='0.5*sin(2*PI*(120+20*sin(6*t))*t)*(0.6+0.4*sin(25*t))*(between(t,1,2.5)+between(t,4,5.5))"
    sound = f"{burst}+0.2*sin(2*PI*1500*t)*sin(25*t)*(between(t,1,2.5)+between(t,4,5.5))':s=16000:d=7"
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/spoken.mp4"
    _ffmpeg("-f", "lavfi", "-i", "color=gray:size=64x48:rate=5:duration=7", "-f", "lavfi", "-i", sound, path)
    path.with_suffix(".srt").write_text(
        "1\n00:00:00,900 --> 00:00:02,900\n<i>First line</i>\n\n2\n00:00:03,900 --> 00:00:06,000\n- Second line.\n"
    )
    return path


def test_the_real_plugins_together(tmp_path: Path, spoken: Path, make_plan: Callable[[], MiningPlan]) -> None:
    mine([spoken], tmp_path / "out", make_plan())
    pairs = _rows(tmp_path / "out", "pairs", "spoken")
    assert [row["text"] for row in pairs] == ["First line", "Second line."]
    for row, start_ms, end_ms in zip(pairs, (1000, 4000), (2500, 5500), strict=True):
        assert abs(row["start_ms"] - start_ms) < 300
        assert abs(row["end_ms"] - end_ms) < 400
    (cue, _) = _rows(tmp_path / "out", "cues", "spoken")
    assert (cue["start_ms"], cue["end_ms"], cue["track"]) == (900, 2900, "subtitle-file:spoken.srt")


@pytest.fixture
def make_plan() -> Callable[[], MiningPlan]:
    choices = {
        "voice_detector": "webrtcvad",
        "text_reader": "rapidocr",
        "aligner": "voice",
        "cue_extractor": "subtitle_file",
    }
    return lambda: MiningPlan({role: [PluginChoice(name)] for role, name in choices.items()}, "en")
