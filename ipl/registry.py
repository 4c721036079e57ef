"""Finds plugins, and puts the ones that a plan names behind their roles' hooks.

Every plugin enters by the same door: a module in the entry-point group `ipl` (ours and strangers'
alike), or a local file named in a plan (`plugins: [my_filter.py]`). Child processes discover the same way.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, dataclass_transform, get_type_hints

import pluggy

from ipl.errors import PluginError, did_you_mean
from ipl.hookspecs import PROJECT, ROLES

__all__ = ["HOOKS", "Option", "PluginInfo", "Registry", "implement", "own_modules", "plugin"]

C = TypeVar("C", bound=type)

HOOKS: dict[str, str] = {
    role: next(name for name, member in vars(spec).items() if callable(member) and hasattr(member, f"{PROJECT}_spec"))
    for role, spec in ROLES.items()
}
"""Role to the name of its one hook."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def plugin(name: str, revision: int = 1) -> Callable[[C], C]:
    """Makes a class a plugin called `name`; its role is told by the hook that it implements.

    The class becomes a frozen dataclass whose fields are the plugin's options. A new `revision` says that
    the same options now give other results: stages made under the old one are redone.
    """

    def decorate(cls: C) -> C:
        made: C = dataclass(frozen=True, kw_only=True)(cls)  # type: ignore[assignment]
        setattr(made, _MARK, (name, revision))
        return made

    return decorate


_MARK = "__ipl_plugin__"
_MISSING = object()


@dataclass(frozen=True)
class Option:
    """One option of a plugin: a typed field, with the string below it as its meaning."""

    name: str
    type: Any
    default: Any
    meaning: str

    @property
    def required(self) -> bool:
        """Whether a plan must give it."""
        return self.default is _MISSING


