"""What work costs: by the clock on the wall, in processor time, which other work hardly changes; in memory."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ipl.mining.media import ffmpeg_path


@dataclass
class Cost:
    """Seconds; those of the processor count this process, its threads, and the children that have ended."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)


@contextmanager
def measured() -> Iterator[Cost]:
    """Yields a cost that is filled in when the block ends."""
    cost, started, before_s = Cost(), time.perf_counter(), _cpu_s()
    try:
        yield cost
    finally:
        cost.wall_s, cost.cpu_s = time.perf_counter() - started, _cpu_s() - before_s


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def decode(path: Path, threads: int) -> Cost:
    """The better of two plain decodes of all pictures of a file."""
    command = [
        ffmpeg_path(),
        "-v",
        "error",
        "-threads",
        str(threads),
        "-i",
        str(path),
        "-map",
        "0:v",
        "-f",
        "null",
        "-",
    ]
    costs = []
    for _ in range(2):
        with measured() as cost:
            subprocess.run(command, check=True)
        costs.append(cost)
    return Cost(min(cost.wall_s for cost in costs), min(cost.cpu_s for cost in costs))


@dataclass
class Memory:
    """The most memory that was held at once."""

    megabytes: float = 0.0


@contextmanager
def peak_memory(with_self: bool) -> Iterator[Memory]:
    """Yields what all processes below this one hold together at most, and this one too if `with_self`.

    Looked at five times a second; pages that processes share are shared out between them (PSS, of Linux).
    """
    memory, done = Memory(), threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            memory.megabytes = max(memory.megabytes, sum(map(_megabytes, _processes(with_self))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield memory
    finally:
        done.set()
        watcher.join()


def _processes(with_self: bool) -> list[int]:
    """This process and all below it."""
    children = defaultdict[int, list[int]](list)
    for each in Path("/proc").glob("[0-9]*"):
        try:
            stat = (each / "stat").read_text(encoding="utf-8")
        except OSError:
            continue  # it has ended
        children[int(stat.rpartition(")")[2].split()[1])].append(int(each.name))
    found = [os.getpid()]
    for each in found:
        found += children[each]
    return found if with_self else found[1:]


def _megabytes(process: int) -> float:
    try:
        table = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in table.splitlines() if line.startswith("Pss:")), 0.0)
