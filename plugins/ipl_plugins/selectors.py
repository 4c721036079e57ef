"""Selectors: which part of the pool a cycle recognises. (`selector: none` is the loop's own: recognise nothing.)"""

from __future__ import annotations

import random
from collections.abc import Iterable

import ipl
from ipl.records import Cycle
from ipl.tables import Dataset

__all__ = ["All", "Budget", "IndexRange", "RandomShare"]


def _ids(pool: Dataset) -> list[str]:
    """In order of name, so that no selection depends on how the pool is cut into files."""
    return sorted(row["utt_id"] for row in pool.read_columns("utt_id"))


@ipl.plugin("all")
class All:
    """Selects the whole pool."""

    @ipl.hookimpl
    def select(self, pool: Dataset) -> Iterable[str]:
        """Returns every utt_id."""
        return _ids(pool)


@ipl.plugin("random")
class RandomShare:
    """Selects a random share of the pool, another one in every cycle."""

    share: float = 0.5
    """share of the utterances, above 0 and up to 1"""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share: found {self.share}, expected above 0 and up to 1")

    @ipl.hookimpl
    def select(self, cycle: Cycle, pool: Dataset) -> Iterable[str]:
        """Returns the share, at least one utterance."""
        ids = _ids(pool)
        return random.Random(cycle.seed).sample(ids, max(1, round(self.share * len(ids)))) if ids else ids


@ipl.plugin("range")
class IndexRange:
    """Selects utterances by their number in the pool, ordered by utt_id."""

    start: int = 0
    """number of the first"""
    stop: int | None = None
    """number after the last; null for the end of the pool"""

    @ipl.hookimpl
    def select(self, pool: Dataset) -> Iterable[str]:
        """Returns the utterances from `start` to `stop`, as a Python slice takes them."""
        return _ids(pool)[self.start : self.stop]


@ipl.plugin("budget")
class Budget:
    """Selects at random until a number of hours is reached; another selection in every cycle."""

    hours: float
    """hours of audio to select at the most"""
    longest_s: float | None = None
    """leaves out utterances longer than this many seconds"""

    def __post_init__(self) -> None:
        if self.hours <= 0:
            raise ValueError(f"hours: found {self.hours}, expected above 0")

    @ipl.hookimpl
    def select(self, cycle: Cycle, pool: Dataset) -> Iterable[str]:
        """Returns utterances that fit the budget, in random order; one too long for what is left is passed over."""
        rows = sorted(
            (row["utt_id"], row["num_samples"] / row["sample_rate_hz"])
            for row in pool.read_columns("utt_id", "num_samples", "sample_rate_hz")
        )
        random.Random(cycle.seed).shuffle(rows)
        left_s = self.hours * 3600
        for utt_id, seconds in rows:
            if seconds <= left_s and (self.longest_s is None or seconds <= self.longest_s):
                left_s -= seconds
                yield utt_id