@dataclass(frozen=True)
class PluginInfo:
    """What is known of a plugin without running it. `origin` is its module's file."""

    role: str
    name: str
    revision: str
    cls: type
    origin: str

    @property
    def summary(self) -> str:
        """The first line of the class's docstring."""
        return (self.cls.__doc__ or "").strip().split("\n")[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of the role's hook that it names, and so those that its result may depend on."""
        return tuple(inspect.signature(getattr(self.cls, HOOKS[self.role])).parameters)[1:]

    @property
    def how_not_what(self) -> frozenset[str]:
        """Options on which the result does not depend: the class's `HOW_NOT_WHAT`, where it has one."""
        return frozenset(getattr(self.cls, "HOW_NOT_WHAT", ()))

    @property
    def facts(self) -> dict[str, str]:
        """What its class variables `LANGUAGES` and `COST` tell, for those who choose between plugins."""
        found = {"languages": getattr(self.cls, "LANGUAGES", ""), "cost": getattr(self.cls, "COST", "")}
        return {name: text for name, text in found.items() if text}

    @property
    def options(self) -> tuple[Option, ...]:
        """Its options, in order of definition."""
        hints = get_type_hints(self.cls, include_extras=False)
        meanings = _field_docs(self.cls)
        return tuple(
            Option(
                field.name,
                hints[field.name],
                _default(field),
                meanings.get(field.name, ""),
            )
            for field in fields(self.cls)
        )


def _default(field: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    return _MISSING


@cache
def _field_docs(cls: type) -> dict[str, str]:
    """The string literals below a class's fields, its bases' too: `keep: float = 0.6` and `"share kept"`."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            continue
        definition = tree.body[0]
        if not isinstance(definition, ast.ClassDef):
            continue
        for field, doc in zip(definition.body, definition.body[1:], strict=False):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant) and isinstance(doc.value.value, str):
                docs[field.target.id] = " ".join(doc.value.value.split())
    return docs


class Registry:
    """The plugins that can be named: those of installed packages, and those of the given local files."""

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self._infos: dict[tuple[str, str], PluginInfo] = {}
        self.files = tuple(files)
        for entry in sorted(entry_points(group=PROJECT), key=lambda entry: (entry.name, entry.value)):
            self._add_module(_import_entry(entry), None)
        for file in self.files:
            self._add_module(_import_file(file), file)

    def __iter__(self) -> Iterator[PluginInfo]:
        return iter(sorted(self._infos.values(), key=lambda info: (list(ROLES).index(info.role), info.name)))

    def names(self, role: str) -> list[str]:
        """The names of the plugins of a role."""
        return sorted(name for of_role, name in self._infos if of_role == role)

    def get(self, role: str, name: str) -> PluginInfo:
        """The plugin of that role and name; PluginError with the nearest name where there is none."""
        info = self._infos.get((role, name))
        if info is None:
            hint = did_you_mean(name, self.names(role))
            if not hint.startswith("did you mean"):
                hint += "; one of your own is found by its file, named under `plugins:` in a plan or by --plugins"
            raise PluginError(f"no {role} is called {name!r}; {hint}")
        return info

    def _add_module(self, module: ModuleType, file: Path | None) -> None:
        origin = str(file or module.__file__)
        for value in list(vars(module).values()):
            if (
                isinstance(value, type)
                and _MARK in vars(value)
                and f"{value.__module__}.".startswith(f"{module.__name__}.")
            ):
                self._add(value, origin, _hash_of(file) if file else None)

    def _add(self, cls: type, origin: str, file_hash: str | None) -> None:
        name, revision = getattr(cls, _MARK)
        role = _role_of(cls, origin)
        if (role, name) == ("filter", "verdict"):
            raise PluginError(f"{origin}: a filter cannot be called 'verdict': that is what all votes combine to")
        info = PluginInfo(role, name, file_hash or str(revision), cls, origin)
        other = self._infos.get((role, name))
        if other is not None and other.origin != origin:
            raise PluginError(f"two plugins are {role} {name!r}: {other.origin} and {origin}; rename one of them")
        if other is not None:
            raise PluginError(
                f"{origin}: {other.cls.__name__} and {cls.__name__} are both {role} {name!r}; rename one of them"
            )
        self._infos[role, name] = info


@cache
def own_modules() -> tuple[str, ...]:
    """The modules of the plugins that come with ipl."""
    found = entry_points(group=PROJECT)
    own = {entry.module for entry in found if entry.dist is not None and entry.dist.name == PROJECT}
    return tuple(sorted(own))


def _role_of(cls: type, origin: str) -> str:
    where = f"{origin}: {cls.__name__}"
    marked = [name for name, member in vars(cls).items() if callable(member) and hasattr(member, f"{PROJECT}_impl")]
    if not marked:
        raise PluginError(f"{where} has no method marked @ipl.hookimpl; mark one of: {', '.join(HOOKS.values())}")
    roles = {hook: role for role, hook in HOOKS.items()}
    for name in marked:
        if name not in roles:
            raise PluginError(f"{where}.{name} is no hook of any role; {did_you_mean(name, roles)}")
    if len(marked) > 1:
        raise PluginError(f"{where} implements {' and '.join(marked)}; a plugin has one role: split the class")
    role = roles[marked[0]]
    _check_arguments(f"{where}.{marked[0]}", getattr(cls, marked[0]), getattr(ROLES[role], marked[0]))
    return role


def _check_arguments(where: str, method: Callable[..., Any], hook: Callable[..., Any]) -> None:
    """A method may leave out arguments of its hook, not make up others; pluggy never fills one that has a default."""
    known = list(inspect.signature(hook).parameters)[1:]
    for argument in list(inspect.signature(method).parameters.values())[1:]:
        if argument.name not in known:
            hint = did_you_mean(argument.name, known)
            raise PluginError(f"{where} asks for {argument.name!r}, which its hook does not give; {hint}")
        if argument.default is not argument.empty:
            raise PluginError(
                f"{where}: {argument.name!r} has a default and would never be given; take the default out"
            )


def _import_entry(entry: Any) -> ModuleType:
    try:
        module = entry.load()
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"entry point {entry.name!r} of group {PROJECT!r}: importing {entry.value} failed: {error}"
        ) from error
    if not isinstance(module, ModuleType):
        raise PluginError(
            f"entry point {entry.name!r} of group {PROJECT!r}: {entry.value} is no module; name the module itself"
        )
    return module


def _import_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise PluginError(f"{file}: no such plugin file")
    name = f"ipl_local_{_hash_of(file)}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"{file}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a script that ends itself must not end us without a word
        del sys.modules[name]
        raise PluginError(f"{file}: importing it failed: {type(error).__name__}: {error}") from error
    return module


def _hash_of(file: Path) -> str:
    return hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()


def implement(role: str, plugins: Sequence[object]) -> pluggy.HookCaller:
    """Puts plugins behind their role's hook and returns its caller; results come in the order of `plugins`.

    pluggy lets the last of two win in silence and takes a misspelt hook for nothing; both are errors here.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(ROLES[role])
    for each in reversed(plugins):  # pluggy calls the last registered first
        manager.register(each)
    manager.check_pending()
    caller: pluggy.HookCaller = getattr(manager.hook, HOOKS[role])
    if len(caller.get_hookimpls()) != len(plugins):
        raise PluginError(
            f"{role}: {len(plugins)} plugins, {len(caller.get_hookimpls())} implementations of {HOOKS[role]}"
        )
    return caller
