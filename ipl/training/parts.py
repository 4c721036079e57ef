"""Cuts up what is too large to go through a model at once, and deals steps out anew to another number of ranks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from ipl.training.data import Batch
from ipl.training.packing import Step

__all__ = ["deal", "silence", "split"]


def split(batch: Batch, parts: int) -> list[Batch]:
    """Cuts a batch into at most `parts` of nearly as many utterances each, none longer than it has to be.

    `step_units` is that of the whole in all of them, so that their losses add up to the loss of the whole.
    """
    count = len(batch.rows)
    if parts == 1 or count < 2:
        return [batch]
    found, unit = [], 0
    edges = [round(part * count / min(parts, count)) for part in range(min(parts, count) + 1)]
    for first, last in pairwise(edges):
        units = int(batch.num_units[first:last].sum())
        found.append(
            replace(
                batch,
                rows=batch.rows[first:last],
                utt_ids=batch.utt_ids[first:last],
                features=batch.features[first:last, : int(batch.num_frames[first:last].max())],
                num_frames=batch.num_frames[first:last],
                targets=batch.targets[unit : unit + units],
                num_units=batch.num_units[first:last],
            )
        )
        unit += units
    return found


def silence(like: Batch) -> Batch:
    """A batch without rows, for a rank that has to take part in something with nothing of its own."""
    one = like.num_units.new_ones(1)
    return Batch([], [], like.features.new_zeros(1, 1, like.features.shape[2]), one, one, one, like.step_units)


def deal(step: Step, ranks: int) -> Step:
    """The rows of a step for another number of ranks; as it is for its own.

    >>> deal([[1, 2, 3], [4, 5]], 1)
    [[1, 2, 3, 4, 5]]
    >>> deal([[1, 2, 3], [4, 5]], 3)
    [[1, 4], [2, 5], [3]]
    """
    if len(step) == ranks:
        return step
    rows = [row for batch in step for row in batch]
    return [rows[rank::ranks] for rank in range(ranks)]
