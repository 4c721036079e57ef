"""Promises of `ipl.executors`: no task's end is the run's end, no worker outlives its parent, memory stays flat."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ipl.errors import InputError, StageError
from ipl.executors import map_tasks

TASKS = '''
"""What the workers of these tests do; a module of its own, as a fresh Python must be able to import it."""
import ctypes, os, subprocess, time
from ipl.errors import MediaError

def double(number):
    return 2 * number

def fail_on_three(number):
    if number == 3:
        raise ValueError("three is right out")
    if number == 4:
        raise MediaError("film.mp4: no audio; give a file with sound")
    return number

def die_on_three(number):
    if number == 3:
        ctypes.string_at(0)
    if number == 4:
        os._exit(7)
    if number == 5:
        raise SystemExit(2)
    return number

def die_after_answer(number):
    import threading
    threading.Timer(0.05, os._exit, (9,)).start()
    return number

def sleep_for(seconds):
    time.sleep(seconds)
    return seconds

def leave_a_child_and_die(pid_file):
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    open(pid_file, "w").write(str(child.pid))
    os.kill(os.getpid(), 9)

def write_pid_and_wait(pid_file):
    open(pid_file, "w").write(str(os.getpid()))
    time.sleep(600)

def threads(_):
    import numpy
    return os.environ["OMP_NUM_THREADS"], os.getpid()

def tell(number):
    from ipl.worker import report
    for done in range(1000):
        report(done + number, 1000)
    return number

def unpicklable(_):
    return lambda: None
'''


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Callable[[Any], Any]]]:
    (tmp_path / "worker_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    yield lambda name: getattr(importlib.import_module("worker_tasks"), name)
    sys.modules.pop("worker_tasks", None)


def _gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody here can reap has)."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def _await(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_every_task_has_one_outcome(work: Any) -> None:
    outcomes = list(map_tasks(work("double"), range(50), workers=2))
    assert sorted(outcome.task for outcome in outcomes) == list(range(50))
    assert all(outcome.unwrap() == 2 * outcome.task for outcome in outcomes)


def test_no_tasks_start_no_worker() -> None:
    assert list(map_tasks(len, [], workers=4)) == []


def test_an_exception_is_that_tasks_outcome(work: Any) -> None:
    outcomes = {outcome.task: outcome for outcome in map_tasks(work("fail_on_three"), range(6), workers=1)}
    assert outcomes[3].error == "ValueError: three is right out"
    assert outcomes[3].error_kind == "exception"
    assert "fail_on_three" in outcomes[3].trace
    with pytest.raises(StageError, match="three is right out"):
        outcomes[3].unwrap()
    assert outcomes[4].error == "film.mp4: no audio; give a file with sound"
    with pytest.raises(InputError):
        outcomes[4].unwrap()
    assert [outcomes[task].result for task in (0, 1, 2, 5)] == [0, 1, 2, 5]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_dead_worker_costs_only_the_task_that_killed_it(work: Any, workers: int) -> None:
    outcomes = {outcome.task: outcome for outcome in map_tasks(work("die_on_three"), range(10), workers)}
    assert len(outcomes) == 10
    assert outcomes[3].error_kind == "died"
    assert "SIGSEGV" in str(outcomes[3].error)
    assert (outcomes[4].error_kind, outcomes[4].error) == ("died", "its worker process ended with exit code 7")
    assert outcomes[5].error_kind == "exception"
    assert [task for task in range(10) if outcomes[task].error is None] == [0, 1, 2, 6, 7, 8, 9]


def test_a_worker_that_dies_between_tasks_costs_none(work: Any) -> None:
    def slow() -> Iterator[int]:
        for number in range(4):
            yield number
            time.sleep(0.2)

    assert [outcome.result for outcome in map_tasks(work("die_after_answer"), slow(), workers=1)] == [0, 1, 2, 3]


def test_a_result_that_cannot_travel_is_an_outcome(work: Any) -> None:
    (outcome,) = map_tasks(work("unpicklable"), [1], workers=1)
    assert outcome.error_kind == "exception"


def test_outcomes_come_as_they_end(work: Any) -> None:
    assert [outcome.result for outcome in map_tasks(work("sleep_for"), [1.5, 0.0, 0.1], 2)] == [0.0, 0.1, 1.5]


def test_tasks_are_read_as_workers_become_free(work: Any) -> None:
    read = 0

    def endless() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    outcomes = map_tasks(work("double"), endless(), workers=2)
    for count in range(1, 20):
        next(outcomes)
        assert read <= count + 2 * 2
    outcomes.close()


def test_a_worker_has_one_thread_and_lasts(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    results = [outcome.unwrap() for outcome in map_tasks(work("threads"), range(5), workers=1)]
    assert {threads for threads, _ in results} == {"1"}
    assert len({pid for _, pid in results}) == 1


def test_what_a_dead_worker_started_ends_with_it(work: Any, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    (outcome,) = map_tasks(work("leave_a_child_and_die"), [str(pid_file)], workers=1)
    assert outcome.error_kind == "died"
    assert "SIGKILL" in str(outcome.error)
    assert _await(lambda: _gone(int(pid_file.read_text())))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_parent(work: Any, tmp_path: Path, how: signal.Signals) -> None:
    pid_file = tmp_path / "pid"
    script = f"""
        import signal, sys; sys.path.insert(0, {str(tmp_path)!r})
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell ignores it
        from ipl.executors import map_tasks
        from worker_tasks import write_pid_and_wait
        list(map_tasks(write_pid_and_wait, [{str(pid_file)!r}], 1))
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stderr=subprocess.DEVNULL)
    assert _await(lambda: pid_file.exists() and bool(pid_file.read_text()))
    worker = int(pid_file.read_text())
    assert not _gone(worker)
    parent.send_signal(how)
    parent.wait(timeout=30)
    assert _await(lambda: _gone(worker))


def test_stopping_early_ends_the_workers(work: Any, tmp_path: Path) -> None:
    outcomes = map_tasks(work("threads"), range(100), workers=2)
    _, pid = next(outcomes).unwrap()
    outcomes.close()
    assert _gone(pid)


def test_unknown_executor_and_no_workers_are_input_errors() -> None:
    with pytest.raises(InputError, match="did you mean 'ray'"):
        map_tasks(len, [], 1, executor="rai")
    with pytest.raises(InputError, match="workers: found 0"):
        map_tasks(len, [], 0)


def test_ray_missing_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'ipl\[ray\]'"):
        map_tasks(len, [], 1, executor="ray")


def test_ray_runs_tasks_and_keeps_failures_apart(work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="ray is not installed (extra `ray`)")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    outcomes = {outcome.task: outcome for outcome in map_tasks(work("die_on_three"), range(6), 2, executor="ray")}
    assert [task for task in range(6) if outcomes[task].error is None] == [0, 1, 2]
    assert {outcomes[3].error_kind, outcomes[4].error_kind} == {"died"}


def test_a_task_can_tell_how_far_it_is_but_not_flood_its_parent(work: Callable[[str], Callable[[Any], Any]]) -> None:
    told: list[tuple[int, float, float]] = []
    outcomes = list(
        map_tasks(work("tell"), [3], 1, on_report=lambda task, said: told.append((task, said.done, said.of)))
    )
    assert [each.result for each in outcomes] == [3]
    assert told[0] == (3, 3, 1000)
    assert len(told) < 20, "few of a thousand calls in a moment"
    assert [each.result for each in map_tasks(work("tell"), [3, 5], 1)] == [3, 5], "nobody need listen"
