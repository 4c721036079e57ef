"""A few rows of many, the same ones every time, from as many sources as there are, in one pass."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import TypeVar

__all__ = ["draw", "sample"]

T = TypeVar("T")


def draw(seed: int, name: str) -> int:
    """A number in 0 … 2⁶⁴ that looks random and depends on the arguments alone."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest())


def sample(
    rows: Iterable[T], size: int, name_of: Callable[[T], str], source_of: Callable[[T], str], seed: int = 0
) -> list[T]:
    """Draws at most `size` rows, spread over their sources, whatever order they come in.

    Each row and each source has a number drawn from its name; the smallest win. Memory: size² rows.

    >>> sorted(row[0] for row in sample(["a1", "a2", "a3", "b1"], 2, lambda row: row, lambda row: row[0]))
    ['a', 'b']
    """
    if size <= 0:
        return []
    sources: dict[str, list[tuple[int, int, T]]] = {}
    order: list[tuple[int, str]] = []  # the sources held, as a heap with the largest number on top
    for number, row in enumerate(rows):
        source = source_of(row)
        if source not in sources:
            place = (-draw(seed, source), source)
            if len(order) == size and place < order[0]:
                continue
            if len(order) == size:
                del sources[heapq.heappushpop(order, place)[1]]
            else:
                heapq.heappush(order, place)
            sources[source] = []
        _keep_smallest(sources[source], (-draw(seed, name_of(row)), -number, row), size)
    held = [sorted(sources[source], key=lambda each: -each[0]) for _, source in sorted(order, reverse=True)]
    turns = (each for turn in zip_longest(*held) for each in turn if each is not None)
    return [row for _, (_, _, row) in zip(range(size), turns, strict=False)]


def _keep_smallest(heap: list[tuple[int, int, T]], item: tuple[int, int, T], size: int) -> None:
    if len(heap) < size:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)
