"""Starts the ranks of a training with torchrun, and follows them to the end. Imports no torch into this process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ipl.errors import InputError, StageError
from ipl.files import read_json
from ipl.forkserver import Process, start
from ipl.progress import counted, progress, say
from ipl.records import EpochResult
from ipl.training.batches import count_steps
from ipl.training.job import Job
from ipl.training.results import METRICS_FILE, SKIPPED_FILE, checkpoint_folders, epoch_result, read_lines

__all__ = ["LOG_FILE", "arguments", "environment", "run"]

LOG_FILE = "train.log"
SECONDS_BETWEEN_LOOKS = 0.1
TAIL_BYTES = 4096
SECONDS_TO_END = 10.0
SECONDS_TO_MEET = 3600
"""So long nodes wait for each other."""
LEAST_FREE_BYTES = 1 << 20


def run(job: Job) -> Iterator[EpochResult]:
    """Runs a training, or the rest of one that was cut short; yields the result of each epoch as it ends.

    Raises InputError or StageError with what a rank said when it failed, or how it died.
    """
    job.out_dir.mkdir(parents=True, exist_ok=True)
    job.save()
    for old in job.out_dir.glob("failure-*.json"):
        old.unlink()
    seen: set[Path] = set()
    yield from _new_results(job.out_dir, seen)
    if len(seen) == job.options.epochs:
        return
    cores = len(os.sched_getaffinity(0))
    processes = job.options.processes or job.options.ranks
    if job.options.nodes > 1:
        others = f"python -m ipl.training.node {job.path}"
        say(f"  training: waits at {job.options.rendezvous} for {job.options.nodes} nodes; on each other one: {others}")
    elif job.options.device != "cuda" and processes > cores:
        say(f"  training: {counted(processes, 'rank')} on {counted(cores, 'core')}; they will wait for each other")
    total = sum(count_steps(job.batches, epoch, job.options.ranks) for epoch in range(job.options.epochs))
    with _torchrun(job) as process, progress("training", total, "steps") as advance:
        done, ended, is_earlier = 0, False, True
        while not ended:
            ended = process.poll() is not None  # first: what is found below is all there is then
            step, note = _last_line(job.out_dir / METRICS_FILE)
            if step > done:
                advance(step - done, note, is_earlier)
                done = step
            is_earlier = False
            yield from _new_results(job.out_dir, seen)
            if len(seen) == job.options.epochs:
                _tell_skipped(job.out_dir)
                with suppress(subprocess.TimeoutExpired):  # they still tidy away what `keep` does not keep
                    process.wait(SECONDS_TO_END)
                return
            if failure := _failure(job.out_dir, only_final=True):
                raise failure
            if not ended:
                time.sleep(SECONDS_BETWEEN_LOOKS)
    raise _failure(job.out_dir, only_final=False) or StageError(_death(job))


def _tell_skipped(out_dir: Path) -> None:
    notes = list(read_lines(out_dir / SKIPPED_FILE))
    if notes:
        counts = Counter(note["reason"] for note in notes).most_common()
        reasons = ", ".join(f"{reason} {count}" for reason, count in counts)
        first = f"{notes[0]['utt_id']}: {notes[0]['detail']}"
        left_out = f"{counted(len(notes), 'utterance')} left out ({reasons})"
        say(f"  training: {left_out}, the first {first}; all are in {SKIPPED_FILE}")


def _new_results(out_dir: Path, seen: set[Path]) -> Iterator[EpochResult]:
    for folder in checkpoint_folders(out_dir):
        if folder not in seen and (result := epoch_result(folder)):
            seen.add(folder)
            yield result


def arguments(job: Job) -> list[str]:
    """Those of torchrun, which starts a node's ranks of a training, and starts them again."""
    options = job.options
    nodes = ["--standalone"]
    if options.nodes > 1:
        meeting = ("--rdzv-backend", "c10d", "--rdzv-endpoint", str(options.rendezvous), "--rdzv-id", job.out_dir.name)
        patience = ("--rdzv-conf", f"join_timeout={SECONDS_TO_MEET},read_timeout={SECONDS_TO_MEET}")
        nodes = ["--nnodes", str(options.nodes), *meeting, *patience]
    own_processes = (options.processes or options.ranks) // options.nodes
    return [
        *nodes,
        *("--nproc-per-node", str(own_processes), "--max-restarts", str(options.max_restarts)),
        *("--log-dir", str(job.out_dir / ".torchrun")),
        *("-m", "ipl.training.worker", str(job.path)),
    ]


def environment(job: Job) -> dict[str, str]:
    """The variables that ranks are started with."""
    threads = str(job.options.threads_per_rank)
    return os.environ | {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "PYTHONUNBUFFERED": "1",
        # By default ranks meet in torchrun's own store, where those that it starts again find the addresses of
        # the dead, and at times try to reach them (torch 2.13): let every attempt have a store of its own.
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }


@contextmanager
def _torchrun(job: Job) -> Iterator[Process | subprocess.Popen[bytes]]:
    """The process that starts the ranks; it ends with this block, and they end with it."""
    with (job.out_dir / LOG_FILE).open("ab") as log:
        process = start(
            "ipl.training.processes:torchrun",
            arguments(job),
            output=log.fileno(),
            environment=environment(job),
            modules=["torch.distributed.run"],
        )
    with process:
        try:
            yield process
        finally:
            process.kill()  # the kernel kills the ranks with it
            process.wait()
            shutil.rmtree(job.out_dir / ".torchrun", ignore_errors=True)


def _last_line(path: Path) -> tuple[int, str]:
    """The step that the last whole line of metrics tells of, and what stands out in it."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            whole_lines = file.read().rpartition(b"\n")[0]
    except FileNotFoundError:
        return 0, ""
    if not whole_lines:
        return 0, ""
    values: dict[str, Any] = json.loads(whole_lines.rpartition(b"\n")[2])
    names = {"loss": "loss {:.3f}", "dev_error": "dev {:.1%}"}
    shown = [form.format(values[name]) for name, form in names.items() if values.get(name) is not None]
    return values["step"], " ".join(shown)


def _failure(out_dir: Path, only_final: bool) -> InputError | StageError | None:
    """What the first rank that failed said."""
    notes = [read_json(path) for path in sorted(out_dir.glob("failure-*.json"))]
    chosen = [note for note in notes if note["is_final"]] or ([] if only_final else notes)
    if not chosen:
        return None
    kind = InputError if chosen[0]["exit_code"] == InputError.exit_code else StageError
    return kind(f"{chosen[0]['message']} (log: {out_dir / LOG_FILE})")


def _death(job: Job) -> str:
    free = shutil.disk_usage(job.out_dir).free
    if free < LEAST_FREE_BYTES:  # where ranks die before they can say so
        return (
            f"training: {job.out_dir}: no room left on its disk ({free} bytes); free some, and the same command goes on"
        )
    if job.options.nodes > 1 and not (job.out_dir / METRICS_FILE).exists():
        where = f"{job.options.rendezvous}; see the end of {job.out_dir / LOG_FILE}"
        return f"training: it did not begin; not all of {job.options.nodes} nodes may have come to {where}"
    return (
        f"training: its ranks died {job.options.max_restarts + 1} times without a word, often for want of memory; "
        f"see the end of {job.out_dir / LOG_FILE}; the same command goes on from the last checkpoint"
    )
