"""Promises of `ipl.forkserver`: quick, apart from its owner, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipl import forkserver
from ipl.errors import StageError
from ipl.executors import map_tasks

pytestmark = pytest.mark.skipif(not forkserver.FORKS, reason="processes are forked on Linux only")

JOBS = """
import json, os, random, sys, threading, time

def tell(into, names):
    import numpy
    known = [name in sys.modules for name in names]
    told = {"env": os.environ.get("IPL_TOLD"), "cwd": os.getcwd(), "known": known, "threads": threading.active_count(),
            "drawn": [float(numpy.random.random()), random.random()], "sid": os.getsid(0), "pid": os.getpid(),
            "files": sorted(int(name) for name in os.listdir("/proc/self/fd"))}
    with open(into, "w") as file:
        json.dump(told, file)

def leave(code):
    sys.exit(code)

def abort():
    os.abort()

def say(words):
    print(words, flush=True)
    print(words.upper(), file=sys.stderr, flush=True)

def sleep():
    time.sleep(600)

def at_exit(into):
    import atexit
    atexit.register(lambda: open(into, "w").write("left in order"))
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "forked_jobs.py").write_text(JOBS)
    monkeypatch.syspath_prepend(tmp_path)
    nothing = os.open(os.devnull, os.O_RDWR)

    def start(name: str, *arguments: Any, output: int = nothing, **options: Any) -> Any:
        options = {"environment": os.environ, "output": output, **options}
        return forkserver.start(f"forked_jobs:{name}", arguments, **options)

    yield start
    os.close(nothing)


def told(started: Any, folder: Path, **options: Any) -> dict[str, Any]:
    with started("tell", str(folder / "told"), ["wave", "sndhdr", "forked_jobs"], **options) as process:
        assert process.wait(30) == 0
    found: dict[str, Any] = json.loads((folder / "told").read_text())
    return found


def test_a_process_has_its_callers_place_and_none_of_its_state(
    started: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPL_TOLD", "now")
    (tmp_path / "broken_module.py").write_text("raise ValueError('broken')")
    first = told(started, tmp_path, modules=["wave", "no.such.module", "broken_module"])
    assert (first["env"], first["cwd"], first["threads"]) == ("now", str(tmp_path), 1)
    assert first["known"] == [True, False, True]
    assert first["sid"] != first["pid"]
    assert len(first["files"]) == 4, "its three and the folder that it looks at: no end of another's line"
    monkeypatch.delenv("IPL_TOLD")
    second = told(started, tmp_path, is_leader=True)
    assert second["env"] is None
    assert second["sid"] == second["pid"]
    assert second["known"][0], "what was imported once is there"
    assert not set(first["drawn"]) & set(second["drawn"]), "all would draw the same random numbers"


def test_its_end_is_told(started: Any, tmp_path: Path) -> None:
    for name, arguments, code in (("leave", (7,), 7), ("abort", (), -signal.SIGABRT), ("leave", ("why",), 1)):
        with started(name, *arguments) as process:
            assert process.wait(30) == code
            assert process.poll() == code
    with started("sleep") as process:
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    with started("at_exit", str(tmp_path / "left")) as process:
        pass
    assert (tmp_path / "left").read_text() == "left in order"


def test_output_goes_where_the_caller_says(started: Any, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log, started("say", "words", output=log.fileno()):
        pass
    assert (tmp_path / "log").read_text() == "words\nWORDS\n"


def test_a_dead_process_keeps_its_number_until_it_is_let_go_of(started: Any) -> None:
    with started("leave", 0) as process:
        process.wait(30)
        state = Path(f"/proc/{process.pid}/status").read_text()
        assert "\nState:\tZ" in state
    deadline = time.monotonic() + 10
    while Path(f"/proc/{process.pid}").exists():
        assert time.monotonic() < deadline, "a zombie was left"
        time.sleep(0.02)


def test_where_the_server_was_killed_another_one_starts(started: Any) -> None:
    with started("leave", 3) as process:
        assert process.wait(30) == 3
    server = forkserver._server
    assert server is not None
    with started("sleep") as orphan:
        server._process.kill()
        server._process.wait()
        assert orphan.wait(10) == -signal.SIGKILL, "nobody can tell any more"
        os.kill(orphan.pid, signal.SIGKILL)
    with started("leave", 4) as process:
        assert process.wait(30) == 4


def test_a_server_that_does_not_start_is_told(started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forkserver, "_server", None)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StageError, match="do not start: exit code 1"):
        started("leave", 0)


def test_it_ends_with_its_owner_even_where_a_fork_of_that_lives_on(tmp_path: Path) -> None:
    script = """
        import os, time
        from ipl import forkserver
        with forkserver.start("ipl.errors:did_you_mean", ("a", ["b"]), output=2, environment=os.environ):
            pass
        pid = forkserver._server._process.pid
        if not os.fork():
            time.sleep(5)
            os._exit(0)
        print(pid, flush=True)
    """
    command = [sys.executable, "-c", "\n".join(line[8:] for line in script.splitlines())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.wait(30)
        deadline = time.monotonic() + 4
        while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
            assert time.monotonic() < deadline, "the server outlived its owner"
            time.sleep(0.05)


def test_where_nothing_may_be_forked_it_is_a_new_python(
    started: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forkserver, "FORKS", False)
    monkeypatch.setattr(forkserver, "_server", None)
    monkeypatch.setenv("IPL_TOLD", "anew")
    assert told(started, tmp_path, modules=["wave"])["env"] == "anew"
    with started("leave", 7) as process:
        assert process.wait(30) == 7
    assert forkserver._server is None
    assert [each.result for each in map_tasks(abs, [-1, -2], 1)] == [1, 2]
