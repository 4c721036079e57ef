"""The run directory: stages that are whole or absent, receipts that prove it, and what happened.

    runs/<name>/  plan.yaml  resolved.yaml  environment.json  events.jsonl  results.json  report.html
      cycle-000/<stage>/...  receipt.json

A stage works in a hidden folder beside its own. The receipt is written there last, then the folder is
renamed; so a folder with a receipt is whole. A stage is redone when its fingerprint differs from its receipt's.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipl.errors import InputError, IplError, PluginCrashed
from ipl.files import read_json, write_json
from ipl.fingerprint import digest
from ipl.lock import holder_of, locked
from ipl.progress import say
from ipl.schemas import SCHEMA_VERSION

__all__ = ["Artifact", "RunDir", "StageStatus"]

Work = Callable[[Path], "dict[str, Any] | None"]
Again = Callable[[dict[str, Any]], "str | None"]

NOT_MADE = "not made yet"
_DIGEST = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Artifact:
    """What a stage made: a folder, its fingerprint, and the small result its receipt holds (None if not yet made)."""

    path: Path
    fingerprint: str
    result: dict[str, Any] | None


@dataclass(frozen=True)
class StageStatus:
    """What `ipl status` says of a stage: `done`, `started`, `failed`, `missing` or `stale`, and why it would run."""

    stage: str
    state: str
    why: str
    seconds: float | None


class RunDir:
    """A run directory. With `dry`, nothing is written and no stage works: `statuses` tells what would run."""

    def __init__(self, path: Path, dry: bool = False) -> None:
        self.path = path
        self.dry = dry
        self.statuses: list[StageStatus] = []
        self.walked: set[str] = set()
        """Names of the stages that this walk has come by; others in the folder are of an older plan."""
        self._makers: dict[str, str] = {}  # fingerprint to the stage that makes it

    def stage(
        self, name: str, parts: dict[str, Any], work: Work, in_place: bool = False, again: Again | None = None
    ) -> Artifact:
        """Runs `work(folder)` unless the stage is whole under the same `parts`, and returns what it made.

        `parts` is all that the result depends on. `work` may find in its folder what it wrote before it was
        cut short under the same parts. With `in_place` it works in the stage's own folder, and keeps itself
        what is still right there. `again` may say why a result, whole as it is, asks for another try.
        """
        self.walked.add(name)
        parts = {"schema": SCHEMA_VERSION, **json.loads(json.dumps(parts, sort_keys=True, default=_jsonable))}
        fingerprint = digest(parts)
        folder = self.path / name
        partial = folder if in_place else folder.with_name(f".{folder.name}.partial")
        if not self.dry and not in_place:
            self._finish_rename(folder, partial, fingerprint)
        receipt = _receipt(folder)
        self._makers[fingerprint] = name
        if receipt and receipt["fingerprint"] == fingerprint:
            why = again(receipt["result"]) if again else None
            if self.dry or not why:
                self.statuses.append(StageStatus(name, "done", why or "", receipt["seconds"]))
                return Artifact(folder, fingerprint, receipt["result"])
        else:
            why = self._why(receipt, parts)
        if self.dry:
            started = _receipt(partial, "started.json")
            if started is not None and started["fingerprint"] == fingerprint:
                failed = started.get("failed")
                state, why = ("failed", failed) if failed else ("started", self._course())
            else:
                state = "stale" if receipt else "missing"
            self.statuses.append(StageStatus(name, state, why, None))
            return Artifact(folder, fingerprint, None)
        return self._work(name, parts, fingerprint, folder, partial, work, why)

    def _why(self, receipt: dict[str, Any] | None, parts: dict[str, Any]) -> str:
        """Says what differs from the receipt: `plugin.options.keep: 0.6 → 0.7`, or which earlier stage does."""
        if receipt is None:
            return NOT_MADE
        before, now = _flat(receipt.get("parts", {})), _flat(parts)
        changes: list[str] = []
        stages: list[str] = []
        for key in sorted(before.keys() | now.keys()):
            old, new = str(before.get(key, "absent")), str(now.get(key, "absent"))
            maker, other = self._makers.get(new), self._makers.get(old)
            if old == new:
                continue
            if maker and other in (maker, None):
                stages.append(maker)
            elif _DIGEST.fullmatch(old) and _DIGEST.fullmatch(new) and not maker:
                changes.append(key)  # two hashes say nothing to anybody
            else:
                changes.append(f"{key}: {other or old} → {maker or new}")
        because = f"because {' and '.join(dict.fromkeys(stages))} changed"
        told = "changed: " + "; ".join(changes)
        return f"{told}; {because}" if changes and stages else because if stages else told

    def _course(self) -> str:
        """What becomes of a stage that has begun: the process that has the run works on it, or the next one will."""
        holder = holder_of(self.path)
        return f"running, by process {holder}" if holder else "cut short; goes on"

    def derived(self, made: Artifact, *more: Any) -> str:
        """A fingerprint of what is in a stage's result, or of the result with something more."""
        fingerprint = digest([made.fingerprint, *more])
        self._makers[fingerprint] = made.path.relative_to(self.path).as_posix()
        return fingerprint

    def _work(
        self, name: str, parts: dict[str, Any], fingerprint: str, folder: Path, partial: Path, work: Work, why: str
    ) -> Artifact:
        started = _receipt(partial, "started.json")
        goes_on = started is not None and started["fingerprint"] == fingerprint
        if partial != folder and not goes_on and partial.exists():
            shutil.rmtree(partial)  # what could not be removed must not be taken for new
        (partial / "receipt.json").unlink(missing_ok=True)
        write_json(partial / "started.json", {"fingerprint": fingerprint})
        begins = "goes on" if goes_on else "starting"
        say(f"{name}: {begins if why == NOT_MADE else why}")
        self.event("stage_started", stage=name, why=why)
        began = time.monotonic()
        try:
            result = work(partial) or {}
        except Exception as error:
            self._failed(name, partial, fingerprint, error)
            if isinstance(error, PluginCrashed):
                raise PluginCrashed(f"{name}: {error}", error.trace) from error.__cause__
            raise
        seconds = round(time.monotonic() - began, 3)
        write_json(
            partial / "receipt.json",
            {"stage": name, "fingerprint": fingerprint, "seconds": seconds, "result": result, "parts": parts},
        )
        if partial != folder:
            self._finish_rename(folder, partial, fingerprint)
        else:
            (folder / "started.json").unlink(missing_ok=True)
        self.event("stage_done", stage=name, seconds=seconds)
        return Artifact(folder, fingerprint, result)

    def _failed(self, name: str, partial: Path, fingerprint: str, error: Exception) -> None:
        """Leaves for `ipl status` why a stage failed."""
        told = str(error) if isinstance(error, IplError) else f"{type(error).__name__}: {error}"
        reason = " ".join(told.split()).removeprefix(f"{name}: ")
        with suppress(OSError):  # on a full disk the error itself matters more
            write_json(partial / "started.json", {"fingerprint": fingerprint, "failed": reason})
            self.event("stage_failed", stage=name, why=reason)

    def _finish_rename(self, folder: Path, partial: Path, fingerprint: str) -> None:
        """Puts a whole stage into its place; also after a kill between its receipt and the rename."""
        receipt = _receipt(partial)
        if receipt is None or receipt["fingerprint"] != fingerprint:
            return
        (partial / "started.json").unlink(missing_ok=True)
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.replace(old)
        partial.replace(folder)
        shutil.rmtree(old, ignore_errors=True)

    def event(self, kind: str, **values: Any) -> None:
        """Appends a line to events.jsonl."""
        self.path.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"time": round(time.time(), 3), "event": kind, **values}, ensure_ascii=False)
        with (self.path / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for this process; InputError where another one has it. The lock dies with its holder."""
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path}: a file; expected a run directory, or a place for a new one")
        with locked(self.path):
            yield


def _receipt(folder: Path, name: str = "receipt.json") -> dict[str, Any] | None:
    path = folder / name
    if not path.is_file():
        return None
    receipt = read_json(path)
    return receipt if isinstance(receipt, dict) else None


def _jsonable(value: Any) -> Any:
    return {"digest": digest(value)}


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {
            key: leaf
            for name, each in value.items()
            for key, leaf in _flat(each, f"{path}.{name}" if path else name).items()
        }
    if isinstance(value, list) and value:
        return {key: leaf for i, each in enumerate(value) for key, leaf in _flat(each, f"{path}[{i}]").items()}
    return {path: value}
