"""The architectures that can be named and their sizes; known without torch, so that a plan can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ipl.errors import InputError, did_you_mean

__all__ = ["SIZES", "ConvSizes", "GruSizes", "read_sizes"]


@dataclass(frozen=True)
class ConvSizes:
    """Sizes of the convolutional encoder (`ipl.asr.models.conv`)."""

    width: int = 160
    layers: int = 6
    kernel: int = 15
    subsampling: int = 3
    dropout: float = 0.2


@dataclass(frozen=True)
class GruSizes:
    """Sizes of the recurrent encoder (`ipl.asr.models.gru`); `width` is that of both directions together."""

    width: int = 256
    layers: int = 3
    subsampling: int = 3
    dropout: float = 0.1


SIZES: dict[str, type[Any]] = {"conv": ConvSizes, "gru": GruSizes}
"""The name of an architecture to the class of its sizes."""


def read_sizes(architecture: str, changed: Mapping[str, float]) -> Any:
    """The sizes of an architecture with some of them changed; InputError where a name or a value is wrong.

    >>> read_sizes("gru", {"layers": 2})
    GruSizes(width=256, layers=2, subsampling=3, dropout=0.1)
    """
    if architecture not in SIZES:
        raise InputError(f"no architecture is called {architecture!r}; {did_you_mean(architecture, SIZES)}")
    types = {each.name: each.type for each in fields(SIZES[architecture])}
    for name, value in changed.items():
        if name not in types:
            raise InputError(f"sizes of {architecture}: unknown size {name!r}; {did_you_mean(name, types)}")
        if types[name] == "int" and (value != int(value) or value < 1):
            raise InputError(f"sizes of {architecture}: {name}: found {value}, expected a whole number from 1")
        if types[name] == "float" and not 0 <= value < 1:
            raise InputError(f"sizes of {architecture}: {name}: found {value}, expected 0 or more and less than 1")
    return SIZES[architecture](**{name: int(v) if types[name] == "int" else float(v) for name, v in changed.items()})
