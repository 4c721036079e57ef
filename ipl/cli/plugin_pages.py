"""How plugins are listed and described on a terminal."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from ipl.config.options import type_name
from ipl.hookspecs import ROLES
from ipl.registry import HOOKS, Option, PluginInfo

__all__ = ["example", "page", "signature", "table"]

_PLACES = {
    "filter": "filter: [{plugin}]",
    "supplier": "mine: {{sources: [{plugin}]}}",
    "cue_extractor": "mine: {{cue_extractors: [{plugin}]}}",
    "text_reader": "mine: {{text_reader: {plugin}}}",
    "voice_detector": "mine: {{voice_detector: {plugin}}}",
    "aligner": "mine: {{aligner: {plugin}}}",
    "corpus": "data: {{labelled: {plugin}}}",
}
"""Where a plan names a plugin, for roles that have no key of their own in a cycle."""


def table(infos: Sequence[PluginInfo], roles: Sequence[str]) -> str:
    """The plugins of some roles: name, what it does, where it comes from."""
    shown = [info for info in infos if info.role in roles]
    width = max((len(info.name) for info in shown), default=0)
    blocks = []
    for role in roles:
        lines = [f"{role}: {_first_line(ROLES[role])}"]
        lines += [f"  {info.name:<{width}}  {info.summary}  [{_place(info)}]" for info in shown if info.role == role]
        blocks.append("\n".join(lines if len(lines) > 1 else [*lines, "  (none)"]))
    return "\n\n".join(blocks)


def page(info: PluginInfo) -> str:
    """All that a user of a plugin needs to know of it."""
    uses = ", ".join(info.arguments) or "no argument"
    parts = [
        f"{info.role} {info.name}  [{_place(info)}]",
        "\n".join(
            [
                inspect.getdoc(info.cls) or "(no description)",
                *(f"{name.capitalize()}: {text}" for name, text in info.facts.items()),
            ]
        ),
        f"Role: {_first_line(ROLES[info.role])}\nHook: {signature(info.role)}\nUses: {uses}",
        _options(info.options),
        f"In use: {example(info)}",
    ]
    return "\n\n".join(parts)


def signature(role: str) -> str:
    """The role's hook as a plugin would write it.

    >>> signature("filter")
    'vote(self, cycle: Cycle, hypotheses: Table[Hypothesis]) -> Iterable[Vote]'
    """
    hook = getattr(ROLES[role], HOOKS[role])
    return f"{HOOKS[role]}{inspect.signature(hook)}".replace("'", "")


def example(info: PluginInfo) -> str:
    """The plugin with its options as a plan names it; an exporter as the command line does."""
    if info.role == "exporter":
        return f"ipl data export {info.name} DATASET --out DIR"
    items = [f"use: {info.name}", *(f"{option.name}: {_yaml(_example_of(option))}" for option in info.options)]
    if info.role == "corpus" and "path" in info.arguments:
        items.insert(1, "path: path/to/the/data")
    return _PLACES.get(info.role, f"{info.role}: {{plugin}}").format(plugin=f"{{{', '.join(items)}}}")


def _options(options: Sequence[Option]) -> str:
    if not options:
        return "Options: none"
    rows = [
        (option.name, type_name(option.type), "needed" if option.required else _yaml(option.default), option.meaning)
        for option in options
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    return "\n".join(["Options: name, type, default, meaning", *(f"  {line}" for line in lines)])


def _example_of(option: Option) -> Any:
    if not option.required:
        return option.default
    values = [each for each in get_args(option.type) if not isinstance(each, type)]
    return values[0] if values else {int: 1, float: 1.0, bool: True, Path: "path/to/it"}.get(option.type, "...")


def _yaml(value: Any) -> str:
    """A value in YAML's flow style, which JSON is a part of."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().split("\n")[0]


def _place(info: PluginInfo) -> str:
    """The module of an installed package, the file of a local plugin."""
    module = info.cls.__module__
    return info.origin if module.startswith("ipl_local_") else module
