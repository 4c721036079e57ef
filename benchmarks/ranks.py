"""Starts a benchmark again as ranks of torchrun, and hands back what its first rank found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OUT = "BENCHMARK_OUT"


def is_rank() -> bool:
    """Whether this process is one of those that `start` started."""
    return OUT in os.environ


def start(script: str, ranks: int, arguments: list[str]) -> Any:
    """Runs `script` as so many ranks, a thread each."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", OUT: str(out)}
        subprocess.run([sys.executable, *torchrun, script, *arguments], check=True, env=environment)
        return json.loads(out.read_text(encoding="utf-8"))


def hand_back(found: Any) -> None:
    """Of the first rank: what `start` returns."""
    Path(os.environ[OUT]).write_text(json.dumps(found), encoding="utf-8")
