"""The benchmark of burned-in reading: its metrics say what they promise, and it runs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from ipl_datasets.factory.truth import Displayed

from ipl.records import Cue

HARDSUB = Path(__file__).parents[1] / "benchmarks" / "hardsub"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HARDSUB / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


metrics = load("metrics")


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


def test_a_true_cue_is_matched_once_and_to_its_best() -> None:
    found = [cue(0, 600, "Who"), cue(0, 950, "Who goes there?")]
    matched = metrics.match(found, TRUE)
    assert matched == {0: found[1]}


def test_the_small_suite_runs_and_ends_with_its_figures_as_json(tmp_path: Path) -> None:
    command = [sys.executable, str(HARDSUB / "run.py"), "--small", "--folder", str(tmp_path), "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["films"] == 2
    assert figures["true cues"] == 6
    assert figures["exact %"] >= 50
    assert figures["x realtime"] > 0
