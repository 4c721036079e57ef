"""The command line: `ipl run`, `ipl mine`, and the rest of `ipl --help`."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from ipl import __version__
from ipl.cli import data, mine, plugins, run, speech
from ipl.errors import ConfigError, IplError, PluginCrashed

__all__ = ["build_parser", "main"]

FAILED = 1
WRONG_INPUT = 2
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
WRONG_PLACE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)
"""What the system says of a path that is not as the command needs it."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command in one line, as all other errors are told."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_INPUT, f"{self.prog}: {message}; `{self.prog} --help` says more\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    parser = _Parser(
        prog="ipl",
        description="From videos and untranscribed audio to a trained speech recogniser.",
        epilog="Exit codes: 0 done, 1 a stage failed, 2 the input is wrong. `ipl COMMAND --help` says more.",
    )
    parser.add_argument("--version", action="version", version=f"ipl {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (run, mine, speech, data, plugins):
        module.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code; the errors that we know of are one line each on standard error."""
    args = build_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = args.run
    try:
        with _stopped_by_sigterm():
            return command(args)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except IplError as error:
        if isinstance(error, PluginCrashed):
            print(error.trace, end="", file=sys.stderr)
        print(f"ipl: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader (`| head`) has seen enough
        return 0
    except OSError as error:
        print(f"ipl: {_told(error)}", file=sys.stderr)
        return WRONG_INPUT if error.errno in WRONG_PLACE else FAILED
    except KeyboardInterrupt as stop:
        print("ipl: stopped; the same command goes on from here", file=sys.stderr)
        return TERMINATED if isinstance(stop, _Terminated) else INTERRUPTED


class _Terminated(KeyboardInterrupt):
    """The process got SIGTERM."""


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Takes SIGTERM, which batch systems and `kill` send, as it takes Ctrl-C: work ends in order, with a word."""
    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _told(error: OSError) -> str:
    remedies = {
        errno.ENOSPC: "free some space, then give the same command again",
        errno.EDQUOT: "free some of your quota, then give the same command again",
        errno.EACCES: "check its permissions, or choose another place",
        errno.EPERM: "check its permissions, or choose another place",
        errno.EROFS: "choose a place that can be written to",
        errno.ENOENT: "check the path",
        errno.EEXIST: "a file is in the way: choose another place",
        errno.ENOTDIR: "a file is in the way: choose another place",
        errno.EISDIR: "a folder is in the way: choose another place",
        errno.ENAMETOOLONG: "choose a shorter name",
    }
    where = f"{error.filename}: " if error.filename else ""
    what = os.strerror(error.errno) if error.errno else str(error)
    remedy = remedies.get(error.errno or 0)
    return f"{where}{what}" + (f"; {remedy}" if remedy else "")
