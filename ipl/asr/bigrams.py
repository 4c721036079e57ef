"""Output units of two letters (Deep Speech 2, arXiv 1512.02595, section on striding).

Half as many units a second let a model take half as many steps: it can subsample more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from ipl.asr.units import BLANK_SYMBOL, Units, all_characters

__all__ = ["Bigrams"]


@dataclass(frozen=True)
class Bigrams(Units):
    """Pairs of letters that do not overlap and do not cross words; an odd last letter and the space stand alone.

    A pair that is no unit is written as its two letters, so that every text of known letters has units.

    >>> units = Bigrams.learn(["the cat sat"])
    >>> units.cut("the cat sat")
    ['th', 'e', ' ', 'ca', 't', ' ', 'sa', 't']
    >>> units.cut("hat")
    ['h', 'a', 't']
    """

    LONGEST: ClassVar[int] = 2

    @classmethod
    def learn(cls, texts: Iterable[str], num_units: int | None = None) -> Bigrams:
        """All characters of normalised texts and their most frequent pairs: at most `num_units` where there is room.

        The characters are units in any case, even where they alone are more.
        """
        lines = list(texts)
        characters = all_characters(lines)
        counts = Counter(chain.from_iterable(map(_pairs, lines)))
        frequent = sorted(counts, key=lambda pair: (-counts[pair], pair))
        room = len(frequent) if num_units is None else max(0, num_units - len(characters))
        return cls((BLANK_SYMBOL, *characters, *frequent[:room]))

    def cut(self, text: str) -> list[str]:
        """Cuts a text without missing characters into pairs and single letters."""
        return list(chain.from_iterable([each] if each in self.ids else list(each) for each in _split(text)))


def _split(text: str) -> list[str]:
    return re.findall(r" |[^ ]{1,2}", text)


def _pairs(text: str) -> Iterator[str]:
    return (each for each in _split(text) if len(each) == 2)
