"""YAML to plain values with the line of everything, so that each problem can be told with its place.

YAML 1.2: `no` is a string, `12:30` is a string, `1e-3` is a number, and a key given twice is a problem.
"""

from __future__ import annotations

import datetime
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ipl.errors import ConfigError, InputError

__all__ = ["KeyPath", "YamlTree", "parse_scalar", "read_yaml"]

KeyPath = tuple[str | int, ...]


@dataclass
class YamlTree:
    """The values of a YAML file, the line of each by its path, and the problems found so far."""

    file: str
    value: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    overrides: dict[KeyPath, str] = field(default_factory=dict)
    """what the command line put over the file, as it was written there"""
    inherited: dict[KeyPath, KeyPath] = field(default_factory=dict)
    """values that stand elsewhere in the file, and where"""

    def problem(self, path: KeyPath, what: str) -> None:
        """Notes a problem at `path`, to be reported with all the others."""
        self.problems.append(f"{self._place(path)}: {what}")

    def raise_problems(self) -> None:
        """Raises ConfigError with all problems, in order of line, if there are any."""
        if self.problems:
            raise ConfigError(sorted(dict.fromkeys(self.problems), key=_line_of))

    def override(self, path: KeyPath, value: Any, told: str) -> None:
        """Puts `value` at `path`, as `--set` does; missing mappings on the way are made. `told` is how it was given."""
        at: Any = self.value
        for step in path[:-1]:
            if isinstance(at, dict):
                at = at.setdefault(step, {})
            elif isinstance(at, list) and isinstance(step, int) and step < len(at):
                at = at[step]
            else:
                raise InputError(f"--set {dotted(path)}: nothing can be set below {dotted((step,))!r} in {self.file}")
        last = path[-1]
        fits = isinstance(at, dict) or (isinstance(at, list) and isinstance(last, int) and last < len(at))
        if not fits:
            raise InputError(f"--set {dotted(path)}: no such place in {self.file}")
        at[last] = value
        self.overrides[path] = told

    def _place(self, path: KeyPath) -> str:
        """Where a value was given: on the command line, or on a line of the file."""
        for length in range(len(path), 0, -1):
            if source := self.inherited.get(path[:length]):
                path = (*source, *path[length:])
                break
        for length in range(len(path), 0, -1):
            if told := self.overrides.get(path[:length]):
                return told if length == len(path) else f"{told}: {dotted(path)}"
        if not self.lines:  # no file
            return f"{self.file} {dotted(path)}" if path else self.file
        within = [told for each, told in self.overrides.items() if path and each[: len(path)] == path]
        return f"{self.file}:{self._line(path)}: {dotted(path)}" + (f" (with {', '.join(within)})" if within else "")

    def _line(self, path: KeyPath) -> int:
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1


def _line_of(problem: str) -> int:
    return int(problem.split(":")[1]) if problem.split(":")[1].isdigit() else 0


def dotted(path: KeyPath) -> str:
    """Writes a path as people do.

    >>> dotted(("cycles", 1, "filter", 0, "keep"))
    'cycles[1].filter[0].keep'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "(top level)"


def parse_scalar(text: str, where: str = "--set") -> Any:
    """Reads the value of `--set key=value` as YAML; `where` names it in what is said of a wrong one.

    >>> parse_scalar("1e-3"), parse_scalar("no"), parse_scalar("[a, 2]")
    (0.001, 'no', ['a', 2])
    """
    tree = YamlTree(where)
    loader = _loader()
    try:
        node = loader.compose(io.StringIO(text))
        value = _value(loader, node, (), tree) if node is not None else None
    except (YAMLError, ValueError) as error:
        what = getattr(error, "problem", None) or " ".join(str(error).split())
        raise InputError(f"{where}: {text!r} is not YAML: {what}; quote it, or write it as in a plan") from error
    tree.raise_problems()
    return value


def read_yaml(path: Path) -> YamlTree:
    """Reads a YAML file; raises InputError where it cannot be read, ConfigError where it is no YAML."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: a folder; expected a YAML file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    tree = YamlTree(str(path))
    loader = _loader()
    try:
        node = loader.compose(io.StringIO(text))
        tree.value = _value(loader, node, (), tree) if node is not None else None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = " ".join(str(part) for part in (error.problem, error.context) if part)
        raise ConfigError([f"{path}:{line}: not YAML: {what}"]) from error
    except YAMLError as error:
        raise ConfigError([f"{path}:1: not YAML: {' '.join(str(error).split())}"]) from error
    except ValueError as error:
        raise ConfigError([f"{path}:1: not YAML: {' '.join(str(error).split())}"]) from error
    return tree


def _loader() -> YAML:
    loader = YAML(typ="safe", pure=True)
    loader.version = (1, 2)
    return loader


def _value(loader: YAML, node: Node, path: KeyPath, tree: YamlTree) -> Any:
    tree.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(_scalar(loader, key_node)) if isinstance(key_node, ScalarNode) else "?"
            line = key_node.start_mark.line + 1
            if key in mapping:
                first = tree.lines[(*path, key)]
                tree.problems.append(
                    f"{tree.file}:{line}: {dotted((*path, key))}: given twice, first on line {first}; remove one"
                )
                continue
            tree.lines[(*path, key)] = line
            mapping[key] = _value(loader, value_node, (*path, key), tree)
        return mapping
    if isinstance(node, SequenceNode):
        return [_value(loader, each, (*path, index), tree) for index, each in enumerate(node.value)]
    return _scalar(loader, node)


def _scalar(loader: YAML, node: Node) -> Any:
    value = loader.constructor.construct_object(node)
    return node.value if isinstance(value, datetime.date | bytes) else value
