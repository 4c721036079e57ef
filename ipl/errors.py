"""Every error that ipl raises on purpose.

    IplError                    what the command line prints in one line; `exit_code` is its exit code
    ├── InputError       (2)    the user's input is wrong: a path, an option, a file's contents
    │   ├── ConfigError         problems in a plan, all of them together, each as `file:line: path: what`
    │   ├── PluginError         a plugin is unknown, doubled, misspelt, or breaks its role's contract
    │   ├── SchemaError         a table does not have the schema it claims
    │   └── MediaError          a media or subtitle file cannot be read
    └── StageError       (1)    a stage failed: out of disk, a worker died, training diverged
        └── PluginCrashed       a plugin raised something that is no error of ipl

A message says where, what was found, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = [
    "ConfigError",
    "InputError",
    "IplError",
    "MediaError",
    "PluginCrashed",
    "PluginError",
    "SchemaError",
    "StageError",
    "did_you_mean",
]


class IplError(Exception):
    """The root of all errors that ipl raises on purpose."""

    exit_code = 1


class InputError(IplError):
    """The user's input is wrong."""

    exit_code = 2


class ConfigError(InputError):
    """All that is wrong with a plan, reported together.

    `problems` holds one line each: `file:line: path: what`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class PluginError(InputError):
    """A plugin is unknown, doubled, misspelt, or breaks its role's contract."""


class SchemaError(InputError):
    """A table does not have the schema it claims."""


class MediaError(InputError):
    """A media or subtitle file cannot be read."""


class StageError(IplError):
    """A stage failed for a reason that is not the user's input."""


class PluginCrashed(StageError):  # noqa: N818 - says what is the case, as its message does
    """A plugin raised something that is no error of ipl; `trace` is the traceback from its own file on."""

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns a closing hint for an unknown word: the nearest known one, else all of them.

    >>> did_you_mean("recogniser", ["recognizer", "filter"])
    "did you mean 'recognizer'?"
    >>> did_you_mean("zzz", ["b", "a"])
    'known: a, b'
    """
    names = sorted(known)
    close = get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names)}" if names else "none are known"
