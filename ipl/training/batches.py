"""Reads the batches that a batcher made: a file for each epoch (`ipl.schemas.BATCHES`). Imports no torch."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ipl.errors import InputError
from ipl.training.packing import Step

__all__ = ["count_steps", "read_steps"]


def count_steps(batches: Path, epoch: int, ranks: int) -> int:
    """The number of steps of an epoch."""
    return int(_epoch_file(batches, epoch).metadata.num_rows) // ranks


def read_steps(batches: Path, epoch: int, ranks: int) -> list[Step]:
    """Reads the steps of an epoch; InputError where they were made for another number of ranks."""
    table = _epoch_file(batches, epoch).read().sort_by([("step", "ascending"), ("rank", "ascending")])
    rows = table["rows"].to_pylist()
    if table["rank"].to_pylist() != list(range(ranks)) * (len(rows) // ranks):
        raise InputError(f"{batches}: the batches of epoch {epoch} are not for {ranks} ranks; make them anew")
    return [rows[first : first + ranks] for first in range(0, len(rows), ranks)]


def _epoch_file(batches: Path, epoch: int) -> pq.ParquetFile:
    path = batches / f"epoch-{epoch:03d}.parquet"
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: the batches of epoch {epoch} cannot be read: {error}; make them anew") from error
