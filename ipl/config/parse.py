"""`cycles.yaml` to a Plan, with every problem reported together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

from ipl.config.options import read_choice
from ipl.config.plan import Choice, CyclePlan, DataPlan, DataSource, FilterRule, MinePlan, Plan
from ipl.config.yaml_tree import KeyPath, YamlTree, parse_scalar, read_yaml
from ipl.errors import ConfigError, InputError, did_you_mean
from ipl.hookspecs import CYCLE_ROLES
from ipl.mining.sources import find_sources
from ipl.registry import Registry
from ipl.tables import Dataset

__all__ = ["DEFAULT_PLUGINS", "read_mine_plan", "read_plan"]

DEFAULT_PLUGINS = {
    "selector": "all",
    "builder": "best",
    "recognizer": "ctc",
    "batcher": "dynamic",
    "initializer": "scratch",
    "trainer": "ddp",
}
"""What a cycle uses for a role that neither it nor `defaults` names."""

MINE_ROLES = {"text_reader": "rapidocr", "voice_detector": "webrtcvad", "aligner": "voice"}
CUE_EXTRACTORS = ("subtitle_file", "subtitle_stream", "burned_in")
TRAIN_ON = ("labelled", "mined", "pseudo")
_TOP = ("name", "seed", "plugins", "data", "models", "mine", "defaults", "cycles")
_CYCLE = ("name", "repeat", "oracle", "train_on", "filter_rule", *CYCLE_ROLES)
_SETS = ("labelled", "pool", "dev", "test")
LONGEST_NAME = 200
"""Bytes of UTF-8; file systems allow 255."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")


def read_plan(file: Path, overrides: Sequence[str] = ()) -> Plan:
    """Reads a plan; `overrides` are `key=value` as `--set` takes them. Raises ConfigError with all problems."""
    tree = _read(file, overrides)
    top = _Reader.at(tree, file, _TOP)
    seed, data = top.seed(), top.data()
    mine = top.mine(("mine",), tree.value.get("mine")) if "mine" in tree.value else None
    models = tuple(top.existing(("models", i), each) for i, each in enumerate(top.list_of(("models",), str)))
    cycles, name = top.cycles(), top.name()
    _check_sense(tree, data, cycles)
    tree.raise_problems()
    plans = tuple(cycle for _, cycle in cycles)
    return Plan(file.resolve(), name, seed, top.files, data, mine, plans, models)


def read_mine_plan(
    file: Path | None, language: str | None, overrides: Sequence[str] = ()
) -> tuple[MinePlan, tuple[Path, ...]]:
    """Reads the `--config` of `ipl mine`, the keys under `mine:` in a plan and `plugins`; also gives plugin files."""
    tree = _read(file, overrides) if file else _overridden(YamlTree("--set", {}), overrides)
    if language is not None:
        tree.override(("language",), language, f"--language {language}")
    reader = _Reader.at(tree, file or Path("mine.yaml"), ("plugins", *_MINE_KEYS))
    body = {key: value for key, value in tree.value.items() if key != "plugins"}
    mine = reader.mine((), body, sources_needed=False)
    tree.raise_problems()
    assert mine is not None
    return mine, reader.files


_MINE_KEYS = ("sources", "language", "cue_extractors", *MINE_ROLES)


def _read(file: Path, overrides: Sequence[str]) -> YamlTree:
    tree = read_yaml(file)
    if not isinstance(tree.value, dict):
        tree.raise_problems()
        raise ConfigError([f"{file}:1: (top level): expected a mapping with the keys {', '.join(_TOP)}"])
    return _overridden(tree, overrides)


def _overridden(tree: YamlTree, overrides: Sequence[str]) -> YamlTree:
    for override in overrides:
        key, _, value = override.partition("=")
        steps = key.replace("[", ".").replace("]", "").split(".")
        if "=" not in override or not all(steps):
            raise InputError(f"--set {override}: expected key=value, for example --set defaults.trainer.epochs=5")
        path = tuple(int(step) if step.isdigit() else step for step in steps)
        tree.override(path, parse_scalar(value, f"--set {override}"), f"--set {override}")
    return tree


