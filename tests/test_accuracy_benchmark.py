"""The benchmark of accuracy runs: small here, on made-up takes, and without recordings it says that it did not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ipl.audio import encode_flac

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "accuracy.py"
RATE = 8_000


def last_line(*arguments: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_all_of_it_runs_small(tmp_path: Path) -> None:
    lines = ["path\tspeaker\tseconds\ttext\ttake"]
    for speaker in ("jackson", "theo"):
        for word, hertz in (("one", 300), ("two", 700)):
            for take in (*range(3), *range(5, 8), *range(10, 16)):
                name = f"{word}_{speaker}_{take}.flac"
                samples = 0.1 * np.sin(2 * np.pi * hertz * np.arange(RATE // 2) / RATE)
                (tmp_path / name).write_bytes(encode_flac(samples, RATE))
                lines.append(f"{name}\t{speaker}\t0.5\t{word}\t{take}")
    (tmp_path / "manifest.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = last_line("--tiny", "--data", str(tmp_path), "--families", "conformer hybrid")["families"]
    assert set(found) == {"conformer hybrid"}
    for way in ("greedy", "rescore"):
        words = {test: rates["num_words"] for test, rates in found["conformer hybrid"][way].items()}
        assert words == {"seen": 2 * 3, "unseen": 20}  # each take once, and of the unseen speaker as many as are told
    assert found["conformer hybrid"]["x_processor"] > 0


def test_without_the_recordings_it_is_skipped_aloud(tmp_path: Path) -> None:
    assert str(tmp_path) in last_line("--data", str(tmp_path))["skipped"]
