"""What a stretch of work costs: by the clock on the wall, and in processor time, which other work hardly changes."""

from __future__ import annotations

import resource
import subprocess
import time
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
