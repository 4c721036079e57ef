"""Metrics of a training as lines of metrics.jsonl and as TensorBoard scalars, written by the first rank."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ipl.training.results import METRICS_FILE, cut_metrics

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["MetricsWriter", "averages"]


COUNTED = ("utterances", "audio_seconds", "too_short", "bad_steps", "sent_bytes")


def averages(sums: dict[str, float]) -> dict[str, float]:
    """What the sums of some steps' counts say: the mean loss in nats a unit and its parts, how much went wrong, and
    how many bytes of gradients each rank sent."""
    found = {name: sums.get(name, 0.0) for name in COUNTED}
    if not sums.get("units"):
        return found
    parts = {name: nats for name, nats in sums.items() if name.endswith("nats")}
    return {name.replace("nats", "loss"): nats / sums["units"] for name, nats in parts.items()} | found


class MetricsWriter:
    """Writes metrics into `out_dir`; those after `step`, of a run that was cut short, are forgotten."""

    def __init__(self, out_dir: Path, step: int) -> None:
        cut_metrics(out_dir, step)
        self._file = (out_dir / METRICS_FILE).open("a", encoding="utf-8")
        self._folder = out_dir / "tensorboard"
        self._step = step
        self._board: SummaryWriter | None = None

    def write(self, event: Literal["step", "epoch"], epoch: int, step: int, metrics: dict[str, float]) -> None:
        """Writes one line, and a scalar for each metric; what is not a finite number is null in the line."""
        values = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        self._file.write(
            json.dumps({"event": event, "time": round(time.time(), 3), "epoch": epoch, "step": step, **values}) + "\n"
        )
        self._file.flush()
        for name, value in metrics.items():
            self._scalars.add_scalar(f"{event}/{name}", value, step)
        if event == "epoch":
            self._scalars.flush()

    @property
    def _scalars(self) -> SummaryWriter:
        if self._board is None:
            from torch.utils.tensorboard import SummaryWriter  # takes a while to import

            self._board = SummaryWriter(str(self._folder), purge_step=self._step + 1)
        return self._board

    def close(self) -> None:
        """Closes both."""
        self._file.close()
        if self._board is not None:
            self._board.close()