class _Reader:
    """Reads the parts of one file; every method notes its problems in the tree and goes on."""

    def __init__(self, tree: YamlTree, base: Path, files: tuple[Path, ...], registry: Registry) -> None:
        self.tree = tree
        self.base = base
        self.files = files
        self.registry = registry

    @classmethod
    def at(cls, tree: YamlTree, file: Path, keys: Sequence[str]) -> _Reader:
        base = file.resolve().parent
        reader = cls(tree, base, (), Registry())
        reader.known_keys((), tree.value, keys)
        files = tuple(base / each for each in reader.list_of(("plugins",), str))
        for index, each in enumerate(files):
            if not each.is_file():
                tree.problem(("plugins", index), f"{each}: no such file")
        reader.files = tuple(each for each in files if each.is_file())
        if reader.files:
            reader.registry = Registry(reader.files)
        return reader

    def known_keys(self, path: KeyPath, value: dict[str, Any], keys: Sequence[str]) -> None:
        for key in value:
            if key not in keys:
                self.tree.problem((*path, key), f"no such key; {did_you_mean(str(key), keys)}")

    def seed(self) -> int:
        seed = self.tree.value.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            self.tree.problem(("seed",), f"found {seed!r}, expected a whole number, 0 or more")
            return 0
        return seed

    def name(self) -> str:
        name = self.tree.value.get("name", self.base.name)
        text = str(name)
        is_folder_name = text.isprintable() and text.strip() == text and "/" not in text and text not in ("", ".", "..")
        if not isinstance(name, str | int | float) or not is_folder_name or len(text.encode()) > LONGEST_NAME:
            self.tree.problem(
                ("name",), f"found {name!r}, expected what a folder can be called: the run's is runs/<name>"
            )
        return text

    def list_of(self, path: KeyPath, type_: type) -> list[Any]:
        value: Any = self.tree.value
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, type_) for each in value):
            self.tree.problem(path, f"found {value!r}, expected a list of {type_.__name__}")
            return []
        return value

    def existing(self, path: KeyPath, value: str) -> Path:
        place = self.base / Path(value).expanduser()
        if not place.exists():
            self.tree.problem(path, f"{place}: no such file or folder")
        return place

    def told(self, path: KeyPath, look: Callable[[], object]) -> None:
        """Notes as a problem what `look` finds wrong with what lies on disk."""
        try:
            look()
        except InputError as error:
            self.tree.problem(path, str(error))

    def choice(self, path: KeyPath, role: str, value: Any, extra: frozenset[str] = frozenset()) -> Choice | None:
        return read_choice(self.tree, path, role, value, self.registry, self.base, extra)

    def data(self) -> DataPlan:
        value = self.tree.value.get("data")
        if not isinstance(value, dict):
            self.tree.problem(
                ("data",), "is missing; expected a mapping with labelled, dev, and where there are pool and test"
            )
            return DataPlan()
        self.known_keys(("data",), value, _SETS)
        sets: dict[str, tuple[DataSource, ...]] = {}
        mined = []
        for name in _SETS:
            raw = value.get(name, [])
            parts = raw if isinstance(raw, list) else [raw]
            paths: list[KeyPath] = [
                ("data", name, i) if isinstance(raw, list) else ("data", name) for i in range(len(parts))
            ]
            if "mined" in parts:
                mined.append(name)
            sources = [self._source(path, part) for path, part in zip(paths, parts, strict=True) if part != "mined"]
            sets[name] = tuple(source for source in sources if source is not None)
        return DataPlan(**sets, mined=tuple(mined))

    def _source(self, path: KeyPath, value: Any) -> DataSource | None:
        if isinstance(value, str):
            folder = self.existing(path, value)
            if folder.exists():
                self.told(path, partial(Dataset.at, folder))
            return DataSource(folder)
        if isinstance(value, dict):
            choice = self.choice(path, "corpus", value, frozenset({"path"}))
            if choice and "path" in choice.info.arguments and "path" not in value:
                self.tree.problem(path, f"corpus {choice.name!r} needs `path`: where its data set lies")
            place = self.existing((*path, "path"), str(value["path"])) if "path" in value else None
            return DataSource(place, choice) if choice else None
        self.tree.problem(
            path, f"found {value!r}, expected a folder of utterances, `mined`, or {{use: <corpus>, path: ...}}"
        )
        return None

    def mine(self, path: KeyPath, value: Any, sources_needed: bool = True) -> MinePlan | None:
        if not isinstance(value, dict):
            self.tree.problem(path, f"found {value!r}, expected a mapping with the keys {', '.join(_MINE_KEYS)}")
            return None
        self.known_keys(path, value, _MINE_KEYS if path else ("plugins", *_MINE_KEYS))
        sources, suppliers = self._sources((*path, "sources"), value.get("sources", []), sources_needed)
        language = value.get("language")
        if language is not None and not (isinstance(language, str) and _LANGUAGE.fullmatch(language)):
            self.tree.problem((*path, "language"), f"found {language!r}, expected a language tag such as en or zh-TW")
            language = None
        choices: dict[str, tuple[Choice, ...]] = {}
        for role, default in MINE_ROLES.items():
            choice = self.choice((*path, role), role, value.get(role, default))
            choices[role] = (choice,) if choice else ()
        extractors = value.get("cue_extractors", list(CUE_EXTRACTORS))
        if not isinstance(extractors, list) or not extractors:
            self.tree.problem((*path, "cue_extractors"), f"found {extractors!r}, expected a list of cue extractors")
            extractors = []
        found = [self.choice((*path, "cue_extractors", i), "cue_extractor", each) for i, each in enumerate(extractors)]
        choices["cue_extractor"] = tuple(choice for choice in found if choice)
        return MinePlan(sources, suppliers, language, choices)

    def _sources(self, path: KeyPath, value: Any, needed: bool) -> tuple[tuple[str, ...], tuple[Choice, ...]]:
        value = [value] if isinstance(value, str | dict) else value
        if not isinstance(value, list) or (needed and not value):
            self.tree.problem(path, f"found {value!r}, expected a list of files, folders, globs or {{use: <supplier>}}")
            return (), ()
        names = []
        suppliers = []
        for index, each in enumerate(value):
            if isinstance(each, str):
                place = str(self.base / Path(each).expanduser())
                self.told((*path, index), partial(find_sources, [place]))
                names.append(place)
            elif choice := self.choice((*path, index), "supplier", each):
                suppliers.append(choice)
        return tuple(names), tuple(suppliers)

    def cycles(self) -> list[tuple[int, CyclePlan]]:
        """Each cycle with the number of its item in the file, of which one with `repeat` makes several."""
        value = self.tree.value.get("cycles")
        if not isinstance(value, list) or not value:
            self.tree.problem(
                ("cycles",), "is missing or empty; expected a list of cycles, `- {}` for one with defaults"
            )
            return []
        defaults = self.tree.value.get("defaults") or {}
        if not isinstance(defaults, dict):
            self.tree.problem(("defaults",), f"found {defaults!r}, expected a mapping of roles")
            defaults = {}
        self.known_keys(("defaults",), defaults, ("train_on", "filter_rule", *CYCLE_ROLES))
        cycles: list[tuple[int, CyclePlan]] = []
        for index, each in enumerate(value):
            if each is not None and not isinstance(each, dict):
                self.tree.problem(("cycles", index), f"found {each!r}, expected a mapping")
                continue
            made = self._cycle(("cycles", index), each or {}, defaults, len(cycles))
            cycles += [(index, cycle) for cycle in made]
        return cycles

    def _cycle(self, path: KeyPath, value: dict[str, Any], defaults: dict[str, Any], first: int) -> list[CyclePlan]:
        self.known_keys(path, value, _CYCLE)
        roles = {}
        recognizes = True
        for role, default in DEFAULT_PLUGINS.items():
            where, merged = self._merged(path, role, value, defaults, default)
            if role == "selector" and isinstance(merged, dict) and merged.get("use") in ("none", None):
                recognizes = False
                continue
            choice = self.choice(where, role, merged)
            if choice:
                roles[role] = choice
        filters_at = path if "filter" in value else ("defaults",)
        raw = value.get("filter", defaults.get("filter", [])) or []
        raw = raw if isinstance(raw, list) else [raw]
        found = [self.choice((*filters_at, "filter", i), "filter", each) for i, each in enumerate(raw)]
        filters = tuple(choice for choice in found if choice)
        if any(filters.count(choice) > 1 for choice in filters):
            self.tree.problem(
                (*filters_at, "filter"), "the same filter with the same options is given twice; remove one"
            )
        oracle = value.get("oracle", False)
        if not isinstance(oracle, bool):
            self.tree.problem((*path, "oracle"), f"found {oracle!r}, expected true or false")
        where, rule = self._either(path, "filter_rule", value, defaults, "all")
        if rule not in get_args(FilterRule):
            self.tree.problem(where, f"found {rule!r}, expected one of {', '.join(get_args(FilterRule))}")
        where, train_on = self._either(path, "train_on", value, defaults, None)
        if train_on is None:
            train_on = list(TRAIN_ON)
        elif not isinstance(train_on, list) or not train_on or not all(each in TRAIN_ON for each in train_on):
            self.tree.problem(where, f"found {train_on!r}, expected a list of {', '.join(TRAIN_ON)}")
            train_on = list(TRAIN_ON)
        elif "mined" in train_on and "mine" not in self.tree.value:
            self.tree.problem(where, "names `mined`, but the plan has no `mine`")
        repeat = value.get("repeat", 1)
        if isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:
            self.tree.problem((*path, "repeat"), f"found {repeat!r}, expected a whole number from 1")
            repeat = 1
        plans = []
        for turn in range(first, first + repeat):
            name = str(value.get("name", "oracle" if oracle else f"cycle {turn}"))
            name = f"{name} {turn - first + 1}" if repeat > 1 and ("name" in value or oracle) else name
            plans.append(CyclePlan(name, roles, filters, rule, tuple(train_on), recognizes, bool(oracle)))
        return plans

    def _either(
        self, path: KeyPath, key: str, value: dict[str, Any], defaults: dict[str, Any], default: Any
    ) -> tuple[KeyPath, Any]:
        """A cycle's own value or that of `defaults`, and where it stands."""
        return ((*path, key), value[key]) if key in value else (("defaults", key), defaults.get(key, default))

    def _merged(
        self, path: KeyPath, role: str, value: dict[str, Any], defaults: dict[str, Any], default: str
    ) -> tuple[KeyPath, Any]:
        """A cycle's options lie over those of `defaults` where both mean the same plugin."""
        base = defaults.get(role, {"use": default})
        base = {"use": base} if isinstance(base, str) else base
        base = {"use": default} | base if isinstance(base, dict) else base
        if role not in value:
            return ("defaults", role), base
        own = value[role]
        own = {"use": own} if isinstance(own, str) or own is None else own
        if isinstance(base, dict) and isinstance(own, dict) and own.get("use", base.get("use")) == base.get("use"):
            if role in defaults:
                self.tree.inherited |= {(*path, role, key): ("defaults", role, key) for key in base if key not in own}
            return (*path, role), base | own
        return (*path, role), own


