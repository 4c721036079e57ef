"""What is told of a plugin that crashed: which, where in its own file, and what to do."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ipl.errors import IplError, PluginCrashed
from ipl.registry import PluginInfo

__all__ = ["blaming", "raised", "remedy"]


def raised(error: Exception, info: PluginInfo) -> str:
    """The error in one line, with the last line of the plugin's own file that it passed."""
    mine = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == info.origin]
    where = f" ({Path(mine[-1].filename).name}, line {mine[-1].lineno})" if mine else ""
    return f"raised {type(error).__name__}{where}: {' '.join(str(error).split())}"


def remedy(info: PluginInfo) -> str:
    """What to do about a plugin that crashed."""
    file = Path(info.origin)
    is_local = info.cls.__module__.startswith("ipl_local_")
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"try `ipl plugins check {shown if is_local else info.name}`"


@contextmanager
def blaming(info: PluginInfo) -> Iterator[None]:
    """Turns what a plugin raises into PluginCrashed, but for our own errors and the system's, which say all."""
    try:
        yield
    except (IplError, OSError):
        raise
    except Exception as error:
        what = f"{info.role} {info.name!r} {raised(error, info)}; {remedy(info)}"
        raise PluginCrashed(what, _trace(error, info)) from error


def _trace(error: Exception, info: PluginInfo) -> str:
    """The traceback from the plugin's own file on: how we came there says nothing to its author."""
    told = traceback.TracebackException.from_exception(error)
    own = [number for number, frame in enumerate(told.stack) if frame.filename == info.origin]
    told.stack = traceback.StackSummary.from_list(list(told.stack)[own[0] if own else 0 :])
    return "".join(told.format())
