"""Small files, whole or not at all: written beside, then renamed."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from pathlib import Path
from typing import Any, TextIO, cast

from ipl.errors import InputError

__all__ = ["UNREADABLE", "open_text", "read_json", "write_json", "write_text"]

UNREADABLE = (OSError, EOFError, zlib.error, UnicodeDecodeError)
"""What reading from `open_text` raises of a file that is missing, damaged or no text."""


def open_text(path: Path) -> TextIO:
    """A UTF-8 file to read, unpacked where its name ends with .gz."""
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8"))
    return path.open(encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8; readers see the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON, keys in the given order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file; InputError where it is missing or is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
