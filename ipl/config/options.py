"""A plugin's options out of YAML: unknown keys, wrong types and missing ones are told with their place."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from ipl.config.plan import Choice
from ipl.config.yaml_tree import KeyPath, YamlTree
from ipl.errors import PluginError, did_you_mean
from ipl.registry import Option, Registry

__all__ = ["read_choice", "type_name"]


def read_choice(
    tree: YamlTree,
    path: KeyPath,
    role: str,
    value: Any,
    registry: Registry,
    base: Path,
    extra: frozenset[str] = frozenset(),
) -> Choice | None:
    """Reads `{use: name, option: value, ...}`; None where a problem was noted. Keys in `extra` are somebody else's."""
    if isinstance(value, str):
        value = {"use": value}
    if not isinstance(value, dict):
        tree.problem(path, f"found {_kind(value)}, expected a {role}: its name, or a mapping with `use: <name>`")
        return None
    if "use" not in value:
        tree.problem(path, f"`use` is missing; say which {role}; known: {', '.join(registry.names(role))}")
        return None
    name = value["use"]
    if not isinstance(name, str):
        tree.problem((*path, "use"), f"found {_kind(name)}, expected the name of a {role}")
        return None
    try:
        info = registry.get(role, name)
    except PluginError as error:
        tree.problem((*path, "use"), str(error))
        return None
    known = {option.name: option for option in info.options}
    options: dict[str, Any] = {}
    sound = True
    for key, raw in value.items():
        if key == "use" or key in extra:
            continue
        if key not in known:
            tree.problem((*path, key), f"{role} {name!r} has no such option; {did_you_mean(key, known)}")
            sound = False
            continue
        try:
            options[key] = _convert(known[key], raw, base)
        except ValueError as error:
            tree.problem((*path, key), str(error))
            sound = False
    for option in known.values():
        if option.required and option.name not in value:
            tree.problem(
                path, f"{role} {name!r} needs the option {option.name!r} ({type_name(option.type)}): {option.meaning}"
            )
            sound = False
    if not sound:
        return None
    return _constructed(tree, path, Choice(info, options))


def _constructed(tree: YamlTree, path: KeyPath, choice: Choice) -> Choice | None:
    """A plugin may refuse values of the right type in its `__post_init__`, with a ValueError or an IplError."""
    try:
        choice.make()
    except Exception as error:
        tree.problem(path, f"{choice.info.role} {choice.name!r}: {error}")
        return None
    return choice


def _convert(option: Option, raw: Any, base: Path) -> Any:
    try:
        value = TypeAdapter(option.type).validate_json(json.dumps(raw), strict=True)
    except ValidationError as error:
        hint = "; write true or false" if option.type is bool else ""
        raise ValueError(f"found {raw!r}, expected {type_name(option.type)}{hint}") from error
    if isinstance(raw, str) and {Path, str} <= set(get_args(option.type)):  # a path if it is there, else a name
        place = base / Path(raw).expanduser()
        return place if place.exists() else raw
    return _absolute(value, base)


def _absolute(value: Any, base: Path) -> Any:
    """Paths in a plan are relative to the plan's own folder."""
    if isinstance(value, Path):
        return base / value.expanduser()
    if isinstance(value, tuple | list):
        return type(value)(_absolute(each, base) for each in value)
    return value


def type_name(type_: Any) -> str:
    """A type as a plan's writer thinks of it.

    >>> type_name(int | None), type_name(tuple[float, ...])
    ('int or null', 'list of float')
    """
    if type_ is type(None):
        return "null"
    if get_origin(type_) in (Union, types.UnionType):
        return " or ".join(type_name(each) for each in get_args(type_))
    if get_origin(type_) in (tuple, list):
        return f"list of {type_name(get_args(type_)[0])}"
    if get_origin(type_) is dict:
        return "mapping"
    if get_args(type_):
        return " or ".join(repr(each) for each in get_args(type_))
    return {Path: "path", str: "text"}.get(type_, getattr(type_, "__name__", str(type_)))


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), f"{value!r}")
