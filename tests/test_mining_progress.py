"""Promises of the progress of mining: it moves inside a long source, with its speed and the time left, in few lines."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import ipl.progress
from ipl.mining.media import ffmpeg_path
from ipl.mining.pipeline import mine
from ipl.mining.plan import MiningPlan, PluginChoice
from ipl.mining.receipts import Receipt
from ipl.mining.sources import Source
from ipl.mining.watch import Watch
from ipl.mining.work import Mined
from ipl.progress import progress
from ipl.worker import Report

FAKES = Path(__file__).parent / "fake_miners.py"


def test_progress_moves_inside_a_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = ["-f", "lavfi", "-i", "sine=frequency=300:sample_rate=16000:duration=6", str(tmp_path / "long.wav")]
    subprocess.run([ffmpeg_path(), "-v", "error", *sound], check=True, stdin=subprocess.DEVNULL)
    (tmp_path / "long.fake").write_text("0 3000 Hello there.\n")
    choices = {"voice_detector": "loud", "text_reader": "mumbler", "aligner": "voice"}
    plugins = {role: [PluginChoice(name)] for role, name in choices.items()}
    plugins["cue_extractor"] = [PluginChoice("listed", {"behaviour": "long"})]
    monkeypatch.setattr(ipl.progress, "SECONDS_BETWEEN_LINES", (0.0, 0.0))
    mine([tmp_path / "long.wav"], tmp_path / "out", MiningPlan(plugins, "en", [FAKES]), workers=2)
    told = capsys.readouterr().err
    running = re.findall(r"mining: (\d+) of 100 %, 0 of 1 source, (\d+\.\d)x realtime, (\d+) s left", told)
    shares = [int(share) for share, _, _ in running]
    assert shares == sorted(shares)
    assert any(0 < share < 100 for share in shares)
    assert any(float(speed) > 0 for _, speed, _ in running)
    assert re.search(r"mining: 100 of 100 %, 1 of 1 source, \d+\.\dx realtime in \d+\.\d s", told)


def receipt(source_id: str, duration_ms: int) -> Receipt:
    return Receipt(source_id, "", "", duration_ms, 0, 0, 0, {}, {}, {}, 0, 0)


def test_sources_count_by_their_size_and_a_second_look_is_no_way_back(tmp_path: Path) -> None:
    sources = []
    for name, size in (("short", 1000), ("long", 3000)):
        (tmp_path / name).write_bytes(bytes(size))
        sources.append(Source(name, tmp_path / name))
    sources.append(Source("gone", tmp_path / "gone"))
    done: list[float] = []
    watch = Watch(sources, lambda amount, note="", is_earlier=False: done.append(amount))
    watch.reached(sources[1], Report(30_000, 60_000))
    assert sum(done) == pytest.approx(37.5, abs=0.1)
    watch.reached(sources[1], Report(6_000, 60_000))
    assert sum(done) == pytest.approx(37.5, abs=0.1)
    watch.ended(sources[0], Mined(receipt("short", 20_000), now=True))
    assert sum(done) == pytest.approx(62.5, abs=0.1)
    watch.ended(sources[1], Mined(receipt("long", 60_000), now=True))
    watch.ended(sources[2], Mined(receipt("gone", 0), now=True))
    assert sum(done) == pytest.approx(100)


def test_what_an_earlier_process_did_is_no_speed(
    tmp_path: Path, clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "film").write_bytes(b"x")
    source = Source("film", tmp_path / "film")
    with progress("mining", 100, "%") as advance:
        watch = Watch([source], advance)
        clock(20.0)
        watch.reached(source, Report(85_000, 100_000, earlier=80_000))
        watch.ended(source, Mined(receipt("film", 100_000), now=True))
    first, last = capsys.readouterr().err.splitlines()
    assert first == "  mining: 85 of 100 %, 0 of 1 source, 0.2x realtime, 60 s left"
    assert last == "  mining: 100 of 100 %, 1 of 1 source, 1.0x realtime in 20.0 s"


def test_what_was_mined_before_has_no_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = Source("film", tmp_path / "film")
    with progress("mining", 100, "%") as advance:
        Watch([source], advance).ended(source, Mined(receipt("film", 100_000), now=False))
    assert capsys.readouterr().err == "  mining: 100 of 100 %, 1 of 1 source in 0.0 s\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock that stands still until it is set."""
    now = [0.0]
    monkeypatch.setattr(ipl.progress.time, "monotonic", lambda: now[0])

    def set_to(seconds: float) -> None:
        now[0] = seconds

    return set_to


def test_a_log_gets_few_lines_however_long_it_takes(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    hours = 10
    with progress("mining", 100, "%") as advance:
        for second in range(3600 * hours):
            clock(second)
            advance(100 / 3600 / hours, "")
    lines = capsys.readouterr().err.splitlines()
    assert 10 < len(lines) < 200
    assert lines[0] == "  mining: 0 of 100 %, time left unknown"
    assert lines[-1] == "  mining: 100 of 100 % in 35999.0 s"
