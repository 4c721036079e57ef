"""Long work that a process may be killed in: all that it knows, saved now and then, for the next one to go on."""

from __future__ import annotations

import io
import pickle
import time
from functools import cache
from pathlib import Path
from typing import Any

from ipl.fingerprint import of_files

__all__ = ["Snapshots"]

SECONDS_BETWEEN = 20.0
"""So much work is lost at most, and as long again until it is written."""


class Snapshots:
    """The state of some work in a file. Objects of it may hold `outside`, which is not saved: each process has its own.

    It is pickled, so it is for files that nobody but this machine's ipl has written.
    """

    def __init__(self, file: Path, outside: object) -> None:
        self._file = file
        self._outside = outside
        self._saved = time.monotonic()

    def load(self) -> Any:
        """Returns the last state saved; None where there is none, or it was saved by other code than this."""
        try:
            with self._file.open("rb") as file:
                unpickler = _Unpickler(file, self._outside)
                return unpickler.load() if unpickler.load() == _code() else None
        except Exception:  # a damaged file may raise anything
            return None

    def save(self, state: object) -> None:
        """Saves the state: the file holds the state before or this one, never half of one."""
        saved = io.BytesIO()
        pickler = _Pickler(saved, self._outside)
        pickler.dump(_code())
        pickler.dump(state)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_name(f"{self._file.name}.partial")
        partial.write_bytes(saved.getbuffer())
        partial.replace(self._file)
        self._saved = time.monotonic()

    def save_now_and_then(self, state: object) -> None:
        """Saves the state if the last time is long ago; to be called whenever it is whole."""
        if time.monotonic() >= self._saved + SECONDS_BETWEEN:
            self.save(state)


@cache
def _code() -> str:
    return of_files(sorted(Path(__file__).parent.rglob("*.py")))


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, outside: object) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._outside = outside

    def persistent_id(self, each: object) -> str | None:
        return "outside" if each is self._outside else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BufferedReader, outside: object) -> None:
        super().__init__(file)
        self._outside = outside

    def persistent_load(self, _name: str) -> object:
        return self._outside
