"""What to mine with: the plugins of a mining plan, and these plugins ready to be called."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipl.errors import PluginError
from ipl.fingerprint import digest
from ipl.hookspecs import ReadText
from ipl.records import Reading
from ipl.registry import HOOKS, Registry, implement
from ipl.schemas import SCHEMA_VERSION

__all__ = ["Cast", "MiningPlan", "PluginChoice", "TextReaderMeter"]

MINING_REVISION = 9
"""Goes up when the same plan gives other tables: sources mined before are mined again."""

ONE_OF = ("voice_detector", "text_reader", "aligner")


@dataclass(frozen=True)
class PluginChoice:
    """A plugin by name, with its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MiningPlan:
    """The plugins of each mining role, cue extractors in the order in which they are asked.

    `plugins` has one voice_detector, one text_reader, one aligner and any number of cue_extractor.
    """

    plugins: Mapping[str, Sequence[PluginChoice]]
    language: str | None = None
    files: Sequence[Path] = ()
    """Local plugin files."""


class Cast:
    """The plugins of a plan, made and put behind their hooks; a process has one and keeps it between sources."""

    def __init__(self, plan: MiningPlan) -> None:
        registry = Registry(plan.files)
        identities: dict[str, list[dict[str, Any]]] = {}
        callers: dict[str, list[Callable[..., Any]]] = {}
        for role in (*ONE_OF, "cue_extractor"):
            choices = plan.plugins.get(role, ())
            if role in ONE_OF and len(choices) != 1:
                raise PluginError(f"mining: found {len(choices)} plugins for {role}, expected one")
            made = [_made(registry, role, choice) for choice in choices]
            callers[role] = [_caller(role, *each) for each in zip(choices, made, strict=True)]
            if role == "text_reader":
                self._reader = made[0]
            identities[role] = [_identity(registry, role, choice) for choice in choices]
        if not callers["cue_extractor"]:
            raise PluginError("mining: found no cue_extractor, expected one or more")
        self.detect_voice, self._read_text, self.align = (callers[role][0] for role in ONE_OF)
        self.cue_extractors = {
            choice.name: caller
            for choice, caller in zip(plan.plugins["cue_extractor"], callers["cue_extractor"], strict=True)
        }
        self.fingerprint = digest(
            {"plugins": identities, "language": plan.language, "schema": SCHEMA_VERSION, "revision": MINING_REVISION}
        )

    def warning(self, language: str) -> str | None:
        """What the text reader says against a language, if it says anything; PluginError where it cannot."""
        ask: Callable[[str], str | None] | None = getattr(self._reader, "cannot_read", None)
        try:
            return ask(language) if ask else None
        except Exception as error:
            raise PluginError(f"text_reader: cannot_read raised {type(error).__name__}: {error}") from error

    def meter(self) -> TextReaderMeter:
        """The text reader, with its work counted from zero."""
        return TextReaderMeter(lambda pictures, lines: self._read_text(pictures=pictures, lines=lines))


class TextReaderMeter:
    """A text reader that counts its calls: pictures in which text was looked for, and lines that were read."""

    def __init__(self, read_text: ReadText) -> None:
        self._read_text = read_text
        self.detector_calls = 0
        self.recognizer_calls = 0
        self.seconds = 0.0

    def __call__(self, pictures: Sequence[Any], lines: bool | None) -> list[list[Reading]]:
        """Reads the pictures."""
        started = time.perf_counter()
        readings = self._read_text(pictures, lines)
        self.seconds += time.perf_counter() - started
        self.detector_calls += 0 if lines else len(pictures)
        read = (bool(each.text) for found in readings for each in found)
        self.recognizer_calls += len(pictures) if lines else sum(read)
        return readings


def _made(registry: Registry, role: str, choice: PluginChoice) -> Any:
    try:
        return registry.get(role, choice.name).cls(**choice.options)
    except TypeError as error:
        raise PluginError(
            f"{role} {choice.name!r}: {error}; `ipl plugins show {choice.name}` tells its options"
        ) from error


def _caller(role: str, choice: PluginChoice, made: Any) -> Callable[..., Any]:
    hook = implement(role, [made])

    def call(**arguments: Any) -> Any:
        result = hook(**arguments)
        if result is None:
            raise PluginError(f"{role} {choice.name!r}: {HOOKS[role]} returned nothing; is a `return` missing?")
        return list(result) if isinstance(result, Iterable) and role == "cue_extractor" else result

    return call


def _identity(registry: Registry, role: str, choice: PluginChoice) -> dict[str, Any]:
    info = registry.get(role, choice.name)
    options = {option.name: option.default for option in info.options} | dict(choice.options)
    return {"use": info.name, "revision": info.revision, "options": options}
