"""What a training leaves for others to read: epochs that ended, lines of metrics, skipped utterances. Imports no torch.

    out_dir/  job.json  train.log  metrics.jsonl  skipped.jsonl  tensorboard/
      step-000120/  model.safetensors  config.json  epoch.json  trainer.pt

A checkpoint at the end of an epoch has `epoch.json`. The newest checkpoint has `trainer.pt`, all that going on
needs; where it lies inside an epoch it is removed as soon as there is a newer one that is known to be good.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ipl.files import read_json, write_json, write_text
from ipl.records import EpochResult

__all__ = [
    "EPOCH_FILE",
    "METRICS_FILE",
    "SKIPPED_FILE",
    "checkpoint_folders",
    "cut_metrics",
    "epoch_result",
    "epoch_results",
    "read_lines",
    "write_epoch",
]

EPOCH_FILE = "epoch.json"
METRICS_FILE = "metrics.jsonl"
SKIPPED_FILE = "skipped.jsonl"


def checkpoint_folders(out_dir: Path) -> list[Path]:
    """The checkpoints of a training, oldest first."""
    return sorted(out_dir.glob("step-*"), key=step_of)


def step_of(folder: Path) -> int:
    """How many steps a checkpoint's training had come."""
    return int(folder.name.removeprefix("step-"))


def write_epoch(folder: Path, epoch: int, step: int, metrics: dict[str, float]) -> None:
    """Notes in a checkpoint that an epoch ended there."""
    write_json(folder / EPOCH_FILE, {"epoch": epoch, "step": step, "metrics": metrics})


def epoch_result(folder: Path) -> EpochResult | None:
    """The epoch that ended at a checkpoint, or None for a checkpoint inside an epoch."""
    if not (folder / EPOCH_FILE).is_file():
        return None
    values = read_json(folder / EPOCH_FILE)
    return EpochResult(values["epoch"], values["step"], folder, values["metrics"])


def epoch_results(out_dir: Path) -> list[EpochResult]:
    """The epochs that ended, in order; the weights of some may not be kept."""
    found = (epoch_result(folder) for folder in checkpoint_folders(out_dir))
    return [result for result in found if result is not None]


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a .jsonl file; a last line that a kill cut short is left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def cut_metrics(out_dir: Path, step: int) -> None:
    """Takes out of metrics.jsonl what came after the checkpoint of `step`: it is about to happen again."""
    path = out_dir / METRICS_FILE
    kept = [line for line in read_lines(path) if line["step"] <= step]
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept))
