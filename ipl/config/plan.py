"""A plan: what a `cycles.yaml` says, as typed objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ipl.errors import PluginError
from ipl.registry import HOOKS, PluginInfo, implement

__all__ = ["Choice", "CyclePlan", "DataPlan", "DataSource", "FilterRule", "MinePlan", "Plan"]

FilterRule = Literal["all", "majority", "any"]
"""How votes combine: `all`: one reject rejects; `majority`: more rejects than keeps reject; `any`: one keep keeps."""


@dataclass(frozen=True)
class Choice:
    """A plugin that a plan names, with its options, checked."""

    info: PluginInfo
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.info.name

    def make(self) -> Any:
        """The plugin itself."""
        return self.info.cls(**self.options)

    def call(self, expected: str, **arguments: Any) -> Any:
        """Calls the plugin's hook; PluginError where it returns nothing, as a forgotten `return` does."""
        role = self.info.role
        result = implement(role, [self.make()])(**arguments)
        if result is None:
            raise PluginError(f"{role} {self.name!r}: {HOOKS[role]} returned nothing, expected {expected}")
        return result

    def settings(self) -> dict[str, Any]:
        """All options with their values, defaults too."""
        return {option.name: option.default for option in self.info.options} | self.options

    def identity(self) -> dict[str, Any]:
        """What a stage's fingerprint takes from it: name, revision and the options that its result depends on.

        A plugin names options that only say how the work is done, such as how often a checkpoint is written, in a class
        variable `HOW_NOT_WHAT`.
        """
        values = {name: value for name, value in self.settings().items() if name not in self.info.how_not_what}
        return {"use": self.name, "revision": self.info.revision, "options": values}


@dataclass(frozen=True)
class DataSource:
    """One part of a data set: a folder of utterances in Parquet, or an outside data set with its corpus plugin."""

    path: Path | None
    corpus: Choice | None = None


@dataclass(frozen=True)
class DataPlan:
    """The data sets of a run. `mined` names those that the mined pairs join."""

    labelled: tuple[DataSource, ...] = ()
    pool: tuple[DataSource, ...] = ()
    dev: tuple[DataSource, ...] = ()
    test: tuple[DataSource, ...] = ()
    mined: tuple[str, ...] = ()


@dataclass(frozen=True)
class MinePlan:
    """What to mine and with which plugins."""

    sources: tuple[str, ...]
    suppliers: tuple[Choice, ...]
    language: str | None
    choices: dict[str, tuple[Choice, ...]]


@dataclass(frozen=True)
class CyclePlan:
    """One cycle: a plugin for each role, filters in any number."""

    name: str
    roles: dict[str, Choice]
    filters: tuple[Choice, ...]
    filter_rule: FilterRule
    train_on: tuple[str, ...]
    recognizes: bool
    oracle: bool


@dataclass(frozen=True)
class Plan:
    """A whole `cycles.yaml`. Paths in it are relative to the file's own folder, and absolute here."""

    file: Path
    name: str
    seed: int
    plugin_files: tuple[Path, ...]
    data: DataPlan
    mine: MinePlan | None
    cycles: tuple[CyclePlan, ...]
    models: tuple[Path, ...] = field(default=())
