"""Rows of Parquet files at random: the row groups that were read last are kept, up to a number of bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["KEPT", "RecentlyUsed", "read_row"]


class RecentlyUsed:
    """Tables by key; those that nobody asked for longest go when all take more than `budget` bytes.

    Threads may share it. The last one asked for stays, however large it is.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._kept: OrderedDict[Hashable, pa.Table] = OrderedDict()
        self._num_bytes = 0
        self._lock = Lock()

    def get(self, key: Hashable, read: Callable[[], pa.Table]) -> pa.Table:
        """The table under `key`, or what `read` gives."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        table = read()
        with self._lock:
            if key not in self._kept:
                self._num_bytes += table.nbytes
            self._kept[key] = table
            while self._num_bytes > self.budget and len(self._kept) > 1:
                self._num_bytes -= self._kept.popitem(last=False)[1].nbytes
        return table


KEPT = RecentlyUsed(256 << 20)
"""The row groups that this process read last."""


def read_row(path: Path, mtime_ns: int, row: int) -> dict[str, Any]:
    """The row of that number of a Parquet file without audio, which has not changed since `mtime_ns`.

    Raises IndexError where it has none.
    """
    ends = _group_ends(path, mtime_ns)
    if not 0 <= row < ends[-1]:
        raise IndexError(f"{path}: no row {row} of {ends[-1]}")
    group = bisect_right(ends, row)
    table = KEPT.get((path, mtime_ns, group), lambda: pq.ParquetFile(path).read_row_group(group))
    found: dict[str, Any] = table.slice(row - (ends[group - 1] if group else 0), 1).to_pylist()[0]
    return found


@lru_cache(maxsize=8)
def _group_ends(path: Path, _mtime_ns: int) -> list[int]:
    metadata = pq.ParquetFile(path).metadata
    return list(accumulate(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)))
