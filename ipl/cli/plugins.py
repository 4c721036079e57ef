"""`ipl plugins list|show|new|check`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from ipl.errors import InputError, did_you_mean
from ipl.hookspecs import ROLES

__all__ = ["add_parser"]

FAILED_CHECKS = 2


def add_parser(commands: Any) -> None:
    """Adds the commands of plugins."""
    plugins = commands.add_parser("plugins", help="list, show, write and check plugins", description="Plugins.")
    kinds = plugins.add_subparsers(title="commands", metavar="COMMAND", required=True)

    list_ = kinds.add_parser("list", help="list plugins", description="Lists the plugins that there are, by role.")
    list_.add_argument("role", nargs="?", metavar="ROLE", help=f"only this role: {', '.join(ROLES)}")
    _add_files(list_)
    list_.set_defaults(run=_list)

    show = kinds.add_parser("show", help="describe a plugin", description="Says what a plugin does, and its options.")
    show.add_argument("role", nargs="?", metavar="ROLE", help="its role, where several have a plugin of its name")
    show.add_argument("name", metavar="NAME", help="the plugin")
    _add_files(show)
    show.set_defaults(run=_show)

    new = kinds.add_parser("new", help="write a plugin", description="Writes a small working plugin to start from.")
    new.add_argument("role", metavar="ROLE", help=f"one of {', '.join(ROLES)}")
    new.add_argument("file", type=Path, metavar="FILE", help="the Python file to write")
    new.add_argument("--name", help="the plugin's name (default: the file's)")
    new.set_defaults(run=_new)

    check = kinds.add_parser(
        "check",
        help="check plugins against their roles' contracts",
        description="Tries plugins on small generated data and says which promises of their roles they keep.",
        epilog="Exit codes: 0 all are kept, 2 not all are.",
    )
    check.add_argument("targets", nargs="+", metavar="FILE|NAME", help="a Python file with plugins, or a plugin's name")
    check.add_argument(
        "--set", action="append", default=[], metavar="OPTION=VALUE", help="an option of the plugin, e.g. hours=2"
    )
    check.add_argument("--data", type=Path, metavar="PATH", help="a data set for a corpus plugin to read")
    _add_files(check)
    check.set_defaults(run=_check)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plugins",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a local plugin file to load; may be given several times",
    )


def _known_role(role: str) -> str:
    if role not in ROLES:
        raise InputError(f"no role is called {role!r}; {did_you_mean(role, ROLES)}")
    return role


def _list(args: argparse.Namespace) -> int:
    from ipl.cli.plugin_pages import table
    from ipl.registry import Registry

    roles = [_known_role(args.role)] if args.role else list(ROLES)
    print(table(list(Registry(args.plugins)), roles))
    return 0


def _show(args: argparse.Namespace) -> int:
    from ipl.cli.plugin_pages import page
    from ipl.registry import Registry

    name, registry = args.name, Registry(args.plugins)
    if args.role:
        print(page(registry.get(_known_role(args.role), name)))
        return 0
    if name in ROLES:
        raise InputError(
            f"{name!r} is a role; name a plugin of it: {', '.join(registry.names(name)) or 'there is none'}"
        )
    found = [info for info in registry if info.name == name]
    if not found:
        raise InputError(f"no plugin is called {name!r}; {did_you_mean(name, {info.name for info in registry})}")
    if len(found) > 1:
        choices = " or ".join(f"`ipl plugins show {info.role} {name}`" for info in found)
        raise InputError(f"{len(found)} plugins are called {name!r}; say {choices}")
    print(page(found[0]))
    return 0


def _new(args: argparse.Namespace) -> int:
    from ipl.files import write_text
    from ipl.plugin_templates import source_of
    from ipl.registry import Registry

    role, file = _known_role(args.role), args.file
    name = args.name or file.stem
    if file.suffix != ".py":
        raise InputError(f"{file}: expected the name of a Python file, such as my_{role}.py")
    if not re.fullmatch(r"[^\W\d][\w-]*", name):
        raise InputError(
            f"{name!r}: expected a name of letters, digits, - and _ that starts with a letter; give --name"
        )
    if file.exists():
        raise InputError(f"{file}: exists already; choose another file, or remove it")
    if not file.parent.is_dir():
        raise InputError(f"{file.parent}: no such folder; make it first")
    registry = Registry()
    if name in registry.names(role):
        origin = registry.get(role, name).origin
        raise InputError(f"a {role} called {name!r} exists already in {origin}; choose another name with --name")
    write_text(file, source_of(role, name))
    print(f"{file}: a {role} called {name!r}, ready to be changed")
    print(f"  use it:    plugins: [{file}]    in a plan, then `use: {name}`")
    print(f"  check it:  ipl plugins check {file}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from ipl.cli.plugin_targets import find_targets, read_options
    from ipl.testing import check_plugin

    if args.data and not args.data.exists():
        raise InputError(f"{args.data}: no such file or folder; expected a data set for a corpus to read")
    infos, registry = find_targets(args.targets, args.plugins)
    options = read_options(infos, registry, args.set)
    count = failed = 0
    for info in infos:
        print(f"{info.role} {info.name}  ({info.origin})")
        for result in check_plugin(info, options[info], args.data):
            print(f"  {result}", flush=True)
            count += 1
            failed += not result.ok
    print(f"{failed} of {count} checks failed" if failed else f"all {count} checks passed")
    return FAILED_CHECKS if failed else 0
