"""Built-in batchers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import ipl
from ipl.records import Cycle
from ipl.training.packing import Step, pack

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DynamicBatcher", "RatioBatcher", "SortedFirstBatcher"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _Packing:
    """Options of all batchers here, and what they mean."""

    batch_seconds: float = 60.0
    """seconds of audio, padding included, in a rank's batch; with little data 60 learns better than 240"""
    shuffle_rows: int = 0
    """mix only so many rows at a time, that lie near each other, such as 4096: then data larger than memory are read
    once in an epoch; 0 mixes all rows"""

    def __post_init__(self) -> None:
        _check_positive("batch_seconds", self.batch_seconds)
        if self.shuffle_rows < 0:
            raise ValueError(f"shuffle_rows: found {self.shuffle_rows}, expected 0 or more")

    def _pack(self, durations_ms: Rows, rows: Rows, ranks: int, generator: np.random.Generator | None) -> list[Step]:
        """Packs `rows`, shuffled where there is a generator."""
        batch_ms = max(1, round(self.batch_seconds * 1000))
        return pack(durations_ms, rows, batch_ms, ranks, generator, self.shuffle_rows)


@ipl.plugin("dynamic")
class DynamicBatcher(_Packing):
    """Batches of like length under a budget of seconds, padding included; every row once an epoch."""

    @ipl.hookimpl
    def batch(self, cycle: Cycle, epoch: int, ranks: int, utterances: pa.Table) -> list[Step]:
        """Packs all rows, shuffled."""
        durations_ms = _durations_ms(utterances)
        return self._pack(durations_ms, np.arange(len(durations_ms)), ranks, _generator(cycle, epoch))


@ipl.plugin("sorted_first")
class SortedFirstBatcher(_Packing):
    """As `dynamic`, but the first epoch goes from short to long (SortaGrad of Deep Speech 2, arXiv 1512.02595)."""

    @ipl.hookimpl
    def batch(self, cycle: Cycle, epoch: int, ranks: int, utterances: pa.Table) -> list[Step]:
        """Packs all rows, in epoch 0 sorted, later shuffled."""
        durations_ms = _durations_ms(utterances)
        generator = _generator(cycle, epoch) if epoch else None
        return self._pack(durations_ms, np.arange(len(durations_ms)), ranks, generator)


@ipl.plugin("ratio")
class RatioBatcher(_Packing):
    """Audio with true and with pseudo-labels in a fixed ratio: the side that falls short is repeated.

    Every row occurs at least once an epoch. Where one side has no rows, the other is batched as by `dynamic`.
    """

    labelled: float = 1.0
    """parts of audio whose text is not a pseudo-label (labelled, mined)"""
    pseudo: float = 4.0
    """parts of audio whose text is a pseudo-label"""
    max_repeats: int = 20
    """no row occurs more often than this in an epoch, whatever the ratio"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("labelled", "pseudo", "max_repeats"):
            _check_positive(name, getattr(self, name))

    @ipl.hookimpl
    def batch(self, cycle: Cycle, epoch: int, ranks: int, utterances: pa.Table) -> list[Step]:
        """Repeats rows until the ratio is reached, then packs them, shuffled."""
        durations_ms = _durations_ms(utterances)
        generator = _generator(cycle, epoch)
        is_pseudo = np.asarray(utterances.column("origin").to_pylist(), dtype=object) == "pseudo"
        labelled, pseudo = np.flatnonzero(~is_pseudo), np.flatnonzero(is_pseudo)
        if len(labelled) and len(pseudo):
            # The audio that one part of the ratio stands for; the side that has more of it sets the epoch's length.
            part_ms = max(durations_ms[labelled].sum() / self.labelled, durations_ms[pseudo].sum() / self.pseudo)
            labelled = self._repeated(labelled, durations_ms, part_ms * self.labelled, generator)
            pseudo = self._repeated(pseudo, durations_ms, part_ms * self.pseudo, generator)
        return self._pack(durations_ms, np.concatenate([labelled, pseudo]), ranks, generator)

    def _repeated(self, rows: Rows, durations_ms: Rows, wanted_ms: float, generator: np.random.Generator) -> Rows:
        """Whole passes over `rows`, then as many, drawn at random, as come nearest `wanted_ms`."""
        total_ms = int(durations_ms[rows].sum())
        passes = int(wanted_ms // total_ms) if total_ms else 1
        if passes >= self.max_repeats:
            return np.tile(rows, self.max_repeats)
        drawn = generator.permutation(rows)
        ends_ms = np.cumsum(durations_ms[drawn])
        count = int(np.searchsorted(ends_ms - durations_ms[drawn] / 2, wanted_ms - passes * total_ms))
        return np.concatenate([np.tile(rows, passes), drawn[:count]])


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name}: found {value}, expected more than 0")


def _durations_ms(utterances: pa.Table) -> Rows:
    return np.asarray(utterances.column("duration_ms").to_numpy(), dtype=np.int64)


def _generator(cycle: Cycle, epoch: int) -> np.random.Generator:
    return np.random.default_rng([cycle.seed % 2**63, epoch])
