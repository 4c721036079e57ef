"""Output units of a recogniser: the characters of its text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ipl.errors import InputError
from ipl.files import write_text

__all__ = ["BLANK", "Units"]

BLANK = 0
"""The id of CTC's blank, which stands for no unit."""

_BLANK_SYMBOL = "<blank>"
_SPACE_SYMBOL = "<space>"


@dataclass(frozen=True)
class Units:
    """The characters that a recogniser writes; a character's id is its place in `symbols`, blank's is 0.

    >>> units = Units.collect(["abba", "a b"])
    >>> units.symbols
    ('<blank>', ' ', 'a', 'b')
    >>> units.encode("ab a")
    [2, 3, 1, 2]
    >>> units.decode([2, 3, 1, 2])
    'ab a'
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.symbols or self.symbols[BLANK] != _BLANK_SYMBOL:
            raise InputError(f"units: the first is {self.symbols[:1]}, expected {_BLANK_SYMBOL!r}")
        for symbol in self.symbols[1:]:
            if len(symbol) != 1:
                raise InputError(f"units: {symbol!r} is not one character")
        if len(set(self.symbols)) != len(self.symbols):
            raise InputError("units: a character is there twice")

    @classmethod
    def collect(cls, texts: Iterable[str]) -> Units:
        """The units of all characters of normalised texts (`ipl.asr.text.normalise`), in code-point order."""
        characters = {character for text in texts for character in unicodedata.normalize("NFC", text)}
        return cls((_BLANK_SYMBOL, *sorted(characters)))

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: unit for unit, symbol in enumerate(self.symbols) if unit != BLANK}

    def missing(self, text: str) -> list[str]:
        """The characters of `text` that are no units, each as often as it occurs."""
        return [character for character in unicodedata.normalize("NFC", text) if character not in self._ids]

    def encode(self, text: str, drop_unknown: bool = False) -> list[int]:
        """Turns normalised text into ids; InputError names the characters that are no units.

        With `drop_unknown` they are left out instead; `missing` counts them.
        """
        if not drop_unknown and (lacking := self.missing(text)):
            named = ", ".join(f"{each!r} (U+{ord(each):04X})" for each in sorted(set(lacking)))
            raise InputError(
                f"text {text!r}: the model has no unit for {named}; "
                "clean the text, or train a model whose labelled text has them"
            )
        return [self._ids[each] for each in unicodedata.normalize("NFC", text) if each in self._ids]

    def decode(self, ids: Sequence[int]) -> str:
        """Turns ids into text; blanks are left out."""
        return "".join(self.symbols[unit] for unit in ids if unit != BLANK)

    def tidy(self, ids: Sequence[int]) -> list[int]:
        """Leaves out spaces at either end, and all but one between words.

        >>> Units.collect(["a b"]).tidy([1, 2, 1, 1, 3])
        [2, 1, 3]
        """
        return self.encode(" ".join(self.decode(ids).split()))

    def save(self, path: Path) -> None:
        """Writes one unit a line; the space is written `<space>`."""
        write_text(path, "".join(f"{_SPACE_SYMBOL if each == ' ' else each}\n" for each in self.symbols))

    @classmethod
    def load(cls, path: Path) -> Units:
        """Reads what `save` wrote; InputError where it is no list of units."""
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: no list of units can be read from it: {error}") from error
        return cls(tuple(" " if line == _SPACE_SYMBOL else line for line in lines if line))
