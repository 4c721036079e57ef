"""The bench on which a plugin is tried: the plugin, its options, and a folder for what it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipl.errors import PluginError
from ipl.records import Cycle
from ipl.registry import HOOKS, PluginInfo, implement
from ipl.testing.result import CheckResult

__all__ = ["CYCLE", "Bench", "Contract", "numbered"]

CYCLE = Cycle(1, "check", 17)


@dataclass(frozen=True)
class Bench:
    """A plugin to try. `data` is an outside data set for a corpus to read, where one was given."""

    info: PluginInfo
    options: Mapping[str, Any]
    folder: Path
    data: Path | None = None

    def call(self, **arguments: Any) -> Any:
        """Calls the plugin's hook as a stage does; PluginError where it returns nothing."""
        result = implement(self.info.role, [self.info.cls(**self.options)])(**arguments)
        if self.info.role == "filter":  # of which a stage has any number: pluggy gives a list of results
            result = result[0] if result else None
        if result is None:
            raise PluginError(f"{HOOKS[self.info.role]} returned nothing; expected what its role's hook returns")
        return result

    def empty_folder(self, name: str) -> Path:
        """A new folder for a plugin to write to."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder


Contract = Callable[[Bench], Iterator[CheckResult]]
"""Tries a plugin and yields a result for each promise of its role."""


def numbered(problems: list[str]) -> str | None:
    """The first of some problems, with their number; None where there are none.

    >>> numbered(["row 3 is missing", "row 4 is missing"])
    'row 3 is missing (and 1 more)'
    """
    if not problems:
        return None
    return problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")
