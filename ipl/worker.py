"""One worker process of `ipl.executors`: takes a task, answers with what came of it, until its parent is gone.

What a task needs is imported when the task's function is unpickled, if it was not before (`ipl.forkserver`).
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["ENVIRONMENT", "SECONDS_BETWEEN_LOOKS", "Failure", "Loaded", "Report", "attempt", "report", "serve"]

ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
"""Set for every worker: one thread each, as several small thread pools on one machine slow each other down."""

SECONDS_BETWEEN_LOOKS = 1
"""At the parent, in case a process that it forked keeps the line open after its end."""


SECONDS_BETWEEN_REPORTS = 1.0

SLOW = ("torch",)
"""Modules that take seconds to import, and start no threads when they are."""

_line: Connection | None = None
_reported = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """So much of a task is done, of so much, in a unit of its own; `earlier` was done by a process before this one."""

    done: float
    of: float
    earlier: float = 0.0


def report(done: float, of: float, earlier: float = 0.0) -> None:
    """Tells the parent how far the task at hand is; calls that follow at once are skipped, so make as many as you like.

    Does nothing outside a worker process of this machine.
    """
    global _reported
    now = time.monotonic()
    if _line is not None and now >= _reported + SECONDS_BETWEEN_REPORTS:
        _reported = now
        with suppress(ConnectionError):
            _line.send_bytes(pickle.dumps(Report(done, of, earlier)))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A task needed these slow modules: so may the tasks of the next workers."""

    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that a task raised: `is_input` where the user's input is at fault."""

    message: str
    is_input: bool
    trace: str


def attempt(function: Callable[[Any], Any], task: Any) -> Any:
    """Returns `function(task)`, or a Failure in place of an exception."""
    try:
        return function(task)
    except Exception as error:
        return _failure(error)


def _failure(error: BaseException) -> Failure:
    # ipl's own errors say all in their message; of any other the type is half of what one needs to know.
    exit_code = getattr(error, "exit_code", None)
    message = str(error) if exit_code is not None else f"{type(error).__name__}: {error}"
    return Failure(message, exit_code == 2, "".join(traceback.format_exception(error)))


def serve(descriptor: int) -> None:
    """Answers tasks that come over the socket `descriptor` until it closes; ends when its parent does."""
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_end_with, args=(descriptor, os.getppid()), daemon=True).start()
    global _line
    with Connection(descriptor) as connection:
        _line = connection
        connection.send(None)  # started well
        try:
            payload = connection.recv_bytes()
            unknown = [name for name in SLOW if name not in sys.modules]
            while True:
                answer = _answer(payload, connection.recv_bytes())
                if loaded := [name for name in unknown if name in sys.modules]:
                    connection.send_bytes(pickle.dumps(Loaded(tuple(loaded))))
                    unknown = [name for name in unknown if name not in loaded]
                connection.send_bytes(answer)
        except (EOFError, ConnectionError):
            return


def _answer(payload: bytes, task: bytes) -> bytes:
    try:
        return pickle.dumps(attempt(_loaded(payload), pickle.loads(task)))
    except BaseException as error:  # also SystemExit, and a function, task or result that does not travel
        return pickle.dumps(_failure(error))


@lru_cache(maxsize=1)
def _loaded(payload: bytes) -> Callable[[Any], Any]:
    function: Callable[[Any], Any] = pickle.loads(payload)
    return function


def _end_with(descriptor: int, parent: int) -> None:
    """Kills this worker and what it started (ffmpeg) as soon as its parent has hung up or is gone."""
    line = select.poll()
    line.register(descriptor, 0)  # hanging up is always told
    while os.getppid() == parent and not line.poll(1000 * SECONDS_BETWEEN_LOOKS):
        pass
    os.killpg(0, signal.SIGKILL)
