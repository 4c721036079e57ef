"""What it takes until a process has imported what a stage needs: `python benchmarks/worker_start.py`.

A new Python, against one that is forked (`ipl.forkserver`): the first, which waits for the server, and the next ones.
For ipl's plugins alone, and with torch. Seconds by the clock, the least of five. Last the figures as one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from ipl import forkserver
from ipl.registry import own_modules

TIMES = 5


def main() -> None:
    """Times both ways for both sets of modules."""
    figures: dict[str, dict[str, float]] = {}
    print(f"{'imports':20} {'new Python':>10} {'first fork':>10} {'next forks':>10}")
    for name, modules in (("ipl", own_modules()), ("ipl and torch", [*own_modules(), "torch"])):
        new = least(lambda modules=modules: new_python(modules), TIMES)
        first = least(lambda modules=modules: forked(modules), 1)
        figures[name] = {"new": new, "first": first, "next": least(lambda modules=modules: forked(modules), TIMES)}
        print(f"{name:20} {new:10.2f} {first:10.2f} {figures[name]['next']:10.3f}")
    print(json.dumps(figures))


def new_python(modules: list[str]) -> None:
    """Imports in a new process."""
    subprocess.run([sys.executable, "-c", f"import {', '.join(modules)}"], check=True)


def forked(modules: list[str]) -> None:
    """Imports in a forked process."""
    with forkserver.start("builtins:len", [()], output=2, environment=os.environ, modules=modules):
        pass


def least(call: Callable[[], None], times: int) -> float:
    """The least time that a call takes, in seconds."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return round(min(seconds), 3)


if __name__ == "__main__":
    main()
