"""Text files of outside data sets: UTF-8, with or without a byte order mark, and nothing else guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ipl.errors import InputError

__all__ = ["read_keyed_lines", "read_text"]


def read_text(path: Path) -> str:
    """Reads a file as UTF-8; raises InputError where it is missing or something else.

    Another encoding is not guessed: a guess that is wrong would spoil every transcript in silence.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path}: UTF-16, expected UTF-8; convert it: iconv -f UTF-16 -t UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}:{line}: byte 0x{data[error.start]:02x} is not UTF-8; convert it: iconv -f <its encoding> -t UTF-8"
        ) from error


def read_keyed_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yields `key`, `rest of the line`, for lines that start with a key; empty lines are passed over."""
    for line in read_text(path).split("\n"):
        key, _, rest = line.strip().partition(" ") if " " in line else line.strip().partition("\t")
        if key:
            yield key, rest.strip()
