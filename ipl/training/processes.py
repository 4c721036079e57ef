"""Processes that end with the one that started them, however it ends; torchrun as one of them."""

from __future__ import annotations

import ctypes
import signal
import sys

__all__ = ["die_with_parent", "torchrun"]

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Asks the kernel to kill this process when its parent ends (Linux; elsewhere it may outlive it)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def torchrun(*arguments: str) -> None:
    """Is torchrun, which starts ranks and waits for them, until its parent ends."""
    die_with_parent()
    from torch.distributed.run import main

    main(list(arguments))
