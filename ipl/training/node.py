"""A further node of a training: `python -m ipl.training.node JOB`, as `ipl run` prints it on the first one.

The first node is where `ipl run` starts the training. Each other one runs this, waits for it at `rendezvous`, and ends
with it. All see the same run directory and plug-ins, under the same path.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ipl.errors import InputError, IplError
from ipl.training.job import Job
from ipl.training.launch import arguments, environment


def main() -> int:
    """Becomes the process that starts this node's ranks."""
    try:
        if len(sys.argv) != 2:
            raise InputError("expected one argument, the job.json of a training with nodes: 2 or more")
        job = Job.load(Path(sys.argv[1]))
        if job.options.nodes < 2:
            raise InputError(f"{job.path}: found nodes: {job.options.nodes}, expected 2 or more for others to join")
    except IplError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    command = [sys.executable, "-m", "torch.distributed.run", *arguments(job)]
    os.execvpe(sys.executable, command, environment(job))


if __name__ == "__main__":
    sys.exit(main())
