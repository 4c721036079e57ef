"""Fingerprints: what a stage's result depends on, as a short hash."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["digest", "of_files", "of_path"]

BLOCK_BYTES = 1 << 18


def digest(value: Any) -> str:
    """Hashes plain data (mappings in any order); a Path in it counts by what lies there, not by where it is.

    >>> digest({"a": 1, "b": 2.0}) == digest({"b": 2.0, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, default=_plain, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return of_path(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return repr(value)


def of_path(path: Path) -> str:
    """Hashes a file, or all files of a folder with their relative names; a missing one by its name."""
    if path.is_dir():
        return digest(
            {str(file.relative_to(path)): _of_file(file) for file in sorted(path.rglob("*")) if file.is_file()}
        )
    return _of_file(path) if path.is_file() else f"missing:{path.name}"


def of_files(files: Iterable[Path]) -> str:
    """Hashes files by name and contents, in any order."""
    return digest(sorted((file.name, _of_file(file)) for file in files))


def _of_file(file: Path) -> str:
    """Size, and the blocks at the start, the middle and the end: whole for small files, quick for videos.

    A Parquet file keeps its statistics and offsets at the end, a media file its index at either end.
    """
    size = file.stat().st_size
    state = hashlib.blake2b(str(size).encode(), digest_size=8)
    with file.open("rb") as stream:
        if size <= 16 * BLOCK_BYTES:
            state.update(stream.read())
        else:
            for offset in (0, size // 2, size - BLOCK_BYTES):
                stream.seek(offset)
                state.update(stream.read(BLOCK_BYTES))
    return state.hexdigest()
