"""The benchmark of burned-in reading: its metrics say what they promise, and it runs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import ffmpeg
import numpy as np
import pytest
from ipl_datasets.factory.truth import Displayed

from ipl.mining.media import Box, every_frame, ffmpeg_path, probe
from ipl.records import Cue, Reading

HARDSUB = Path(__file__).parents[1] / "benchmarks" / "hardsub"


sys.path.insert(0, str(HARDSUB))  # its files import each other, as they do when one of them is run


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HARDSUB / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


metrics = load("metrics")
plain_loop = load("plain_loop").plain_loop


def cue(start_ms: int, end_ms: int, text: str) -> Cue:
    return Cue("a.mp4", start_ms, end_ms, text, "burned-in:0-9")


TRUE = [Displayed(0, 1000, "Who goes\nthere?"), Displayed(1000, 2000, "I."), Displayed(3000, 4000, "今天\nToday")]


def test_reading_all_is_perfect() -> None:
    found = [cue(0, 1000, "Who goes there?"), cue(1000, 2000, "I."), cue(3000, 4000, "今天 Today")]
    score = metrics.score(found, TRUE, 25)
    assert (score.exact, score.missed, score.phantom, score.event_cer) == (3, 0, 0, 0)
    assert (score.short_exact, score.short_cues, score.two_line_exact, score.two_line_cues) == (1, 1, 2, 2)
    assert score.boundary(95) == 0


def test_each_kind_of_error_is_counted_as_what_it_is() -> None:
    found = [cue(0, 1040, "Who goesthere?"), cue(1700, 2000, "I."), cue(5000, 6000, "EXIT")]
    score = metrics.score(found, TRUE, 25)
    assert (score.exact, score.missed, score.phantom, score.spaceless) == (0, 2, 2, 1)
    assert score.errors == 1 / 15 + 2 + 2
    assert sorted(score.boundary_frames) == [0, 1]
    both = score + metrics.score([], [], 25)
    assert both == score


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("I… see", "I...\nsee", True),
        ("and/\nor", "and\n/or", True),
        ("and/or", "and / or", False),
        ("好。\n再见", "好。再见", True),
        ("we’ll", "we'll", False),
    ],
)
def test_texts_that_look_the_same_are_the_same(one: str, other: str, are_same: bool) -> None:
    assert (metrics.plain(one) == metrics.plain(other)) == are_same
    assert metrics.score([cue(0, 1000, "we'll")], [Displayed(0, 1000, "we’ll")], 25).straightened == 1


def test_a_true_cue_is_matched_once_and_to_its_best() -> None:
    found = [cue(0, 600, "Who"), cue(0, 950, "Who goes there?")]
    matched = metrics.match(found, TRUE)
    assert matched == {0: found[1]}


def test_the_plain_loop_votes_and_merges_what_is_alike(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    ffmpeg.input("testsrc=s=128x72:r=10:d=2", f="lavfi").output(str(film)).run(cmd=ffmpeg_path(), quiet=True)
    texts = iter(["Who goes", "Who goes?", "Who goes?", "", "Nobody", "Nobody"])

    def read_text(pictures: Sequence[Any], lines: bool) -> list[list[Reading]]:
        text = next(texts, "")
        return [[Reading(text, 0.9, (0, 0, 9, 9))] if text else [] for _ in pictures]

    found = [(each.start_ms, each.end_ms, each.text) for each in plain_loop(probe(film), read_text)]
    assert found == [(-100, 500, "Who goes?"), (700, 1100, "Nobody")]


def test_the_truth_of_the_real_clips_is_where_their_lettering_changes() -> None:
    real = load("real")
    if not real.CLIPS.is_dir():
        pytest.skip(f"the real clips are not in {real.CLIPS}")
    film = next(real.real_clips(Path(), (0,)))
    box = Box(180, film.rows[0], 1100, film.rows[1])
    bright = [(time_ms, lumas[0] > 225) for time_ms, lumas in every_frame(film.path, [box], 0.5, on_damage=print)]
    changes = {round(time_ms): float(np.mean(now ^ before)) for (_, before), (time_ms, now) in pairwise(bright)}
    assert len(bright) == film.truth.frames
    frame_ms = 1000 / Fraction(film.truth.frame_rate)
    for cue in film.truth.cues:
        around = (frame_ms / 2, 4 * frame_ms)
        near = [changes[at] for at in changes if around[0] < abs(at - cue.end_ms) < around[1]]
        assert changes[cue.end_ms] > 2 * max(near)


def test_videocr_is_given_whole_confidences() -> None:
    rounded = load("rivals/videocr_tesseract").rounded
    head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
    line, word = "4\t1\t1\t1\t1\t0\t5\t6\t70\t8\t-1\t", "5\t1\t1\t1\t1\t1\t5\t6\t70\t8\t96.356434\tWho"
    assert rounded("\n".join((head, line, word))).splitlines() == [head, line, word.replace("96.356434", "96")]


def test_side_by_side_says_which_python_is_not_there() -> None:
    command = [sys.executable, str(HARDSUB / "others.py"), "--others-python", "nowhere/python"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no file nowhere/python" in done.stderr


def test_the_small_suite_runs_and_ends_with_its_figures_as_json(tmp_path: Path) -> None:
    command = [sys.executable, str(HARDSUB / "run.py"), "--small", "--folder", str(tmp_path), "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["films"] == 2
    assert figures["true cues"] == 6
    assert figures["exact %"] >= 50
    assert figures["x realtime"] > 0
    # What was shown is read anew as it was read first.
    for what in ("record", "read"):
        command = [sys.executable, str(HARDSUB / "replay.py"), what, "--suite", "small", "--folder", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    read = (f"{figures['exact %'] * 6 / 100:.0f}/6 exact", f"event CER {figures['event CER %']:.2f} %", " 0 phantom")
    assert all(each in done.stdout for each in read), done.stdout
