"""Promises of reading that is killed: it goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ipl_datasets.factory.film import Film, make_film
from ipl_datasets.factory.scene import Style
from ipl_extractors.evidence import READINGS_FILE
from ipl_extractors.snapshots import Snapshots

from ipl.mining.media import ffmpeg_path
from ipl.mining.pipeline import mine
from ipl.mining.plan import MiningPlan, PluginChoice
from ipl.mining.receipts import MinedFolder

FAKES = Path(__file__).parent / "fake_miners.py"
TEXTS = ("The weather is fine", "Nobody knows the way", "She opened the door", "Come in", "to the old harbour", "No.")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds with burned-in subtitles, at a variable frame rate, in a file whose times do not start at 0."""
    folder = tmp_path_factory.mktemp("film")
    make_film(Film(TEXTS, 5, (1,), True, 480, 270, "25", 30.0, None, None, Style()), folder / "whole.mp4")
    varied = ["-vf", "select='mod(n,7)+gt(mod(n,90),50)'", "-fps_mode", "vfr", "-output_ts_offset", "3.7"]
    path = folder / "film.mkv"
    command = [ffmpeg_path(), "-v", "error", "-i", folder / "whole.mp4", *varied, "-preset", "ultrafast", path]
    subprocess.run([*map(str, command)], check=True, stdin=subprocess.DEVNULL)
    return path


SCRIPT = """
    import os, signal, sys
    from pathlib import Path
    import ipl_extractors.band_track as band_track, ipl_extractors.burned_in as burned_in
    import ipl_extractors.snapshots as snapshots
    from ipl_extractors.ocr import RapidOcr
    from ipl.mining.media import every_frame, probe

    killed_at = int(sys.argv[3])

    def told(*arguments, after_ms, **others):
        print("after", after_ms, flush=True)
        for place, frame in enumerate(every_frame(*arguments, after_ms=after_ms, **others)):
            if place == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            yield frame

    burned_in.every_frame, snapshots.SECONDS_BETWEEN = told, 0
    band_track.BATCH = 3
    reader = burned_in.BurnedIn()
    for cue in reader.extract_cues(probe(Path(sys.argv[1])), None, RapidOcr().read_text, Path(sys.argv[2])):
        print("cue", cue, flush=True)
"""


NEVER = -1


def read(film: Path, work_dir: Path, killed_at: int = NEVER) -> list[str]:
    """What a process prints that reads the film, and is killed when it has the frame with this number."""
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(film), str(work_dir), str(killed_at)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=killed_at == NEVER)
    assert done.returncode == (0 if killed_at == NEVER else -signal.SIGKILL)
    return done.stdout.splitlines()


def test_reading_that_is_killed_again_and_again_ends_the_same(tmp_path: Path, film: Path) -> None:
    first, *cues = read(film, tmp_path / "whole" / "film")
    assert first == "after None"
    assert len(cues) == len(TEXTS)
    chance = random.Random(7)
    work_dir = tmp_path / "killed" / "film"
    for _ in range(2):
        read(film, work_dir, killed_at=chance.randrange(80, 120))
    after, *rest = read(film, work_dir)
    assert float(after.removeprefix("after ")) > 0, "it goes on, and does not begin anew"
    assert rest == cues
    assert files(work_dir) == files(tmp_path / "whole" / "film")
    assert read(film, work_dir) == cues, "all is read: no frame is looked at again"


def test_damage_is_told_once_by_who_goes_on_behind_it(tmp_path: Path, film: Path) -> None:
    damaged = tmp_path / "damaged.mkv"
    content = bytearray(film.read_bytes())
    for at in range(len(content) // 5, len(content) // 5 + 300):
        content[at] ^= 0x55
    damaged.write_bytes(content)
    _, *undisturbed = read(damaged, tmp_path / "whole" / "film")
    assert sum("damaged or cut short" in line for line in undisturbed) == 1
    read(damaged, tmp_path / "killed" / "film", killed_at=150)
    after, *rest = read(damaged, tmp_path / "killed" / "film")
    assert float(after.removeprefix("after ")) > 0
    assert [without_words(line) for line in rest] == [without_words(line) for line in undisturbed]


def without_words(line: str) -> str:
    """A line without ffmpeg's words: another of its threads may write between them, and take one away."""
    return re.sub(r"(?<=cut short )\(.*?\);", "", line)


def files(work_dir: Path) -> dict[str, object]:
    found = {path.name: path.read_bytes() for path in work_dir.glob("*.jpg")}
    return found | {READINGS_FILE: pq.read_table(work_dir / READINGS_FILE).to_pylist()}


def test_a_snapshot_that_cannot_be_read_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = object()
    snapshots = Snapshots(tmp_path / "state", outside)
    assert snapshots.load() is None
    snapshots.save({"read": [1, 2], "by": outside})
    assert Snapshots(tmp_path / "state", other := object()).load() == {"read": [1, 2], "by": other}
    with monkeypatch.context() as patch:
        patch.setattr("ipl_extractors.snapshots._code", lambda: "another version")
        assert snapshots.load() is None
    whole = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(whole[: len(whole) // 2])
    assert snapshots.load() is None


def test_half_done_evidence_stays_for_the_same_source_and_plan_alone(tmp_path: Path) -> None:
    folder = MinedFolder(tmp_path)
    folder.begin("film", "one")
    (folder.evidence("film") / ".going").write_text("half")
    folder.begin("film", "one")
    assert (folder.evidence("film") / ".going").read_text() == "half"
    folder.begin("film", "another")
    assert not (folder.evidence("film") / ".going").exists()


def test_hidden_files_go_when_the_source_is_done(tmp_path: Path) -> None:
    sound = ["-f", "lavfi", "-i", "sine=frequency=300:sample_rate=16000:duration=3", str(tmp_path / "film.wav")]
    subprocess.run([ffmpeg_path(), "-v", "error", *sound], check=True, stdin=subprocess.DEVNULL)
    (tmp_path / "film.fake").write_text("0 3000 Hello there.\n")
    choices = {"voice_detector": "loud", "text_reader": "mumbler", "aligner": "voice", "cue_extractor": "listed"}
    plugins = {role: [PluginChoice(name)] for role, name in choices.items()}
    mine([tmp_path / "film.wav"], tmp_path / "out", MiningPlan(plugins, "en", [FAKES]))
    assert [path.name for path in (tmp_path / "out" / "evidence" / "film").iterdir()] == ["0.jpg"]