def _check_sense(tree: YamlTree, data: DataPlan, cycles: Sequence[tuple[int, CyclePlan]]) -> None:
    """Finds what each part allows and the whole does not; what is there but faulty counts as there."""
    sets, models = tree.value.get("data"), bool(tree.value.get("models"))
    have = {name for name in _SETS if not isinstance(sets, dict) or sets.get(name, []) != []}
    if data.mined and "mine" not in tree.value:
        tree.problem(("data", data.mined[0]), "names `mined`, but the plan has no `mine`")
    if "labelled" not in have and not models:
        tree.problem(("data", "labelled"), "is missing; a first model needs labelled data (or give `models`)")
    if "dev" not in have:
        tree.problem(("data", "dev"), "is missing; the best checkpoint of a training is told by it")
    names: dict[str, int] = {}
    for index, cycle in cycles:
        if cycle.name in names:
            what = f"{cycle.name!r} is the name of cycles[{names[cycle.name]}] already; give each a name of its own"
            tree.problem(("cycles", index, "name"), what)
        names.setdefault(cycle.name, index)
        recognizes = cycle.recognizes and "selector" in cycle.roles
        if recognizes and "pool" not in have:
            tree.problem(("data", "pool"), f"is missing, but {cycle.name!r} recognises data; use selector: none there")
        builder = cycle.roles.get("builder")
        needs = builder is not None and "models" in builder.info.arguments
        if recognizes and not cycle.oracle and needs and not models:
            what = f"{cycle.name!r} recognises data before there is a model; give it selector: none, or give `models`"
            tree.problem(("cycles", index), what)
        initializer = cycle.roles.get("initializer")
        asks = initializer.info.arguments if initializer else ()
        if "models" in asks and not models:
            tree.problem(("cycles", index), f"{cycle.name!r} starts from an earlier model before there is one")
        if "teacher" in asks and (not cycle.recognizes or cycle.oracle):
            tree.problem(("cycles", index), f"{cycle.name!r} starts from its teacher, and has none")
        models = models or not cycle.oracle
