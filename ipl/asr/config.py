"""What describes a model beside its weights: features, text, architecture. Kept in its folder's `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar

from ipl.asr import unit_kinds
from ipl.asr.text import TextConfig
from ipl.asr.units import Units
from ipl.errors import InputError, did_you_mean

__all__ = ["FeatureConfig", "ModelConfig", "from_json", "to_json", "typed"]

FORMAT = 1
T = TypeVar("T")


@dataclass(frozen=True)
class FeatureConfig:
    """Which features a model hears. Audio of another sample rate is resampled to `sample_rate_hz`.

    A model that hears `samples` gets each frame's samples as they are, `num_mels` of them, a hundredth of the rate;
    they are normalised over the whole utterance, filterbanks in each band. `fixed` takes the same from every frame, the
    mean and deviation of speech at large, so it can be done while audio comes in.
    """

    sample_rate_hz: int = 16_000
    num_mels: int = 80
    normalise: Literal["none", "fixed", "mean", "mean-variance"] = "mean-variance"
    kind: Literal["filterbanks", "samples"] = "filterbanks"


@dataclass(frozen=True)
class ModelConfig:
    """All of a model but its units and its weights.

    `architecture` names one of `ipl.asr.models.sizes.SIZES`; `sizes` changes some of its sizes. Where
    `pretrained` holds the config.json of a network of Hugging Face's, that one is the encoder, and these are its names.
    """

    architecture: str = "conv"
    sizes: Mapping[str, float] = field(default_factory=dict)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    text: TextConfig = field(default_factory=TextConfig)
    pretrained: Mapping[str, Any] | None = None


def typed(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Makes the dataclass `cls` from `values`; InputError names a key it lacks, with the nearest it has."""
    known = [each.name for each in fields(cls)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise InputError(f"{where}: unknown key {name!r}; {did_you_mean(name, known)}")
    return cls(**values)


def to_json(config: ModelConfig, units: Units) -> dict[str, Any]:
    """The contents of `config.json`."""
    return {"format": FORMAT} | asdict(config) | {"units": unit_kinds.to_json(units)}


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
            pretrained=values.get("pretrained"),
        )
        return config, unit_kinds.from_json(values["units"])
    except KeyError as error:
        raise InputError(f"{where}: the key {error} is missing") from error
