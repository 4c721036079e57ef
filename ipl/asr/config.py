"""What describes a model beside its weights: features, text, architecture. Kept in its folder's `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar

from ipl.asr.text import TextConfig
from ipl.asr.units import Units
from ipl.errors import InputError, did_you_mean

__all__ = ["FeatureConfig", "ModelConfig", "from_json", "to_json", "typed"]

FORMAT = 1
T = TypeVar("T")


@dataclass(frozen=True)
class FeatureConfig:
    """Which features a model hears. Audio of another sample rate is resampled to `sample_rate_hz`."""

    sample_rate_hz: int = 16_000
    num_mels: int = 80
    normalise: Literal["none", "mean", "mean-variance"] = "mean-variance"


@dataclass(frozen=True)
class ModelConfig:
    """All of a model but its units and its weights.

    `architecture` names one of `ipl.asr.models.sizes.SIZES`; `sizes` changes some of its sizes.
    """

    architecture: str = "conv"
    sizes: Mapping[str, float] = field(default_factory=dict)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    text: TextConfig = field(default_factory=TextConfig)


def typed(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Makes the dataclass `cls` from `values`; InputError names a key it lacks, with the nearest it has."""
    known = [each.name for each in fields(cls)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise InputError(f"{where}: unknown key {name!r}; {did_you_mean(name, known)}")
    return cls(**values)


def to_json(config: ModelConfig, units: Units) -> dict[str, Any]:
    """The contents of `config.json`."""
    return {"format": FORMAT} | asdict(config) | {"units": list(units.symbols)}


def from_json(values: Mapping[str, Any], where: str) -> tuple[ModelConfig, Units]:
    """Reads what `to_json` made; InputError where it is something else."""
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{where}: not the config.json of an ipl model of format {FORMAT}")
    try:
        config = ModelConfig(
            architecture=values["architecture"],
            sizes=values["sizes"],
            features=typed(FeatureConfig, values["features"], f"{where}: features"),
            text=typed(TextConfig, values["text"], f"{where}: text"),
        )
        return config, Units(tuple(values["units"]))
    except KeyError as error:
        raise InputError(f"{where}: the key {error} is missing") from error
