"""Fixtures that several test files share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ipl.audio import encode_flac
from ipl.records import Utterance
from ipl.schemas import UTTERANCES
from ipl.tables import write_table

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_RATE_HZ = 8000
# Read by torch when it is imported: with two threads small models ran 8 to 14 times slower on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"
# A shell starts what runs in its background with Ctrl-C ignored, and so would be all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
LONG = ("test_examples.py", "test_resume_training.py", "test_spread.py", "test_burned_in.py", "test_loop.py")
"""Files that take more than a minute, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first: a process that came to one of them last would run on alone."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def letters(count: int) -> str:
    return " ".join("abcdefghijklmnopqrstuvwxyz"[:count])


def loud_utterance(utt_id: str, loudness: int, text: bool = True) -> Utterance:
    """A second of tone whose loudness (1 to 26) stands for that many letters."""
    tone = np.sin(np.arange(SAMPLE_RATE_HZ) * 0.5) * loudness / 100
    audio = encode_flac(tone.astype(np.float32), SAMPLE_RATE_HZ)
    words = letters(loudness) if text else None
    return Utterance(utt_id, utt_id, 0, 1000, audio, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ, words, origin="labelled")


def write_loud(folder: Path, name: str, count: int) -> Path:
    rows = [loud_utterance(f"{name}-{i:04d}", 3 + i % 20) for i in range(count)]
    write_table(folder / name / "part-00000.parquet", rows, UTTERANCES)
    return folder / name


@pytest.fixture
def fake_plan(tmp_path: Path) -> Path:
    """A plan of three cycles over fake plugins (tests/fake_plugins.py) that runs in seconds."""
    return _write_fake_plan(tmp_path)


@pytest.fixture(scope="session")
def write_fake_plan() -> Callable[[Path], Path]:
    """Writes the fake plan and its data into a folder."""
    return _write_fake_plan


def _write_fake_plan(folder: Path) -> Path:
    """Writes the plan and its data."""
    for name, count in (("labelled", 10), ("pool", 300), ("dev", 5), ("test", 6)):
        write_loud(folder / "data", name, count)
    plan = folder / "cycles.yaml"
    plan.write_text(
        f"""\
name: fake
seed: 3
plugins: [{ROOT / "tests" / "fake_plugins.py"}]
data: {{labelled: data/labelled, pool: data/pool, dev: data/dev, test: data/test}}
defaults:
  initializer: fake
  trainer: {{use: fake, epochs: 2}}
  recognizer: fake
  batcher: fake
  filter: [empty, {{use: score, keep: 0.5}}]
cycles:
  - {{name: seed, selector: none}}
  - {{initializer: last}}
  - {{oracle: true}}
"""
    )
    return plan
