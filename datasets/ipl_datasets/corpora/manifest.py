"""Corpora that are a list: a row per utterance, as TSV, CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipl
from ipl.errors import InputError, did_you_mean
from ipl.records import Reject, Utterance
from ipl_datasets.corpora.entries import Entry, parse_seconds, read_entries, relative_id
from ipl_datasets.corpora.text_files import read_text

if TYPE_CHECKING:
    from _csv import Reader as _CsvReader

__all__ = ["Manifest"]

Value = str | int
Row = dict[str, Any]

_JSON_LINES = (".jsonl", ".ndjson", ".json")
_SUFFIXES = (".tsv", ".csv", *_JSON_LINES)
_OPTIONAL = {"id": "id", "speaker": "speaker", "start": "start", "end": "end", "duration": "duration"}


@ipl.plugin("manifest")
class Manifest:
    """A TSV, CSV or JSON-lines file with a row per utterance; NeMo's manifests are JSON lines, too."""

    audio: str = "path"
    """column of the audio file, relative to the manifest's own folder"""
    text: str = "text"
    """column of the text; an empty one counts as unknown"""
    id: str = "id"
    """column of the utterance's id; where there is none, the audio file's name without its suffix is it"""
    speaker: str = "speaker"
    """column of the speaker"""
    start: str = "start"
    """column of where in the file the utterance starts, in seconds; empty: the file as a whole"""
    end: str = "end"
    """column of where it ends, in seconds"""
    duration: str = "duration"
    """column of its length in seconds, for rows with a start and no end"""
    where: dict[str, Value | tuple[Value, ...]] = field(default_factory=dict)
    """rows to take, by column: `{split: train, speaker: [a, b]}`"""
    hide_text: bool = False
    """leave the texts out, to make an untranscribed pool"""
    language: str | None = None
    """language of all of it, as a BCP 47 tag"""

    @ipl.hookimpl
    def read_corpus(self, path: Path) -> Iterator[Utterance | Reject]:
        """Yields the rows in order. A row that cannot be used is a reject.

        Raises InputError where the manifest cannot be read, lacks a column, or has no row that `where` takes.
        """
        rows = list(_read_rows(path))
        self._check(path, rows)
        taken = [(line, row) for line, row in rows if isinstance(row, str) or self._takes(row)]
        if not any(isinstance(row, dict) for _, row in taken):
            raise InputError(f"{path}: none of its {len(rows)} rows is taken; {self._values_found(rows)}")
        return read_entries((self._entry(path, line, row) for line, row in taken), self.language, self.hide_text)

    def _check(self, path: Path, rows: list[tuple[int, Row | str]]) -> None:
        columns = {name for _, row in rows if isinstance(row, dict) for name in row}
        if not columns:
            raise InputError(f"{path}: no rows in it; expected one per utterance")
        wanted = {"audio": self.audio, **{f"where.{name}": name for name in self.where}}
        if not self.hide_text:
            wanted["text"] = self.text
        for option, default in _OPTIONAL.items():  # one that is named must be there; one that is not may be missing
            if getattr(self, option) != default:
                wanted[option] = getattr(self, option)
        for option, name in wanted.items():
            if name not in columns:
                hint = did_you_mean(name, columns)
                without = " (or set hide_text)" if option == "text" else ""
                raise InputError(f"{path}: no column {name!r} for {option!r}{without}; {hint}")

    def _takes(self, row: Row) -> bool:
        return all(
            str(row.get(name)) in {str(value) for value in (asked if isinstance(asked, tuple) else (asked,))}
            for name, asked in self.where.items()
        )

    def _values_found(self, rows: list[tuple[int, Row | str]]) -> str:
        found = []
        for name, asked in self.where.items():
            values = sorted({str(row.get(name)) for _, row in rows if isinstance(row, dict)})
            found.append(
                f"{name}: asked for {asked!r}, found {', '.join(values[:8])}{' ...' if len(values) > 8 else ''}"
            )
        return "; ".join(found) or "every line is broken"

    def _entry(self, path: Path, line: int, row: Row | str) -> Entry | Reject:
        where = f"{path.name}:{line}"
        if isinstance(row, str):
            return Reject(where, 0, 0, "corpus", "bad_row", None, row)
        name = _text_of(row, self.audio)
        if name is None:
            return Reject(where, 0, 0, "corpus", "bad_row", _text_of(row, self.text), f"no {self.audio!r}")
        try:
            start, end, duration = (_seconds_of(row, each) for each in (self.start, self.end, self.duration))
        except ValueError as error:
            return Reject(name, 0, 0, "corpus", "bad_row", _text_of(row, self.text), f"{where}: {error}")
        if end is None and start is not None and duration is not None:
            end = start + duration
        file = path.parent / name
        return Entry(
            utt_id=_text_of(row, self.id) or _name_of(file, path.parent, start, end),
            file=file,
            source_id=relative_id(file, path.parent),
            text=_text_of(row, self.text),
            speaker=_text_of(row, self.speaker),
            start_s=0.0 if start is None and end is not None else start,
            end_s=end,
        )


def _name_of(file: Path, folder: Path, start_s: float | None, end_s: float | None) -> str:
    stem = relative_id(file.with_suffix(""), folder)
    return stem if start_s is None else f"{stem}-{round(1000 * start_s)}-{'' if end_s is None else round(1000 * end_s)}"


def _text_of(row: Row, name: str) -> str | None:
    value = row.get(name)
    return None if value is None else str(value).strip() or None


def _seconds_of(row: Row, name: str) -> float | None:
    value = _text_of(row, name)
    try:
        return None if value is None else parse_seconds(value)
    except ValueError as error:
        raise ValueError(f"{name!r} is {value!r}, expected seconds") from error


def _read_rows(path: Path) -> Iterator[tuple[int, Row | str]]:
    """Yields line number and row; where a line is no row, what is wrong with it."""
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"{path}: not a manifest by its name; expected a file that ends in {' '.join(_SUFFIXES)}")
    text = read_text(path)
    try:
        if suffix in _JSON_LINES:
            yield from _json_rows(text)
        elif suffix == ".csv":
            yield from _cell_rows(path, csv.reader(io.StringIO(text, newline=""), strict=True))
        else:
            lines = (line.rstrip("\r") for line in text.split("\n"))
            yield from _cell_rows(path, csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except csv.Error as error:
        raise InputError(f"{path}: not {suffix[1:].upper()}: {error}; is a quotation mark left open?") from error


def _cell_rows(path: Path, rows: _CsvReader) -> Iterator[tuple[int, Row | str]]:
    header: list[str] | None = None
    for cells in rows:
        if not cells:
            continue
        if header is None:
            header = cells
            if len(set(header)) < len(header):
                raise InputError(f"{path}: two columns have one name: {', '.join(header)}; rename one")
        elif len(cells) != len(header):
            yield rows.line_num, f"{len(cells)} cells, expected {len(header)}"
        else:
            yield rows.line_num, dict(zip(header, cells, strict=True))


def _json_rows(text: str) -> Iterator[tuple[int, Row | str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            yield number, f"not JSON: {error}"
            continue
        yield number, row if isinstance(row, dict) else f"found {type(row).__name__}, expected an object"
