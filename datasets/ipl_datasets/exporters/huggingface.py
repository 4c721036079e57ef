"""A data set that Hugging Face's `datasets` reads: Parquet with the feature types in its metadata, and a card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import ipl
from ipl.errors import InputError
from ipl.files import write_text
from ipl.records import Utterance
from ipl.schemas import UTTERANCES
from ipl.tables import Dataset, to_batch

__all__ = ["HuggingFaceExporter"]

_ROWS_PER_GROUP = 100


@ipl.plugin("huggingface")
class HuggingFaceExporter:
    """Parquet files and a card: `datasets.load_dataset("<folder>")` reads it, audio column and all."""

    split: str = "train"
    """name of the split"""
    shard_mb: int = 500
    """megabytes of audio in a Parquet file, about"""
    license: str = "unknown"
    """licence to state on the card"""

    @ipl.hookimpl
    def export(self, utterances: Dataset, out_dir: Path) -> Iterator[Path]:
        """Writes `data/<split>-00000.parquet` and on, and `README.md`. InputError where there is nothing."""
        count = 0
        seconds = 0.0
        languages: set[str] = set()
        for number, shard in enumerate(_shards(utterances, self.shard_mb * 1_000_000)):
            path = out_dir / "data" / f"{self.split}-{number:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
                for group in shard:
                    writer.write_batch(to_batch(group, _SCHEMA), row_group_size=_ROWS_PER_GROUP)
                    count += len(group)
                    seconds += sum(each.num_samples / each.sample_rate_hz for each in group)
                    languages |= {each.language for each in group if each.language}
            yield path
        if not count:
            raise InputError("nothing to export: the data set has no utterances")
        card = out_dir / "README.md"
        write_text(card, self._card(count, seconds, sorted(languages)))
        yield card

    def _card(self, count: int, seconds: float, languages: list[str]) -> str:
        tagged = "".join(f"- {language}\n" for language in languages)
        return (
            "---\n"
            f"license: {json.dumps(self.license)}\n"
            + (f"language:\n{tagged}" if languages else "")
            + "task_categories:\n- automatic-speech-recognition\n"
            "configs:\n- config_name: default\n  data_files:\n"
            f"  - split: {json.dumps(self.split)}\n    path: {json.dumps(f'data/{self.split}-*.parquet')}\n"
            "---\n\n"
            f"# Speech: {count} utterances, {seconds / 3600:.2f} hours\n\n"
            "Written by `ipl`. Columns:\n\n" + "".join(f"- `{field.name}`: {_meaning(field)}\n" for field in UTTERANCES)
        )


def _shards(utterances: Dataset, size: int) -> Iterator[Iterator[list[Utterance]]]:
    """Cuts utterances into shards of about `size` bytes of audio, each an iterator of row groups."""
    rows = iter(utterances)
    waiting = next(rows, None)

    def shard() -> Iterator[list[Utterance]]:
        nonlocal waiting
        group: list[Utterance] = []
        filled = 0
        while waiting is not None and filled < size:
            group.append(waiting)
            filled += len(waiting.audio)
            waiting = next(rows, None)
            if len(group) == _ROWS_PER_GROUP:
                yield group
                group = []
        if group:
            yield group

    while waiting is not None:
        yield shard()


def _meaning(field: pa.Field) -> str:
    meaning, unit = (field.metadata[key].decode() for key in (b"meaning", b"unit"))
    return f"{meaning} ({unit})" if unit else f"{meaning}"


def _feature(field: pa.Field) -> dict[str, Any]:
    """A field as `datasets.Features` writes it."""
    if field.name == "audio":
        return {"_type": "Audio"}
    return {"dtype": {"float": "float32"}.get(str(field.type), str(field.type)), "_type": "Value"}


_FEATURES = {"info": {"features": {field.name: _feature(field) for field in UTTERANCES}}}
_SCHEMA = UTTERANCES.with_metadata({"huggingface": json.dumps(_FEATURES)})
