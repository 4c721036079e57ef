"""Output units of a recogniser: characters, and what all kinds of units have in common.

The other kinds are in `ipl.asr.bigrams` and `ipl.asr.pieces`; `ipl.asr.unit_kinds` chooses between them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from ipl.errors import InputError

__all__ = ["BLANK", "BLANK_SYMBOL", "Units", "all_characters"]

BLANK = 0
"""The id of CTC's blank, which stands for no unit."""
BLANK_SYMBOL = "<blank>"


def all_characters(texts: Iterable[str]) -> list[str]:
    """The different characters of texts in Unicode NFC, in code-point order."""
    return sorted({character for text in texts for character in unicodedata.normalize("NFC", text)})


@dataclass(frozen=True)
class Units:
    """The characters that a recogniser writes; a character's id is its place in `symbols`, blank's is 0.

    Other kinds of units are subclasses. Each has all single characters of its texts among its symbols and cuts
    texts into symbols in a way of its own, so that what is encoded decodes to the same text.

    >>> units = Units.collect(["abba", "a b"])
    >>> units.symbols
    ('<blank>', ' ', 'a', 'b')
    >>> units.encode("ab a")
    [2, 3, 1, 2]
    >>> units.decode([2, 3, 1, 2])
    'ab a'
    """

    LONGEST: ClassVar[int] = 1
    """Characters of the longest symbol that there may be."""

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.symbols or self.symbols[BLANK] != BLANK_SYMBOL:
            raise InputError(f"units: the first is {self.symbols[:1]}, expected {BLANK_SYMBOL!r}")
        for symbol in self.symbols[1:]:
            if not 1 <= len(symbol) <= self.LONGEST:
                raise InputError(f"units: {symbol!r} has {len(symbol)} characters, expected 1 to {self.LONGEST}")
        if len(set(self.symbols)) != len(self.symbols):
            raise InputError("units: one is there twice")

    @classmethod
    def collect(cls, texts: Iterable[str]) -> Units:
        """The units of all characters of normalised texts (`ipl.asr.text.normalise`), in code-point order."""
        return Units((BLANK_SYMBOL, *all_characters(texts)))

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each symbol but blank's."""
        return {symbol: unit for unit, symbol in enumerate(self.symbols) if unit != BLANK}

    def cut(self, text: str) -> list[str]:
        """Cuts a text without missing characters into symbols."""
        return list(text)

    def missing(self, text: str) -> list[str]:
        """The characters of `text` that no unit writes, each as often as it occurs."""
        return [character for character in unicodedata.normalize("NFC", text) if character not in self.ids]

    def encode(self, text: str, drop_unknown: bool = False) -> list[int]:
        """Turns normalised text into ids; InputError names the characters that no unit writes.

        With `drop_unknown` they are left out instead; `missing` counts them.
        """
        if not drop_unknown and (lacking := self.missing(text)):
            named = ", ".join(f"{each!r} (U+{ord(each):04X})" for each in sorted(set(lacking)))
            raise InputError(
                f"text {text!r}: the model has no unit for {named}; "
                "clean the text, or train a model whose labelled text has them"
            )
        known = "".join(each for each in unicodedata.normalize("NFC", text) if each in self.ids)
        return [self.ids[symbol] for symbol in self.cut(known)]

    def decode(self, ids: Sequence[int]) -> str:
        """Turns ids into text; blanks are left out."""
        return "".join(self.symbols[unit] for unit in ids if unit != BLANK)

    def tidy(self, ids: Sequence[int]) -> list[int]:
        """Leaves out blanks, spaces at either end, and all but one between words; other units stay as they are.

        >>> Units.collect(["a b"]).tidy([1, 2, 1, 1, 3])
        [2, 1, 3]
        """
        kept: list[int] = []
        for unit in ids:
            if unit == BLANK or (not kept and self.symbols[unit] == " "):
                continue
            if self.symbols[unit].startswith(" ") and kept and self.symbols[kept[-1]] == " ":
                kept.pop()
            kept.append(unit)
        return kept[:-1] if kept and self.symbols[kept[-1]] == " " else kept
