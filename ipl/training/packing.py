"""Packs utterances into batches of like length, the same number for every rank, every rank's load alike.

Rows are sorted by duration (with a little noise, so that epochs differ), cut into batches whose padded
duration stays within a budget, and dealt out a step at a time, neighbours in length (where steps are shuffled, in
padded duration) to the ranks of a step:

    shortest ▏▏▏▏▏▏▏▏▏▏│▎▎▎▎▎▎▎▎│▍▍▍▍▍▍│▌▌▌▌▌│▊▊▊▊│███ longest
             rank 0      rank 1   rank 0 rank 1 ...
             └──── one step ───┘  └─ one step ┘
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Batch", "Step", "pack", "padding_efficiency"]

Batch = list[int]
"""Row numbers that go through the model together."""
Step = list[Batch]
"""One batch for each rank."""

LENGTH_NOISE = 0.03
"""Rows change places with neighbours this much longer or shorter: it costs as much padding, and mixes epochs."""
STRETCH = 256
"""Rows that stay together when there are windows: some row groups, read one after the other."""
LEAST_EFFICIENCY = 0.95
"""With less audio in the padded audio batches are cut finer, as happens with few rows of very different lengths."""
LEAST_ROWS = 4
"""Batches of fewer rows are never cut for their padding."""
SHORTEST_MS = 100
"""Shorter rows count as this long, as each costs its share of overhead."""


def pack(
    durations_ms: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    batch_ms: int,
    ranks: int,
    generator: np.random.Generator | None,
    window: int = 0,
) -> list[Step]:
    """Packs `rows` (numbers into `durations_ms` [N]; a row may occur more than once) into steps.

    A batch's padded duration, its longest row times its rows, is at most `batch_ms`, but for a row that is
    longer by itself. Without a `generator` steps come shortest first and rows sorted; with one, steps are
    shuffled, and so are the ranks of a step. Where there are fewer rows than ranks some are repeated.

    With a `window` only so many rows are shuffled and packed together, made of stretches of neighbours, so that who
    reads them in order of the steps needs no more of the data at a time; the sorted order knows no windows.
    """
    if generator is None or not 0 < window < len(rows):
        return _pack(durations_ms, rows, batch_ms, ranks, generator)
    stretches = [rows[first : first + STRETCH] for first in range(0, len(rows), STRETCH)]
    mixed = np.concatenate([stretches[place] for place in generator.permutation(len(stretches))])
    windows = np.array_split(mixed, round(len(mixed) / window) or 1)
    return [step for each in windows for step in _pack(durations_ms, each, batch_ms, ranks, generator)]


def _pack(
    durations_ms: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    batch_ms: int,
    ranks: int,
    generator: np.random.Generator | None,
) -> list[Step]:
    if not len(rows):
        return []
    lengths = np.maximum(durations_ms[rows], SHORTEST_MS)
    noise = 1.0 if generator is None else generator.uniform(1 - LENGTH_NOISE, 1 + LENGTH_NOISE, len(rows))
    order = np.argsort(lengths * noise, kind="stable")
    sorted_lengths, in_order = lengths[order].tolist(), rows[order].tolist()
    batches = _cut_well(sorted_lengths, batch_ms, ranks)
    if generator is not None:  # neighbours in load to the ranks of a step
        batches.sort(key=lambda edges: max(sorted_lengths[slice(*edges)]) * (edges[1] - edges[0]))
    steps = [
        [in_order[start:end] for start, end in batches[first : first + ranks]]
        for first in range(0, len(batches), ranks)
    ]
    if generator is None:
        return steps
    steps = [steps[place] for place in generator.permutation(len(steps))]
    return [[step[rank] for rank in generator.permutation(ranks)] for step in steps]


def _cut_well(lengths: Sequence[int], budget: int, ranks: int) -> list[tuple[int, int]]:
    """Cuts sorted lengths into batches as (start, end); finer, where too much of them would be padding."""
    for least in (0.0, 0.85, 0.9, 0.93, 0.96):
        batches = _cut_for_ranks(lengths, budget, ranks, least)
        padded = sum(max(lengths[start:end]) * (end - start) for start, end in batches)
        if sum(sum(lengths[start:end]) for start, end in batches) >= LEAST_EFFICIENCY * padded:
            break
    return batches


def _cut_for_ranks(lengths: Sequence[int], budget: int, ranks: int, least: float) -> list[tuple[int, int]]:
    """Cuts sorted lengths into a multiple of `ranks` batches, as (start, end), all of about the same padded length."""
    wanted = -(-len(_cut(lengths, budget, least)) // ranks) * ranks
    # The smallest budget that still needs no more batches spreads the load of the last one over all.
    low, high = budget // 2, budget
    while high - low > max(1, budget // 1000):
        middle = (low + high) // 2
        if len(_cut(lengths, middle, least)) <= wanted:
            high = middle
        else:
            low = middle
    return _split_until(lengths, _cut(lengths, high, least), wanted)


def _cut(lengths: Sequence[int], budget: int, least: float) -> list[tuple[int, int]]:
    """Fills one batch after the other up to `budget`, or till less than `least` of it would be no padding."""
    batches: list[tuple[int, int]] = []
    start = longest = total = 0
    for place, length in enumerate(lengths):
        longest, total = max(longest, length), total + length
        padded = longest * (place + 1 - start)
        if place > start and (padded > budget or (total < least * padded and place - start >= LEAST_ROWS)):
            batches.append((start, place))
            start, longest, total = place, length, length
    return [*batches, (start, len(lengths))]


def _split_until(lengths: Sequence[int], batches: list[tuple[int, int]], wanted: int) -> list[tuple[int, int]]:
    """Halves the largest batches until there are `wanted`; where no batch has two rows left, repeats some."""
    heap = [(-(end - start) * lengths[end - 1], start, end) for start, end in batches if end - start > 1]
    heapq.heapify(heap)
    whole = [(start, end) for start, end in batches if end - start == 1]
    while heap and len(heap) + len(whole) < wanted:
        _, start, end = heapq.heappop(heap)
        middle = (start + end) // 2
        for first, last in ((start, middle), (middle, end)):
            if last - first > 1:
                heapq.heappush(heap, (-(last - first) * lengths[last - 1], first, last))
            else:
                whole.append((first, last))
    found = sorted([*((start, end) for _, start, end in heap), *whole])
    repeated = [found[place % len(found)] for place in range(wanted - len(found))]
    return sorted([*found, *repeated])


def padding_efficiency(durations_ms: npt.NDArray[np.int64], steps: Sequence[Step]) -> float:
    """The share of the padded audio that is not padding, 0 to 1."""
    batches = [durations_ms[batch] for step in steps for batch in step]
    padded = sum(int(batch.max()) * len(batch) for batch in batches)
    return sum(int(batch.sum()) for batch in batches) / padded if padded else 1.0
