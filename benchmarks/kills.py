"""A training of two ranks that is killed over and over ends with the same bytes as one that was left alone.

python benchmarks/kills.py [--kills 50] [--seed 1]

A tiny model learns letters spelt as tones (tests/helpers_training.py), with a checkpoint every third step. At a random
moment of each life, while it starts or while it learns, either all of it is killed (kill -9) and started again by the
same command, or one rank, and torchrun starts both. A training that ends before there were so many kills is compared,
and another is begun. Compared are the weights of all epochs, their metrics, and the lines of metrics.jsonl but for the
time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from helpers_training import RUN_JOB, make_job, ranks_of

from ipl.training.job import Job
from ipl.training.processes import die_with_parent
from ipl.training.results import METRICS_FILE, epoch_results, read_lines

RANKS, EPOCHS = 2, 12
LONGEST_LIFE_S = 8.0


def new_job(folder: Path) -> Job:
    job = make_job(folder, epochs=EPOCHS, ranks=RANKS, batch_seconds=2.0, checkpoint_steps=3, max_restarts=2)
    job.save()
    return job


def outcome(job: Job) -> Any:
    results = epoch_results(job.out_dir)
    return (
        [(each.epoch, each.step, (each.path / "model.safetensors").read_bytes()) for each in results],
        [each.metrics for each in results],
        [line | {"time": 0} for line in read_lines(job.out_dir / METRICS_FILE)],
    )


def start(job: Job) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "ignore", "-c", RUN_JOB, str(job.path)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)


def steps_of(job: Job) -> int:
    return sum(1 for line in read_lines(job.out_dir / METRICS_FILE))


def kill_once(job: Job, process: subprocess.Popen[bytes], draws: random.Random, life_s: float) -> str | None:
    """Waits for a random moment and kills; None where the training ended first."""
    lines, began = steps_of(job), time.monotonic()
    learning = draws.random() < 0.7  # else while it starts
    until = draws.uniform(0, life_s)
    while process.poll() is None:
        time.sleep(0.01)
        has_learned = steps_of(job) != lines
        if has_learned and learning:
            learning, began, until = False, time.monotonic(), draws.uniform(0, life_s / 4)
        if not learning and time.monotonic() - began >= until:
            break
    if process.poll() is not None:
        return None
    ranks = ranks_of(job)
    if ranks and draws.random() < 0.3:
        try:
            os.kill(draws.choice(ranks), signal.SIGKILL)
        except ProcessLookupError:
            return None
        return "one rank"
    process.kill()
    process.wait()
    while ranks_of(job):  # the kernel ends them with the process that started them
        time.sleep(0.01)
    return "all"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    draws, began = random.Random(arguments.seed), time.monotonic()
    counts = {"all": 0, "one rank": 0}
    trainings = identical = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = new_job(Path(folder) / "whole")
        alone = time.monotonic()
        if start(whole).wait() != 0:
            raise SystemExit(f"the undisturbed training failed; see {whole.out_dir / 'train.log'}")
        life_s = min(LONGEST_LIFE_S, (time.monotonic() - alone) / 2)
        expected = outcome(whole)
        while sum(counts.values()) < arguments.kills:
            trainings += 1
            job = new_job(Path(folder) / f"killed-{trainings}")
            process = start(job)
            while sum(counts.values()) < arguments.kills and len(epoch_results(job.out_dir)) < EPOCHS:
                if process.poll() is not None:
                    process = start(job)
                what = kill_once(job, process, draws, life_s)
                if what:
                    counts[what] += 1
                    print(f"{sum(counts.values())} kills, {steps_of(job)} lines", file=sys.stderr, flush=True)
            while len(epoch_results(job.out_dir)) < EPOCHS:
                if process.poll() is not None:
                    process = start(job)
                process.wait()
            process.wait()
            identical += outcome(job) == expected
    seconds = time.monotonic() - began
    print(f"{RANKS} ranks, {sum(counts.values())} kills ({counts['all']} of all, {counts['one rank']} of one rank)")
    print(f"{'trainings':>10}{'identical':>11}{'seconds':>9}")
    print(f"{trainings:>10}{identical:>11}{seconds:>9.0f}")
    print(json.dumps({"ranks": RANKS, "kills": counts, "trainings": trainings, "identical": identical}))
    raise SystemExit(identical != trainings)


if __name__ == "__main__":
    main()
