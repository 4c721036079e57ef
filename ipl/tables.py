"""Reading and writing tables: Parquet with the schemas of `ipl.schemas`, streamed, never loaded whole.

enforce      a record batch has the schema it claims, nulls included
write_table  rows to one file, whole or not at all
Table        rows of a folder of Parquet as records, any number of passes
Dataset      one or more folders of utterances
Index        where utterances lie in their files; read one by one at random
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ipl import row_groups
from ipl.errors import InputError, SchemaError
from ipl.files import read_json, write_json
from ipl.records import Cue, Hypothesis, Reject, Utterance, Word
from ipl.schemas import CUES, HYPOTHESES, INDEX, REJECTS, UTTERANCES

__all__ = ["Dataset", "Index", "Location", "Table", "enforce", "parquet_files", "to_batch", "write_table"]

T = TypeVar("T")

ROWS_PER_GROUP = 32
"""Rows with audio in a row group: small, so that one utterance read at random costs little."""


def enforce(batch: pa.RecordBatch, schema: pa.Schema, where: str = "table") -> pa.RecordBatch:
    """Returns `batch` with exactly `schema`, or raises SchemaError naming the field at fault."""
    name = schema.metadata[b"ipl.table"].decode()
    if missing := set(schema.names) - set(batch.schema.names):
        raise SchemaError(f"{where}: {name}: fields are missing: {', '.join(sorted(missing))}")
    if extra := set(batch.schema.names) - set(schema.names):
        raise SchemaError(f"{where}: {name}: fields the schema does not have: {', '.join(sorted(extra))}")
    columns = []
    for field in schema:
        column = batch.column(field.name)
        if column.type != field.type:
            try:
                column = column.cast(field.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise SchemaError(
                    f"{where}: {name}.{field.name}: found {column.type}, expected {field.type}: {error}"
                ) from error
        if column.null_count and not field.nullable:
            raise SchemaError(f"{where}: {name}.{field.name}: {column.null_count} null values in a field that has none")
        columns.append(column)
    whole = pa.RecordBatch.from_arrays(columns, schema=schema)
    if "start_ms" in schema.names and whole.num_rows:
        backwards = pc.sum(pc.less(whole.column("end_ms"), whole.column("start_ms"))).as_py()
        if backwards:
            raise SchemaError(f"{where}: {name}: {backwards} rows end before they start")
    return whole


def to_batch(rows: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Turns records (or dicts) into a record batch of `schema`; audio bytes become the audio struct."""
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for row in rows:
        for name, values in columns.items():
            values.append(row.get(name) if isinstance(row, dict) else getattr(row, name, None))
    if "audio" in columns:
        columns["audio"] = [_audio_struct(row) for row in rows]
    if "alternatives" in columns:
        columns["alternatives"] = [
            [{"text": text, "score": score} for text, score in alternatives] for alternatives in columns["alternatives"]
        ]
    if "words" in columns:
        columns["words"] = [[asdict(word) for word in words or ()] for words in columns["words"]]
    arrays = [pa.array(columns[field.name], type=field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _audio_struct(row: Any) -> dict[str, Any]:
    utt_id, audio = (row["utt_id"], row["audio"]) if isinstance(row, dict) else (row.utt_id, row.audio)
    if isinstance(audio, dict):
        return audio
    suffix = "flac" if audio[:4] == b"fLaC" else "ogg" if audio[:4] == b"OggS" else "wav"
    return {"bytes": audio, "path": f"{utt_id}.{suffix}"}


def write_table(path: Path, rows: Iterable[Any], schema: pa.Schema) -> int:
    """Writes records, dicts or record batches to one Parquet file, whole or not at all, and returns the row count."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    group = ROWS_PER_GROUP if "audio" in schema.names else 8192
    count = 0
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            for batch in _batches(rows, schema, group):
                whole = enforce(batch, schema, str(path))
                writer.write_batch(whole, row_group_size=group)
                count += whole.num_rows
        partial.replace(path)
    except OSError as error:
        if not error.errno or error.filename:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error  # pyarrow does not say where
    finally:
        partial.unlink(missing_ok=True)
    return count


def _batches(rows: Iterable[Any], schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
    waiting: list[Any] = []
    for row in rows:
        if isinstance(row, pa.RecordBatch):
            yield row
            continue
        waiting.append(row)
        if len(waiting) == size:
            yield to_batch(waiting, schema)
            waiting = []
    if waiting:
        yield to_batch(waiting, schema)


def parquet_files(path: Path) -> list[Path]:
    """The Parquet files in a folder (or the file itself) in order of name; an empty list where there are none."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.glob("*.parquet") if not file.name.startswith("."))


_RECORDS: dict[str, type[Any]] = {"utterances": Utterance, "cues": Cue, "rejects": Reject, "hypotheses": Hypothesis}


@dataclass(frozen=True)
class Table(Generic[T]):
    """The rows of a table that lies in a folder of Parquet files, as records; every pass streams from disk.

    `record` is the record class, `schema` the table's schema; a file that lacks a field of it is a SchemaError.
    """

    path: Path
    schema: pa.Schema
    record: type[T]

    @classmethod
    def of_hypotheses(cls, path: Path) -> Table[Hypothesis]:
        """The hypotheses that lie in `path`."""
        return Table(path, HYPOTHESES, Hypothesis)

    @classmethod
    def of_cues(cls, path: Path) -> Table[Cue]:
        """The cues that lie in `path`."""
        return Table(path, CUES, Cue)

    @classmethod
    def of_rejects(cls, path: Path) -> Table[Reject]:
        """The rejects that lie in `path`."""
        return Table(path, REJECTS, Reject)

    def __iter__(self) -> Iterator[T]:
        for batch in self.batches():
            for row in batch.to_pylist():
                yield self._record(row)

    def __len__(self) -> int:
        return sum(_opened(file, self.schema, ()).metadata.num_rows for file in parquet_files(self.path))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Iterates record batches with the given columns (all by default)."""
        for file in parquet_files(self.path):
            yield from _read_batches(file, self.schema, columns)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Reads the given columns at once; for columns that are small by nature."""
        return pa.Table.from_batches(list(self.batches(columns)), schema=_plain(self.schema, columns))

    def _record(self, row: dict[str, Any]) -> T:
        if "alternatives" in row:
            row["alternatives"] = tuple((each["text"], each["score"]) for each in row["alternatives"])
        if "words" in row:
            row["words"] = tuple(Word(**each) for each in row["words"])
        return self.record(**row)


def _read_batches(file: Path, schema: pa.Schema, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    parquet = _opened(file, schema, columns)
    plain = _plain(schema, columns)
    names = plain.names
    size = ROWS_PER_GROUP if "audio" in names else 8192
    with _telling(file):
        for batch in parquet.iter_batches(batch_size=size, columns=names):
            yield pa.RecordBatch.from_arrays([batch.column(name) for name in names], schema=plain)


def _opened(file: Path, schema: pa.Schema, columns: Sequence[str] | None) -> pq.ParquetFile:
    """A Parquet file that has the given columns (all by default) of `schema`, of the right types."""
    with _telling(file):
        parquet = pq.ParquetFile(file)
    table, found = schema.metadata[b"ipl.table"].decode(), parquet.schema_arrow
    names = columns or schema.names
    if missing := set(names) - set(found.names):
        raise SchemaError(
            f"{file}: not a table of {table}: fields are missing: {', '.join(sorted(missing))}; "
            "`ipl data import` makes a right one"
        )
    for name in names:
        if found.field(name).type != schema.field(name).type:
            raise SchemaError(
                f"{file}: {table}.{name}: found {found.field(name).type}, expected {schema.field(name).type}; "
                "write it again with that type"
            )
    return parquet


@contextmanager
def _telling(file: Path) -> Iterator[None]:
    """Turns what pyarrow says of a damaged file into one line; what is thrown in from outside passes."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # a disk that fails, a file that is gone: no fault of the file
            raise
        words = " ".join(str(error).split()).split(". ")[0].rstrip(".")
        raise InputError(f"{file}: not a Parquet file, or cut short: {words}; write it again or remove it") from error


def _plain(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    """The schema of some columns, without metadata."""
    return pa.schema([schema.field(name).remove_metadata() for name in columns or schema.names])


@dataclass(frozen=True)
class Location:
    """Where an utterance lies: file, row group, row in the group."""

    file: Path
    row_group: int
    row: int


@dataclass(frozen=True)
class Dataset:
    """Utterances that lie in one or more folders of Parquet files."""

    paths: tuple[Path, ...]

    @classmethod
    def at(cls, *paths: Path | str) -> Dataset:
        """The utterances in the given folders; raises InputError where a folder holds none, or a file is no such table.

        A folder that `ipl mine` or `ipl data import` wrote is taken for the utterances in it.
        """
        for path in paths:
            if not Path(path).exists():
                raise InputError(f"{path}: no such folder; expected a folder of utterances in Parquet")
        folders = tuple(_utterances_in(Path(path)) for path in paths)
        for folder in folders:
            if not parquet_files(folder):
                raise InputError(
                    f"{folder}: no Parquet files in it; expected utterances (`ipl data import` makes them)"
                )
        dataset = cls(folders)
        for file in dataset.files:
            _opened(file, UTTERANCES, None)
        return dataset

    @property
    def files(self) -> list[Path]:
        """All Parquet files, folder by folder, in order of name."""
        return [file for path in self.paths for file in parquet_files(path)]

    def places(self, name: str) -> dict[str, Path]:
        """A name for each of its folders, by which an index calls them: `<name>-0` and so on."""
        return {f"{name}-{i}": path.parent if path.is_file() else path for i, path in enumerate(self.paths)}

    def __len__(self) -> int:
        return sum(_opened(file, UTTERANCES, ()).metadata.num_rows for file in self.files)

    def __iter__(self) -> Iterator[Utterance]:
        for file in self.files:
            for batch in _read_batches(file, UTTERANCES, None):
                for row in batch.to_pylist():
                    yield _utterance(row)

    def read_columns(self, *columns: str) -> Iterator[dict[str, Any]]:
        """Iterates rows as dicts of the given columns; leave out `audio` and nothing of it is read."""
        for file in self.files:
            for batch in _read_batches(file, UTTERANCES, columns):
                yield from batch.to_pylist()

    def locate(self, *columns: str) -> Iterator[tuple[Location, dict[str, Any]]]:
        """Iterates rows as `read_columns` does, each with its location."""
        for file in self.files:
            parquet = _opened(file, UTTERANCES, columns)
            for group in range(parquet.num_row_groups):
                with _telling(file):
                    rows = parquet.read_row_group(group, columns=list(columns)).to_pylist()
                for row, values in enumerate(rows):
                    yield Location(file, group, row), values


def _utterances_in(folder: Path) -> Path:
    """Where a folder's utterances lie: what mining leaves has `pairs`, what a corpus leaves has `utterances`."""
    return next((folder / name for name in ("pairs", "utterances") if (folder / name).is_dir()), folder)


def _utterance(row: dict[str, Any]) -> Utterance:
    row["audio"] = row["audio"]["bytes"] or b""
    names = {field.name for field in fields(Utterance)}
    return Utterance(**{name: value for name, value in row.items() if name in names})


@dataclass(frozen=True)
class Index:
    """A table of locations (`ipl.schemas.INDEX`), in one file `index.parquet` of a folder: utterances at random.

    Its files are called `<place>/<file name>`; where each place is today stands in `places.json` beside, so that
    data sets and runs can move.
    """

    folder: Path

    @property
    def path(self) -> Path:
        """The index's own file."""
        return self.folder / "index.parquet"

    def __len__(self) -> int:
        return int(pq.ParquetFile(self.path).metadata.num_rows)

    def put_places(self, places: Mapping[str, Path]) -> None:
        """Says where the places are."""
        start = self.folder.resolve()
        write_json(
            self.folder / "places.json",
            {name: Path(os.path.relpath(path.resolve(), start)).as_posix() for name, path in places.items()},
        )

    @property
    def places(self) -> dict[str, Path]:
        """Where the places are; without `places.json`, folders beside the index."""
        file = self.folder / "places.json"
        return {name: self.folder / path for name, path in read_json(file).items()} if file.is_file() else {}

    def resolve(self, file: str, places: Mapping[str, Path]) -> Path:
        """The file that a row of the index means."""
        place, _, name = file.partition("/")
        return Path(os.path.normpath(places.get(place, self.folder / place) / name))

    def read(self, *columns: str) -> pa.Table:
        """Reads columns of the index (all by default); it holds no audio."""
        return pq.read_table(self.path, columns=list(columns or INDEX.names))

    def read_rows(self, *columns: str) -> Iterator[dict[str, Any]]:
        """Iterates all rows as dicts of the given columns, a part of the file in memory at a time."""
        for batch in pq.ParquetFile(self.path).iter_batches(batch_size=8192, columns=list(columns)):
            yield from batch.to_pylist()

    def locate(self, rows: Sequence[int]) -> Iterator[tuple[Location, dict[str, Any]]]:
        """Yields where the utterances at the given rows lie, and what the index says of them, in that order."""
        places, mtime_ns = self.places, self.path.stat().st_mtime_ns
        for row in rows:
            entry = row_groups.read_row(self.path, mtime_ns, row)
            yield Location(self.resolve(entry["file"], places), entry["row_group"], entry["row"]), entry

    def utterances(self, rows: Sequence[int], keep_text: bool = True) -> Iterator[Utterance]:
        """Yields the utterances at the given rows, in that order, with the index's text and origin.

        What was read last is kept up to a limit, so that rows near each other cost one read of their row group.
        With `keep_text` false, `text` is None.
        """
        for where, entry in self.locate(rows):
            whole = _row_group(where.file, where.row_group).slice(where.row, 1).to_pylist()[0]
            if whole["utt_id"] != entry["utt_id"]:
                raise InputError(
                    f"{where.file}: changed since {self.path} was made; start the run again to make it anew"
                )
            text = entry["text"] if keep_text else None
            yield _utterance(whole | {"text": text, "origin": entry["origin"], "confidence": entry["confidence"]})


def _row_group(file: Path, group: int) -> pa.Table:
    mtime_ns = file.stat().st_mtime_ns

    def read() -> pa.Table:
        # Opened for this read alone: of a ParquetFile that threads share, one throws away what another has read ahead.
        with _telling(file), pq.ParquetFile(file, metadata=_metadata(file, mtime_ns)) as parquet:
            return parquet.read_row_group(group, columns=UTTERANCES.names)

    return row_groups.KEPT.get((file, mtime_ns, group), read)


@lru_cache(maxsize=64)
def _metadata(file: Path, _mtime_ns: int) -> pq.FileMetaData:
    with _opened(file, UTTERANCES, None) as parquet:
        return parquet.metadata
