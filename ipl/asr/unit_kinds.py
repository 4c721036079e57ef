"""Which units a recogniser has: learned from text by their kind's name, and kept in its `config.json`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any, Literal

from ipl.asr.bigrams import Bigrams
from ipl.asr.pieces import Pieces, is_han
from ipl.asr.units import Units, all_characters
from ipl.errors import InputError

__all__ = ["UnitKind", "from_json", "learn", "to_json"]

UnitKind = Literal["characters", "bigrams", "sentencepiece", "mixed"]


def learn(kind: UnitKind, texts: Iterable[str], num_units: int) -> Units:
    """Learns units from normalised texts; `num_units` is not for characters, and for `mixed` counts no Chinese ones.

    `mixed` has each Chinese character as a unit, and pieces of SentencePiece for all other writing.

    >>> units = learn("mixed", ["今天 play 音乐", "play it", "play on"], 20)
    >>> units.decode(units.encode("天 play 音乐"))
    '天 play 音乐'
    """
    if kind == "characters":
        return Units.collect(texts)
    if kind == "bigrams":
        return Bigrams.learn(texts, num_units)
    lines = list(texts)
    return Pieces.learn(lines, num_units, filter(is_han, all_characters(lines)) if kind == "mixed" else ())


def to_json(units: Units) -> Any:
    """What `config.json` says of units: a list of characters, or a mapping of `bigrams` or `sentencepiece`."""
    if isinstance(units, Pieces):
        return {"sentencepiece": base64.b64encode(units.model).decode("ascii")}
    return {"bigrams": list(units.symbols)} if isinstance(units, Bigrams) else list(units.symbols)


def from_json(value: Any) -> Units:
    """Reads what `to_json` made; InputError where it is something else."""
    if isinstance(value, list):
        return Units(tuple(value))
    match value:
        case {"bigrams": list(symbols)}:
            return Bigrams(tuple(symbols))
        case {"sentencepiece": str(model)}:
            try:
                return Pieces.of_model(base64.b64decode(model, validate=True))
            except binascii.Error as error:
                raise InputError(f"units: the SentencePiece model is damaged: {error}") from error
    raise InputError("units: expected a list of characters, or a mapping of bigrams or sentencepiece")
