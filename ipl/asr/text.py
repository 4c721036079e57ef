"""Text as a recogniser learns it: one spelling of each character, one space between words."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

__all__ = ["TextConfig", "normalise"]

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u0060\u00b4\uff07", "'"))
_JOINERS = "\u200c\u200d"  # zero-width, but letters of Persian and of Indic scripts depend on them


@dataclass(frozen=True)
class TextConfig:
    """How text is normalised before units are made of it."""

    lower_case: bool = True
    strip_punctuation: bool = True


def normalise(text: str, config: TextConfig = TextConfig()) -> str:
    """Normalises text: Unicode NFC, one space between words, and what `config` says.

    Stripped punctuation and symbols become spaces, but for apostrophes, which are letters of many languages;
    control and format characters go; letters, their accents and digits of every script stay.

    >>> normalise("  It’s  well-known, e\u0301h?")
    "it's well known éh"
    >>> normalise("你好，世界")
    '你好 世界'
    """
    text = unicodedata.normalize("NFC", text).translate(_APOSTROPHES)
    if config.lower_case:
        text = unicodedata.normalize("NFC", text.lower())
    return " ".join("".join(_kept(character, config) for character in text).split())


def _kept(character: str, config: TextConfig) -> str:
    category = unicodedata.category(character)[0]
    if character.isspace() or (config.strip_punctuation and category in "PS" and character != "'"):
        return " "
    return "" if category == "C" and character not in _JOINERS else character
