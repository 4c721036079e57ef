"""The GPU benchmark runs: small here, and where there is no GPU it says that it did not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu_training.py"


def last_line(*arguments: str) -> dict[str, object]:
    command = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={"OMP_NUM_THREADS": "1"})
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_all_of_it_runs_small() -> None:
    found = last_line("--tiny", "--steps", "3", "--batches", "1", "--batch-seconds", "20")
    for name in ("hours_an_hour", "model_tflops", "greedy_hours_an_hour", "rescore_hours_an_hour"):
        assert float(str(found[name])) > 0
    assert "skipped" not in found


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_is_skipped_aloud() -> None:
    assert "no CUDA device" in str(last_line()["skipped"])
