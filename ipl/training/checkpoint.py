"""Checkpoints: whole or absent, the newest with all that going on needs, older ones with weights alone."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from ipl.asr.models.model import CtcModel
from ipl.asr.models.reference import CONFIG_FILE, WEIGHTS_FILE
from ipl.asr.models.store import save as save_model
from ipl.errors import StageError
from ipl.training.results import checkpoint_folders, epoch_result, epoch_results, step_of, write_epoch

__all__ = ["STATE_FILE", "Position", "clean", "latest", "newest_before", "read_state", "save", "tidy"]

STATE_FILE = "trainer.pt"


@dataclass
class Position:
    """How far a training has come: `step` steps in all, `place` of them in `epoch`.

    All randomness of a step (dropout, augmentation, order) is a function of seed, epoch, step and rank, so
    that no generator's state needs keeping. `epoch_sums` and `line_sums` are what has been counted since the
    epoch began and since the last line of metrics, over all ranks.
    """

    epoch: int = 0
    place: int = 0
    step: int = 0
    bad_in_a_row: int = 0
    epoch_sums: dict[str, float] = field(default_factory=dict)
    line_sums: dict[str, float] = field(default_factory=dict)

    def advance(self, counts: dict[str, float], norm: float) -> None:
        """Notes a step. One with a gradient that is no finite number taught nothing, and its losses mean nothing."""
        self.place, self.step = self.place + 1, self.step + 1
        is_bad = not math.isfinite(norm)
        self.bad_in_a_row = self.bad_in_a_row + 1 if is_bad else 0
        for sums in (self.epoch_sums, self.line_sums):
            for name, value in ({"bad_steps": 1.0} if is_bad else counts).items():
                sums[name] = sums.get(name, 0.0) + value

    def end_epoch(self) -> None:
        """Goes on to the next epoch's first step."""
        self.epoch, self.place, self.epoch_sums, self.line_sums = self.epoch + 1, 0, {}, {}


def save(
    out_dir: Path,
    model: CtcModel,
    position: Position,
    state: dict[str, Any],
    metrics: dict[str, float] | None,
) -> Path:
    """Writes a checkpoint beside the older ones and returns its folder.

    With `metrics` it is the checkpoint of the epoch that has just ended, before `position`. StageError where it
    cannot be written.
    """
    folder = out_dir / f"step-{position.step:06d}"
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        save_model(model, partial)
        with (partial / STATE_FILE).open("wb") as file:
            torch.save(state | {"position": asdict(position)}, file)
            file.flush()
            os.fsync(file.fileno())
        if metrics is not None:
            write_epoch(partial, position.epoch - 1, position.step, metrics)
        partial.replace(folder)
    except (OSError, RuntimeError, SafetensorError) as error:  # each writer says in its own way that the disk is full
        shutil.rmtree(partial, ignore_errors=True)
        raise StageError(
            f"{folder}: the checkpoint cannot be written: {error}; make room, and the same command goes on"
        ) from error
    return folder


def tidy(out_dir: Path, keep: int) -> None:
    """Takes away what the newest checkpoint, known to be good, makes superfluous: of epochs all but `keep`."""
    newest = latest(out_dir)
    for folder in checkpoint_folders(out_dir):
        if folder == newest:
            continue
        (folder / STATE_FILE).unlink(missing_ok=True)
        if epoch_result(folder) is None:
            shutil.rmtree(folder)
    if keep:
        results = epoch_results(out_dir)
        best = min(results, key=lambda each: each.metrics["dev_error"], default=None)
        for result in results[:-keep]:
            if result is not best:
                (result.path / CONFIG_FILE).unlink(missing_ok=True)
                (result.path / WEIGHTS_FILE).unlink(missing_ok=True)


def clean(out_dir: Path) -> None:
    """Removes what a kill left half written or half removed."""
    for partial in out_dir.glob(".step-*.partial"):
        shutil.rmtree(partial)
    for folder in checkpoint_folders(out_dir):
        if not (folder / STATE_FILE).is_file() and epoch_result(folder) is None:
            shutil.rmtree(folder)


def latest(out_dir: Path) -> Path | None:
    """The newest checkpoint from which training can go on."""
    return next((each for each in reversed(checkpoint_folders(out_dir)) if (each / STATE_FILE).is_file()), None)


def newest_before(out_dir: Path, step: int) -> Path | None:
    """The newest checkpoint of a step before another that has weights."""
    older = (each for each in reversed(checkpoint_folders(out_dir)) if step_of(each) < step)
    return next((each for each in older if (each / WEIGHTS_FILE).is_file()), None)


def read_state(folder: Path) -> tuple[Position, dict[str, Any]]:
    """Reads position and state from a checkpoint's `trainer.pt`, onto the CPU.

    There lies what each rank needs a share of; and Adam's count of steps has to stay there, or every step of a training
    on a GPU would wait for it once a parameter.
    """
    state: dict[str, Any] = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)
    return Position(**state.pop("position")), state
