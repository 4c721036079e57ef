"""Runs one function over many tasks in worker processes, here or on a Ray cluster.

A task that raises, or that kills its worker (a segfault, the kernel out of memory), is one Outcome with an
error, never the end of the run. Workers last for many tasks, so a function may keep a model between them.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Literal, TypeVar, cast

from ipl.errors import InputError, StageError, did_you_mean
from ipl.forkserver import preload, start
from ipl.registry import own_modules
from ipl.worker import ENVIRONMENT, Failure, Loaded, Report, attempt

__all__ = ["EXECUTORS", "ErrorKind", "OnReport", "Outcome", "map_tasks"]

T = TypeVar("T")
R = TypeVar("R")

ErrorKind = Literal["input", "exception", "died"]
"""What went wrong: the user's input, anything else that was raised, or the worker's death."""

OnReport = Callable[[T, Report], None]
"""Is told of a task that is not done yet how far it has come."""

EXECUTORS = ("local", "ray")
SECONDS_TO_DIE = 10.0


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """What came of a task: its result, or an error in one line with its kind (and traceback, where there is one)."""

    task: T
    result: R | None = None
    error: str | None = None
    error_kind: ErrorKind | None = None
    trace: str = ""

    def unwrap(self) -> R:
        """Returns the result; raises InputError or StageError where there is an error instead."""
        if self.error is None:
            return cast("R", self.result)
        raise (InputError if self.error_kind == "input" else StageError)(self.error)


def map_tasks(
    function: Callable[[T], R],
    tasks: Iterable[T],
    workers: int,
    executor: str = "local",
    on_report: OnReport[T] | None = None,
) -> Generator[Outcome[T, R], None, None]:
    """Yields the outcome of `function(task)` for each task, as they end.

    `function`, tasks and results are pickled; `function` is one that a fresh Python can import, so not one of
    `__main__`. `tasks` is read as workers become free. Even one worker is a process of its own: what kills it
    must not kill the run. Workers end with this process, also where that is killed. What a function tells by
    `ipl.worker.report` comes to `on_report`, but not from a Ray cluster.
    """
    if executor not in EXECUTORS:
        raise InputError(f"executor {executor!r}: no such executor; {did_you_mean(executor, EXECUTORS)}")
    if workers < 1:
        raise InputError(f"workers: found {workers}, expected 1 or more")
    if executor == "ray":
        return _over_ray(function, tasks, workers)
    return _over_processes(function, tasks, workers, on_report)


def _outcome(task: T, answer: Any) -> Outcome[T, Any]:
    if isinstance(answer, Failure):
        return Outcome(task, None, answer.message, "input" if answer.is_input else "exception", answer.trace)
    return Outcome(task, answer)


def _over_processes(
    function: Callable[[T], R], tasks: Iterable[T], workers: int, on_report: OnReport[T] | None
) -> Generator[Outcome[T, R], None, None]:
    payload, modules = pickle.dumps(function), _needs(function)
    waiting = iter(tasks)
    idle: list[_Worker] = []
    busy: dict[_Worker, T] = {}
    more = True
    try:
        while more or busy:
            while more and len(busy) < workers:
                try:
                    task = next(waiting)
                except StopIteration:
                    more = False
                    break
                worker = _living(idle) or _Worker(payload, modules)
                busy[worker] = task  # first: were `take` to fail, the worker would still be stopped
                worker.take(task)
            for worker in _ready(busy):
                try:
                    answer = worker.answer()
                except (EOFError, ConnectionError):
                    yield Outcome(busy.pop(worker), None, worker.fate(), "died")
                    continue
                if isinstance(answer, Loaded):
                    preload(answer.modules)
                    continue
                if isinstance(answer, Report):
                    if on_report:
                        on_report(busy[worker], answer)
                    continue
                task = busy.pop(worker)
                idle.append(worker)
                yield _outcome(task, answer)
    finally:
        for worker in (*idle, *busy):
            worker.stop()


def _needs(function: Callable[..., Any]) -> list[str]:
    """What may be imported once for all workers of a function: ipl's own modules, if it is one of ipl's own."""
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", "")
    return [module, *own_modules()] if module.partition(".")[0] == __name__.partition(".")[0] else []


def _living(idle: list[_Worker]) -> _Worker | None:
    """Takes a worker out of `idle`; what died since its last answer did not die of its next task."""
    while idle:
        worker = idle.pop()
        if worker.process.poll() is None:
            return worker
        worker.stop()
    return None


def _ready(busy: dict[_Worker, Any]) -> list[_Worker]:
    """The workers that have answered or died. A dead one's socket may be held open by a process it started."""
    while busy:
        by_connection = {worker.connection: worker for worker in busy}
        answered = [by_connection[cast("Connection", each)] for each in wait(list(by_connection), timeout=1.0)]
        if found := answered or [worker for worker in busy if worker.process.poll() is not None]:
            return found
    return []


