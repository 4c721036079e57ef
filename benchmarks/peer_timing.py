"""What a peer's training is measured by. Imports nothing of ipl: a peer's own interpreter reads it too."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Timing", "now", "timing"]


@dataclass(frozen=True)
class Timing:
    """Seconds of own audio a second of processor and of wall time, the share of padding, and what was trained."""

    x_processor: float
    x_wall: float
    padding: float
    parameters: int
    loss: float


def now() -> tuple[float, float]:
    """Seconds of this process's processor time, its threads' included, and of wall time."""
    return time.process_time(), time.perf_counter()


def timing(
    stamps: Sequence[tuple[float, float]],
    audio_seconds: Sequence[float],
    first: int,
    padding: float,
    parameters: int,
    loss: float,
) -> Timing:
    """Of the steps from number `first` to the last, each stamped when it began; the last one only ends the measure."""
    own = sum(audio_seconds[first:-1])
    cpu, wall = (own / (stamps[-1][kind] - stamps[first][kind]) for kind in (0, 1))
    return Timing(cpu, wall, padding, parameters, loss)
