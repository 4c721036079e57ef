"""`results.json` of a run as records: read once, so that nothing behind this border asks for keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ipl.errors import InputError
from ipl.files import read_json

__all__ = ["CycleResult", "ErrorRates", "PseudoLabels", "RunResults", "TrainingResult", "read_record"]

R = TypeVar("R")


@dataclass(frozen=True)
class ErrorRates:
    """Word and character error rate on a data set (0 to 1 and beyond), with their intervals."""

    wer: float
    cer: float
    num_words: int
    num_characters: int
    wer_low: float | None
    wer_high: float | None
    cer_low: float | None
    cer_high: float | None


@dataclass(frozen=True)
class PseudoLabels:
    """What became of a cycle's selection. Error rates are None where the pool's text is unknown."""

    num_selected: int
    num_kept: int
    hours_selected: float
    hours_kept: float
    cer: float | None
    wer: float | None
    cer_kept: float | None
    wer_kept: float | None
    lost_hours: Mapping[str, float]


@dataclass(frozen=True)
class TrainingResult:
    """What a cycle's student was trained on, and for how long."""

    hours_labelled: float
    hours_mined: float
    hours_pseudo: float
    epochs: int
    best_epoch: int | None


@dataclass(frozen=True)
class CycleResult:
    """One cycle; `oracle` marks the model trained on the true texts. What is not done yet is None."""

    index: int
    name: str
    oracle: bool
    dev: ErrorRates | None
    test: ErrorRates | None
    pseudo: PseudoLabels | None
    train: TrainingResult | None
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class RunResults:
    """A run's results so far. `wrr` is the WER recovery rate, (seed − semi) / (seed − oracle)."""

    name: str
    metric_note: str
    cycles: tuple[CycleResult, ...]
    wrr: float | None
    mining: Mapping[str, Any] | None

    @classmethod
    def of(cls, value: Mapping[str, Any], where: str = "results.json") -> RunResults:
        """Reads the contents of `results.json`; InputError where a key is missing."""
        return read_record(cls, dict(value) | {"cycles": tuple(_cycle(each, where) for each in value["cycles"])}, where)

    @classmethod
    def at(cls, run_dir: Path) -> RunResults:
        """Reads a run's results; a run that has none yet gives results without cycles."""
        path = run_dir / "results.json"
        if not path.is_file():
            return cls(run_dir.name, "", (), None, None)
        return cls.of(read_json(path), str(path))


_PARTS: dict[str, type[Any]] = {
    "dev": ErrorRates,
    "test": ErrorRates,
    "pseudo": PseudoLabels,
    "train": TrainingResult,
}


def _cycle(value: Mapping[str, Any], where: str) -> CycleResult:
    parts = {
        key: None if value.get(key) is None else read_record(record, value[key], f"{where}: {key}")
        for key, record in _PARTS.items()
    }
    return read_record(CycleResult, dict(value) | parts, where)


def read_record(record: type[R], value: Mapping[str, Any], where: str) -> R:
    """Reads a record of JSON; keys that it does not have are somebody else's. InputError where one is missing."""
    names = [field.name for field in fields(record)]  # type: ignore[arg-type]
    if missing := set(names) - set(value):
        raise InputError(f"{where}: no {', '.join(sorted(missing))} in it; another ipl wrote it; run its command again")
    return record(**{name: value[name] for name in names})
