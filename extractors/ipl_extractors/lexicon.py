"""How likely a text is by its words: those of a language, and those that were surely read in the same video.

The language is told from the words themselves. Frequencies are wordfreq's, of web pages, subtitles and books in some
forty languages; where it has no list, the video's own words are all there is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

import regex

from ipl.mining.scripts import script_of, script_of_language

__all__ = ["Lexicon"]

_JOINED = r"\p{Han}\p{Hiragana}\p{Katakana}ー"  # written without spaces
_LETTERS = rf"[\p{{L}}\p{{M}}--[{_JOINED}]]+"  # vowels of many scripts are marks
_TOKENS = regex.compile(rf"(?V1)[{_JOINED}]+|{_LETTERS}(?:['’]{_LETTERS})*|\p{{Nd}}+")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
UNKNOWN, NAME, UNKNOWN_LETTER = -4.0, -2.0, -1.0
"""log10 of how probable it is that a word is in no list, that it is a name in none (a capital, then small letters), and
of each of its letters then."""
UNKNOWN_SIGN = -8.0
"""The same of a Chinese or Japanese character: rarer than those of the lists."""
NUMBER, DIGIT = -2.0, -1.0
"""The same of a number, and of each of its digits."""
LONGEST = 4
"""Longer words are written without spaces only of shorter ones."""
NUM_COMMON = 5000
"""By so many of its most frequent words a language is known."""
COVERED = 0.5
"""The share of a video's different words that a language must have to be theirs; of a long text about nine tenths."""
PLAIN = 0.75
"""From this share on no other language needs to be asked."""
LETTER, SIGN = -0.7, -2.2
"""log10 of how probable a letter, and a Chinese or Japanese character, is in any text: else shorter texts would win."""
COMMON_LETTER = -2.5
"""log10 of how frequent a letter is that is a word by itself: a and I, y in Spanish."""
OWN_WORDS = 200
"""So many words make those of the video as telling as those of the language."""


class Lexicon:
    """The words of one video."""

    def __init__(self) -> None:
        self._own: Counter[str] = Counter()
        self._num_own = 0
        self._languages: dict[str, str | None] = {}

    def learn(self, texts: Iterable[str]) -> None:
        """Takes texts that were surely read."""
        for text in texts:
            for word in _words(text):
                self._own[word] += 1
                self._num_own += 1
        self._languages.clear()

    def log10_odds(self, text: str) -> float:
        """How much likelier a text's words are, each by itself, than as many letters of any text.

        What is written without spaces counts by its likeliest words.
        """
        total = 0.0
        for written in _TOKENS.findall(text):
            token = _folded(written)
            if token.isdigit():
                total += NUMBER + (DIGIT - LETTER) * len(token)
            elif _script_of(token) == "cjk" and not _is_hangul(token):
                total += self._joined_words(token) - SIGN * len(token)
            else:
                known = self._word(token, _script_of(token))
                if known is None:
                    known = (NAME if _may_be_name(written) else UNKNOWN) + UNKNOWN_LETTER * len(token)
                total += known - LETTER * len(token)
        return total

    def num_unknown(self, text: str) -> int:
        """How many words of a text neither its language nor the video has; none where the language is not known.

        What is written without spaces is not taken apart for that: most of its characters are words.
        """
        return sum(self._is_unknown(word, _script_of(word)) for word in _words(text))

    def _is_unknown(self, word: str, script: str) -> bool:
        language = None if script == "cjk" else self._language(script)
        if language is None:
            return False
        if len(word) == 1:  # lists have all letters as words; few of them are
            return _words_of(language).get(word, -math.inf) < COMMON_LETTER
        return self._word(word, script) is None

    def _joined_words(self, token: str) -> float:
        best = [0.0, *(-math.inf for _ in token)]
        for start in range(len(token)):
            for end in range(start + 1, min(len(token), start + LONGEST) + 1):
                known = self._word(token[start:end], "cjk")
                if known is None and end == start + 1:
                    known = UNKNOWN_SIGN
                if known is not None:
                    best[end] = max(best[end], best[start] + known)
        return best[-1]

    def _word(self, word: str, script: str) -> float | None:
        """log10 of a word's probability, None where neither the language nor the video has it."""
        language = self._language(script)
        listed = _listed(_words_of(language), word) if language else None
        own = self._own[word] - 1  # what was read once cannot bear out itself
        if own <= 0:
            return listed
        share = math.log10(own / (self._num_own + OWN_WORDS))
        return share if listed is None else max(share, listed)

    def _language(self, script: str) -> str | None:
        """The language of the video's words in a script, None where it is not known."""
        if script not in self._languages:
            self._languages[script] = self._told(script)
        return self._languages[script]

    def _told(self, script: str) -> str | None:
        own = {word for word in self._own if len(word) > 1 and _script_of(word) == script}
        if script == "cjk":
            is_korean = any(map(_is_hangul, own))
            return "ko" if is_korean else "ja" if any(map(_KANA.search, self._own)) else "zh"
        best, most = None, COVERED
        for language in _languages_in(script):
            share = len(own & _common_words(language)) / max(1, len(own))
            if share >= PLAIN:
                return language
            if share >= most:
                best, most = language, share
        return best


def _listed(words: Mapping[str, float], word: str) -> float | None:
    """log10 of a word's probability; lists have what an apostrophe joins in pieces, as of "l'homme"."""
    pieces = [words.get(piece) for piece in ([word] if word in words else word.split("'"))]
    known = [piece for piece in pieces if piece is not None]
    return sum(known) if len(known) == len(pieces) else None


def _folded(text: str) -> str:
    return text.lower().replace("’", "'")


def _words(text: str) -> Iterator[str]:
    """The words of a text; what is written without spaces is one, as its own words are not known."""
    return (token for token in _TOKENS.findall(_folded(text)) if not token.isdigit())


def _may_be_name(word: str) -> bool:
    return word.istitle() and len({script_of(letter) for letter in word if letter.isalpha()}) == 1


@lru_cache(maxsize=20_000)
def _script_of(word: str) -> str:
    return script_of(word)


def _is_hangul(word: str) -> bool:
    return "\uac00" <= word[:1] <= "\ud7a3"


@lru_cache
def _languages_in(script: str) -> tuple[str, ...]:
    """wordfreq's languages in a script, English first, as its words are those most often met."""
    import wordfreq

    found = (each for each in wordfreq.available_languages("small") if script_of_language(each) == script)
    return tuple(sorted(found, key=lambda each: (each != "en", each)))


@lru_cache(maxsize=4)
def _words_of(language: str) -> dict[str, float]:
    """log10 of the frequency of each word of a language."""
    return {word: log10 for log10, bucket in _list(language) for word in bucket}


@cache
def _common_words(language: str) -> frozenset[str]:
    common: list[str] = []
    for _, bucket in _list(language):
        common += bucket
        if len(common) >= NUM_COMMON:
            break
    return frozenset(common)


def _list(language: str) -> Iterator[tuple[float, list[str]]]:
    """Yields words with log10 of their frequency, the most frequent first."""
    import wordfreq

    # Not by wordfreq's own functions: these keep every list that was ever asked for in memory.
    for number, bucket in enumerate(wordfreq.read_cBpack(wordfreq.available_languages("small")[language])):
        yield -number / 100, bucket  # its places are hundredths of log10
