"""Which script a text is in, and how two languages that are displayed at once are told apart by it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["are_bilingual", "by_script", "script_of", "script_of_language"]

BILINGUAL = 0.5
"""From this share of texts with lines in two scripts on, a track shows two languages at once."""
EAST_ASIAN = frozenset({"cjk", "hiragana", "katakana", "hangul"})
"""They are mixed within a language, so they count as one script, `cjk`."""


_WRITTEN_IN = {
    "cjk": "zh zho chi cmn yue wuu nan hak ja jpn ko kor",
    "cyrillic": "ru rus uk ukr be bel bg bul sr srp mk mkd mac kk kaz ky kir mn mon tg tgk tt tat ba bak cv chv",
    "greek": "el ell gre",
    "arabic": "ar ara fa fas per ur urd ps pus ug uig sd snd ckb",
    "hebrew": "he heb yi yid",
    "devanagari": "hi hin mr mar ne nep sa san mai bho",
    "bengali": "bn ben as asm",
    "tamil": "ta tam",
    "telugu": "te tel",
    "kannada": "kn kan",
    "malayalam": "ml mal",
    "gujarati": "gu guj",
    "gurmukhi": "pa pan",
    "sinhala": "si sin",
    "thai": "th tha",
    "lao": "lo lao",
    "khmer": "km khm",
    "myanmar": "my mya bur",
    "georgian": "ka kat geo",
    "armenian": "hy hye arm",
    "ethiopic": "am amh ti tir",
}
"""Languages, by ISO 639, that are not written in Latin letters."""
_SCRIPTS = {language: script for script, languages in _WRITTEN_IN.items() for language in languages.split()}


def script_of_language(language: str) -> str:
    """Returns the script that a language is mostly written in.

    >>> script_of_language("zh-CN"), script_of_language("rus"), script_of_language("mdw")
    ('cjk', 'cyrillic', 'latin')
    """
    return _SCRIPTS.get(re.split(r"[-_]", language.lower())[0], "latin")


def script_of(text: str) -> str:
    """Returns the script that most letters of a text are of, in lower case; empty where it has no letters.

    >>> script_of("Who goes there?"), script_of("谁在那里？OK"), script_of("Кто там"), script_of("10:15")
    ('latin', 'cjk', 'cyrillic', '')
    """
    counts = Counter(_script(letter) for letter in text if letter.isalpha())
    return counts.most_common(1)[0][0] if counts else ""


def by_script(lines: Sequence[str]) -> dict[str, list[str]]:
    """Groups the lines of a text by their script; a line without letters goes with the one before it.

    >>> by_script(["谁在那里？", "Who goes", "there?"])
    {'cjk': ['谁在那里？'], 'latin': ['Who goes', 'there?']}
    """
    groups: dict[str, list[str]] = {}
    before = next(filter(None, map(script_of, lines)), "")
    for line in lines:
        before = script_of(line) or before
        groups.setdefault(before, []).append(line)
    return groups


def are_bilingual(texts: Iterable[Sequence[str]]) -> bool:
    """Whether lines in two scripts are displayed together as a rule, not by the way."""
    counts = [len(by_script(lines)) for lines in texts]
    return sum(count > 1 for count in counts) >= BILINGUAL * max(1, len(counts))


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "unknown").partition(" ")[0].lower()
    return "cjk" if name in EAST_ASIAN else name
