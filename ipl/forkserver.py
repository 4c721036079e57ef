"""Starts processes from one that has imported what they need: in some milliseconds, where a new Python takes seconds.

The server is one process with one thread, started when first needed, and ends with the process that started it. What
it forks has the caller's environment, folder and `sys.path`, and files of its own; no state of the caller's. Modules
stay imported in the server, so only such are to be named as start no threads and do nothing but define things.

Elsewhere than on Linux, where libraries of the system do not survive a fork, each process is a new Python.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recvfds, sendfds
from pathlib import Path
from typing import Any

from ipl.errors import StageError
from ipl.worker import ENVIRONMENT, SECONDS_BETWEEN_LOOKS

__all__ = ["Process", "preload", "serve", "start"]

FORKS = sys.platform == "linux"


@dataclass(frozen=True)
class _Request:
    function: str
    arguments: tuple[Any, ...]
    modules: tuple[str, ...]
    environment: dict[str, str]
    folder: str
    path: list[str]
    is_leader: bool


class Process:
    """A process that was started; of the interface of `subprocess.Popen` what is used of it."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """Returns its exit code, or minus the signal that ended it; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Returns that code when it ends; raises subprocess.TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            line = select.poll()
            line.register(self._status, select.POLLIN)
            if not line.poll(None if timeout is None else 1000 * timeout):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            told = os.read(self._status, 16)
            self.returncode = int(told) if told else -signal.SIGKILL  # the server was killed, and it with it
        return self.returncode

    def kill(self) -> None:
        """Ends it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for its end, and lets go of it; until then its number is no other process's."""
        self.wait()
        if self._status >= 0:
            os.close(self._status)
            self._status = -1


_lock = threading.Lock()
_server: _Server | None = None
_preloaded: set[str] = set()


def preload(modules: Iterable[str]) -> None:
    """Has whatever is started from now on find these modules imported."""
    _preloaded.update(modules)


def start(
    function: str,
    arguments: Sequence[Any] = (),
    files: Sequence[int] = (),
    *,
    output: int,
    environment: Mapping[str, str],
    modules: Iterable[str] = (),
    is_leader: bool = False,
) -> Process | subprocess.Popen[bytes]:
    """Starts a process that calls `function` ("module:name") with `arguments`, then with the descriptors of `files`.

    Its standard output and error go to the descriptor `output`; its input is empty. `arguments` are pickled. `modules`
    are imported before. `is_leader`: of a session of its own. Raises StageError where no process can be started.
    """
    global _server
    request = _Request(
        function,
        tuple(arguments),
        (*sorted(_preloaded), *modules),
        dict(environment),
        str(Path.cwd()),
        list(sys.path),
        is_leader,
    )
    if not FORKS:
        return _Server(forks=False).become(request, [output, *files])
    with _lock:
        if _server is None or not _server.is_alive():
            _server = _Server()
        try:
            return _server.fork(request, [output, *files])
        except BaseException:  # an answer may be left in the line
            _server.stop()
            _server = None
            raise


class _Server:
    """The server as its owner sees it."""

    def __init__(self, forks: bool = True) -> None:
        self._owner = os.getpid()
        self._line, theirs = socket.socketpair()
        start = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from ipl.forkserver import serve; {}"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", start.format(f"serve({theirs.fileno()}, {forks})"), json.dumps(sys.path)],
                pass_fds=[theirs.fileno()],
                env=os.environ | ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=2,  # standard output is for the command's result
            )
        self._connection = Connection(os.dup(self._line.fileno()))

    def is_alive(self) -> bool:
        """Whether it runs, and is this process's own: a fork of this process has none."""
        return self._owner == os.getpid() and self._process.poll() is None

    def fork(self, request: _Request, files: Sequence[int]) -> Process:
        told, tells = os.pipe()
        try:
            self._send(request, [*files, tells])
            return Process(self._connection.recv(), told)
        except (EOFError, ConnectionError) as error:
            os.close(told)
            code = self._process.wait()
            raise StageError(f"worker processes do not start: exit code {code}; see its message above") from error
        finally:
            os.close(tells)

    def become(self, request: _Request, files: Sequence[int]) -> subprocess.Popen[bytes]:
        """Has it not fork, but be the process."""
        self._send(request, files)
        return self._process

    def _send(self, request: _Request, files: Sequence[int]) -> None:
        self._connection.send_bytes(pickle.dumps((request, len(files))))
        sendfds(self._line, list(files))

    def stop(self) -> None:
        self._connection.close()
        self._line.close()
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()


def serve(descriptor: int, forks: bool = True) -> None:
    """Forks a process for each request that comes over a socket; returns in each of them when its function has."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that is for its owner, who will then hang up
    line = socket.socket(fileno=descriptor)
    os.set_inheritable(descriptor, False)
    request = _next_fork(line) if forks else _received(line, Connection(os.dup(descriptor)))
    if request is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _run(*request)


def _received(line: socket.socket, connection: Connection) -> tuple[_Request, list[int]]:
    request, num_files = pickle.loads(connection.recv_bytes())
    return request, recvfds(line, num_files)


def _next_fork(line: socket.socket) -> tuple[_Request, list[int]] | None:
    """Forks until the owner hangs up, which is None; returns in each fork what it is to do."""
    connection, owner = Connection(os.dup(line.fileno())), os.getppid()
    ended, wake = os.pipe()
    for end in (ended, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    living: dict[int, int] = {}  # where to tell the end of each process, by that
    dead: dict[int, int] = {}  # not reaped before its owner lets go of it: its number must not be another's
    while True:
        ready = wait([connection, ended, *dead], SECONDS_BETWEEN_LOOKS)
        if os.getppid() != owner:  # gone, and a fork of it may hold the line
            return None
        if ended in ready:
            os.read(ended, 1 << 16)
            for status, pid in list(living.items()):
                if (code := _exit_code(pid)) is not None:
                    with suppress(BrokenPipeError):
                        os.write(status, str(code).encode())
                    dead[status] = living.pop(status)
        for status in [each for each in ready if each in dead]:
            os.waitpid(dead.pop(status), 0)
            os.close(status)
        if connection not in ready:
            continue
        try:
            request, files = _received(line, connection)
        except (EOFError, ConnectionError):
            return None
        for module in request.modules:
            with suppress(Exception):  # whoever needs it will tell
                importlib.import_module(module)
        gc.collect()
        gc.freeze()  # else the collector writes to all that is shared
        status = files.pop()
        if not (pid := os.fork()):
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            connection.close()
            line.close()
            for descriptor in (ended, wake, status, *living, *dead):
                os.close(descriptor)
            return request, files
        living[status] = pid
        for descriptor in files:
            os.close(descriptor)
        connection.send(pid)


def _exit_code(pid: int) -> int | None:
    """The exit code of a child, or minus the signal that ended it; None while it runs. It is not reaped."""
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _run(request: _Request, files: Sequence[int]) -> None:
    """Calls what is wanted, in the process that is for it alone."""
    if request.is_leader:
        os.setsid()
    output, *others = files
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.path[:] = request.path
    importlib.invalidate_caches()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # else all that are forked would draw the same
    module, _, name = request.function.partition(":")
    getattr(importlib.import_module(module), name)(*request.arguments, *others)
