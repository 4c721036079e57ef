"""Rows at random: the right ones, of files of many row groups, and never more kept than allowed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipl import row_groups, tables
from ipl.records import Utterance
from ipl.row_groups import RecentlyUsed, read_row
from ipl.schemas import UTTERANCES
from ipl.tables import ROWS_PER_GROUP, write_table


def table(num_bytes: int) -> pa.Table:
    return pa.table({"a": pa.array([0] * num_bytes, pa.uint8())})


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 60)), max_size=40))
def test_what_was_used_last_is_kept_within_the_budget(asked: list[tuple[int, int]]) -> None:
    kept = RecentlyUsed(100)
    sizes: dict[int, int] = {}
    recent: list[int] = []  # as it should be: oldest first
    for key, size in asked:
        read = []
        found = kept.get(key, lambda size=size, read=read: read.append(1) or table(size))  # type: ignore[misc]
        assert bool(read) == (key not in recent)
        if read:
            sizes[key] = size
        assert found.num_rows == sizes[key]
        recent = [*(each for each in recent if each != key), key]
        while sum(sizes[each] for each in recent) > 100 and len(recent) > 1:
            recent.pop(0)


def test_threads_read_one_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_groups, "KEPT", RecentlyUsed(0))
    path, groups = tmp_path / "a.parquet", 24
    rows = [
        Utterance(f"u{number:04d}", "u", 0, 10, bytes(2000), 8000, 8000) for number in range(ROWS_PER_GROUP * groups)
    ]
    write_table(path, rows, UTTERANCES)
    wanted = list(range(groups)) * 60
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(partial(tables._row_group, path), wanted))
    firsts = [each["utt_id"][0].as_py() for each in found]
    assert firsts == [f"u{group * ROWS_PER_GROUP:04d}" for group in wanted]


def test_rows_are_found_in_groups_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_groups, "KEPT", RecentlyUsed(200))  # of 1,600: groups come and go
    path = tmp_path / "a.parquet"
    with pq.ParquetWriter(path, pa.schema([("number", pa.int64())])) as writer:
        for first, last in ((0, 1), (1, 70), (70, 70), (70, 200)):
            writer.write_table(pa.table({"number": pa.array(range(first, last), pa.int64())}), row_group_size=64)
    mtime_ns = path.stat().st_mtime_ns
    assert [read_row(path, mtime_ns, row)["number"] for row in (*range(200), 199, 0, 150, 1)] == [
        *range(200), 199, 0, 150, 1
    ]  # fmt: skip
    for outside in (200, 1000):
        with pytest.raises(IndexError):
            read_row(path, mtime_ns, outside)