class _Worker:
    """A worker process, the leader of a process group of its own, and the socket to it."""

    def __init__(self, payload: bytes, modules: list[str]) -> None:
        ours, theirs = socket.socketpair()
        environment = os.environ | ENVIRONMENT
        with theirs:
            self.process = start(
                "ipl.worker:serve",
                files=[theirs.fileno()],
                output=2,  # standard output is for the command's result
                environment=environment,
                modules=modules,
                is_leader=True,
            )
        self.connection = Connection(ours.detach())
        try:
            self.connection.recv()
            self.connection.send_bytes(payload)
        except (EOFError, ConnectionError) as error:
            raise StageError(f"worker processes do not start: {self.fate()}; see its message above") from error
        except BaseException:
            self.stop()
            raise

    def take(self, task: Any) -> None:
        """Sends a task to the worker; where it has just died, `answer` will tell."""
        payload = pickle.dumps(task)
        with suppress(ConnectionError):
            self.connection.send_bytes(payload)

    def answer(self) -> Any:
        """Returns what came of the task, or a Report before that; EOFError or ConnectionError where the worker died."""
        if self.process.poll() is not None and not self.connection.poll():
            raise EOFError
        return pickle.loads(self.connection.recv_bytes())

    def fate(self) -> str:
        """Says how a worker ended that died of its task, and ends what it had started."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(SECONDS_TO_DIE)
        code = self.process.poll()
        self.stop()
        if code is None:
            return "its worker process closed its connection and hung"
        if code >= 0:
            return f"its worker process ended with exit code {code}"
        hint = "; often the machine is out of memory: use fewer workers" if code == -signal.SIGKILL else ""
        return f"its worker process was killed by {signal.Signals(-code).name}{hint}"

    def stop(self) -> None:
        """Ends the worker and every process it started, at once: work half done is never taken for whole."""
        self.connection.close()
        with self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()  # it may not lead its group yet


def _over_ray(function: Callable[[T], R], tasks: Iterable[T], workers: int) -> Generator[Outcome[T, R], None, None]:
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "executor 'ray': ray is not installed; install it (pip install 'ipl[ray]'), or leave out --executor"
        ) from error
    return _ray_outcomes(ray, function, tasks, workers)


def _ray_outcomes(
    ray: Any, function: Callable[[T], R], tasks: Iterable[T], workers: int
) -> Generator[Outcome[T, R], None, None]:
    if not ray.is_initialized():
        ray.init(log_to_driver=True)
    remote = ray.remote(num_cpus=1, max_retries=0, runtime_env={"env_vars": ENVIRONMENT})(attempt)
    waiting = iter(tasks)
    busy: dict[Any, T] = {}
    more = True
    try:
        while more or busy:
            while more and len(busy) < 2 * workers:
                try:
                    task = next(waiting)
                except StopIteration:
                    more = False
                    break
                busy[remote.remote(function, task)] = task
            done, _ = ray.wait(list(busy), num_returns=1) if busy else ([], [])
            for reference in done:
                task = busy.pop(reference)
                try:
                    answer = ray.get(reference)
                except ray.exceptions.RayError as error:
                    yield Outcome(task, None, f"its Ray worker died: {str(error).splitlines()[0]}", "died")
                    continue
                yield _outcome(task, answer)
    finally:
        for reference in busy:
            ray.cancel(reference, force=True)
