"""The lock of a folder that a command writes: one process at a time has it, and it dies with its holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ipl.errors import InputError

__all__ = ["holder_of", "locked"]

NAME = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder, which is made where there is none; InputError where another process has it.

    Processes that this one starts do not inherit the lock, so they neither need nor keep it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{folder}: in use by process {_written(file)}; wait for it, or end it") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder_of(folder: Path) -> str | None:
    """Which process holds a folder; None where none does."""
    if not (folder / NAME).is_file():
        return None
    with (folder / NAME).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back at once
        except BlockingIOError:
            return _written(file)
    return None


def _written(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "another process"
