"""One rank of a training: `python -m torch.distributed.run --nproc-per-node R -m ipl.training.worker job.json`.

A rank that fails leaves `failure-<rank>.json`; one that is killed leaves nothing, and torchrun starts all again.
"""

from __future__ import annotations

import fcntl
import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn, TextIO

from ipl.errors import IplError
from ipl.files import write_json
from ipl.training.job import Job
from ipl.training.processes import die_with_parent

__all__ = ["main"]


def main(job_file: Path) -> NoReturn:
    """Trains as one rank of `job_file`, and ends the process."""
    die_with_parent()
    job = Job.load(job_file)
    rank = int(os.environ.get("RANK", "0"))
    _held = _lock(job.out_dir) if rank == 0 else None
    note, exit_code = job.out_dir / f"failure-{rank}.json", 0
    note.unlink(missing_ok=True)
    try:
        _train(job)
    except Exception as error:
        traceback.print_exc()
        _write_failure(note, error)
        exit_code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # leaving in order may wait for other ranks, and aborts at times (gloo's threads, torch 2.13)


def _lock(out_dir: Path) -> TextIO:
    """Waits until no other training writes into `out_dir`: one that was just killed may take a moment to end."""
    file = (out_dir / ".lock").open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _train(job: Job) -> None:
    import torch

    from ipl.training.communication import join
    from ipl.training.loop import train

    torch.set_num_threads(job.options.threads_per_rank)
    with join(job.options) as world:
        if world.device.type == "cpu":  # on a GPU the gradient of CTC has no deterministic form
            torch.use_deterministic_algorithms(True)
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        train(job, world)


def _write_failure(path: Path, error: Exception) -> None:
    """Leaves word for the launcher. A RuntimeError may mean that another rank was lost: starting again can help."""
    message = str(error) if isinstance(error, IplError) else f"{type(error).__name__}: {error}"
    failure = {
        "message": " ".join(message.split()),
        "exit_code": error.exit_code if isinstance(error, IplError) else 1,
        "is_final": not isinstance(error, RuntimeError | ConnectionError),
    }
    write_json(path, failure)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
