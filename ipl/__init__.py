"""ipl: from videos and untranscribed audio to a trained speech recogniser."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ipl.hookspecs import hookimpl
from ipl.records import Cue, Hypothesis, ModelRef, Pair, Reject, Span, Utterance, Vote
from ipl.registry import plugin

if TYPE_CHECKING:
    from ipl.api import check, load, mine, report, run, status
    from ipl.speech import evaluate, stream, transcribe

__version__ = "0.1.0"
__all__ = [
    "Cue",
    "Hypothesis",
    "ModelRef",
    "Pair",
    "Reject",
    "Span",
    "Utterance",
    "Vote",
    "check",
    "evaluate",
    "hookimpl",
    "load",
    "mine",
    "plugin",
    "report",
    "run",
    "status",
    "stream",
    "transcribe",
]

_HOMES = dict.fromkeys(("check", "load", "mine", "report", "run", "status"), "ipl.api") | dict.fromkeys(
    ("evaluate", "stream", "transcribe"), "ipl.speech"
)


def __getattr__(name: str) -> Any:
    """Imports the functions when they are first used, so that `import ipl` stays quick for plugins."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ipl' has no attribute {name!r}")


def __dir__() -> list[str]:
    """All names, those of functions that are not imported yet too."""
    return sorted({*globals(), *__all__})
