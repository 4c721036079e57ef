"""Which plugins `ipl plugins check` is asked for, and with which options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ipl.config.options import read_choice
from ipl.config.yaml_tree import KeyPath, YamlTree, dotted, parse_scalar
from ipl.errors import InputError, did_you_mean
from ipl.registry import PluginInfo, Registry

__all__ = ["find_targets", "read_options"]


def find_targets(targets: Sequence[str], files: Sequence[Path]) -> tuple[list[PluginInfo], Registry]:
    """The plugins of the files and of the names among `targets`; `files` are loaded too, but not asked for.

    A name that several roles have means all of them. Raises InputError where a file holds no plugin or a name
    is unknown.
    """
    asked = [Path(target) for target in targets if _is_file(target)]
    registry = Registry(list(dict.fromkeys(file.resolve() for file in (*files, *asked))))
    found: list[PluginInfo] = []
    for target in targets:
        if _is_file(target):
            mine = [info for info in registry if info.origin == str(Path(target).resolve())]
            missing = f"{target}: holds no plugin; expected a class with @ipl.plugin(...) above it"
        else:
            mine = [info for info in registry if info.name == target]
            names = {info.name for info in registry}
            missing = f"no plugin is called {target!r}; {did_you_mean(target, names)} (a file's name ends with .py)"
        if not mine:
            raise InputError(missing)
        found += [info for info in mine if info not in found]
    return found, registry


def _is_file(target: str) -> bool:
    return target.endswith(".py") or "/" in target


class _Flags(YamlTree):
    """Options given with --set: the first problem is raised at once."""

    def problem(self, path: KeyPath, what: str) -> None:
        raise InputError(f"--set {dotted(path)}: {what}" if path else f"{what} (give options with --set OPTION=VALUE)")


def read_options(
    infos: Sequence[PluginInfo], registry: Registry, flags: Sequence[str]
) -> dict[PluginInfo, dict[str, Any]]:
    """The options of each plugin out of `OPTION=VALUE`; each goes to all that have an option of that name.

    Raises InputError where none has it, where its type is wrong, and where a needed one is not given.
    """
    known = {option.name for info in infos for option in info.options}
    given: dict[str, Any] = {}
    for flag in flags:
        name, equals, value = flag.partition("=")
        if not equals or name not in known:
            raise InputError(f"--set {flag}: expected OPTION=VALUE with an option's name; {did_you_mean(name, known)}")
        given[name] = parse_scalar(value)
    return {info: _options_of(info, given, registry) for info in infos}


def _options_of(info: PluginInfo, given: dict[str, Any], registry: Registry) -> dict[str, Any]:
    mine = {option.name: given[option.name] for option in info.options if option.name in given}
    choice = read_choice(_Flags("--set"), (), info.role, {"use": info.name, **mine}, registry, Path.cwd())
    assert choice is not None  # _Flags raises at the first problem
    return choice.options
