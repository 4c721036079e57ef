"""The texts that a data set itself has, for measuring only: no plugin sees them through an index."""

from __future__ import annotations

from collections import defaultdict

import pyarrow.parquet as pq

from ipl.tables import Index

__all__ = ["true_texts"]


def true_texts(index: Index) -> dict[str, str]:
    """The texts that the data set itself has for an index's utterances, by utt_id; for measuring only."""
    texts = {}
    rows_of = defaultdict(set)
    for row in index.read("utt_id", "file").to_pylist():
        rows_of[row["file"]].add(row["utt_id"])
    places = index.places
    for file, wanted in rows_of.items():
        for batch in pq.ParquetFile(index.resolve(file, places)).iter_batches(columns=["utt_id", "text"]):
            for row in batch.to_pylist():
                if row["text"] is not None and row["utt_id"] in wanted:
                    texts[row["utt_id"]] = row["text"]
    return texts
