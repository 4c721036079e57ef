"""How likely a text is by its words: those of a language, and those that were surely read in the same band.

The language is the source's, if that is known, or told from the words themselves. Frequencies are wordfreq's, of web
pages, subtitles and books in some forty languages; where it has no list, the band's own words are all there is, and
others count neither for a text nor against it. Its Chinese is simplified, and its Korean in pieces that subtitles do
not have: neither traditional Chinese nor Korean counts as known.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

import regex

from ipl.mining.scripts import script_of, script_of_language
from ipl.records import Reading

__all__ = ["Lexicon"]

_JOINED = r"\p{Han}\p{Hiragana}\p{Katakana}ー"  # written without spaces
_LETTERS = rf"[\p{{L}}\p{{M}}--[{_JOINED}]]+"  # vowels of many scripts are marks
_TOKENS = regex.compile(rf"(?V1)[{_JOINED}]+|{_LETTERS}(?:['’]{_LETTERS})*|\p{{Nd}}+")
_STARTS_JOINED = regex.compile(rf"[{_JOINED}]")
JOINED = "joined"
"""In place of a script: what is written without spaces."""
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
UNKNOWN, UNKNOWN_LETTER, NAME_LETTER = -1.0, -1.5, -1.2
"""log10 of how probable it is that a word of a known language is in no list, and of each of its letters then; of a name
(a capital, then small letters) of its letters alone. By the letter, as two unknown words are not to become one."""
UNKNOWN_SIGN = -8.0
"""The same of a Chinese or Japanese character: rarer than those of the lists."""
NUMBER, DIGIT = -2.0, -1.0
"""The same of a number, and of each of its digits."""
LONGEST = 4
"""Longer words are written without spaces only of shorter ones."""
NUM_COMMON = 5000
"""By so many of its most frequent words a language is known."""
COVERED, PLAIN = 0.45, 0.7
"""The share of the letters of a band's words, each as often as it was read, that are of a language's most frequent
words if it is theirs: of English nine tenths, of Finnish half. By the letter, as many a short word is one of several
languages. From the second share on no other language needs to be asked."""
KANA = 0.2
"""From this share of kana on a text without spaces is Japanese."""
NOT_AS_WRITTEN = frozenset({"ko"})
"""Lists of pieces of words."""
FARTHEST = 5
"""How far a language may be from its list's, in langcodes' measure: Norwegian is 1 from Bokmål, Malay 14 from
Indonesian."""
SIMPLIFIED = 0.9
"""The share of its characters that simplified Chinese must have; of traditional far fewer are in the list."""
LETTER, SIGN = -0.7, -2.2
"""log10 of how probable a letter, and a Chinese or Japanese character, is in any text: else shorter texts would win."""
COMMON_LETTER = -3.0
"""log10 of how frequent a letter is that is a word by itself: a and I, y in Spanish, u in Czech."""
OWN_WORDS = 200
"""So many words make those of the video as telling as those of the language."""


class Lexicon:
    """The words of one band of a video, whose `language` (BCP 47) may be known."""

    def __init__(self, language: str | None = None) -> None:
        self._given = _given(language) if language else {}
        self._own: Counter[str] = Counter()
        self._num_own = 0
        self._languages: dict[str, str | None] = {}

    def learn(self, readings: Iterable[Reading]) -> None:
        """Takes what was surely read, but for words that may be others, or may be two.

        A line that is written without spaces is one word here: of it the language is told.
        """
        for reading in readings:
            for match in _tokens(reading.text):
                first, end = match.span()
                may_differ = any(each.start <= end and first <= each.end for each in reading.alternatives)
                word = _folded(match[0])
                if not may_differ or _script_of(word) == JOINED:
                    self._own[word] += 1
                    self._num_own += 1
        self._languages.clear()

    def log10_odds(self, text: str) -> float:
        """How much likelier a text's words are, each by itself, than as many letters of any text.

        What is written without spaces counts by its likeliest words.
        """
        total = 0.0
        for match in _tokens(text):
            written, token = match[0], _folded(match[0])
            script = _script_of(token)
            if token.isdigit():
                total += NUMBER + (DIGIT - LETTER) * len(token)
            elif script == JOINED:
                total += self._joined_words(token)
            elif (known := self._word(token, script)) is not None:
                total += known - LETTER * len(token)
            elif self._language(script) is not None:
                total += _unknown(written) - LETTER * len(token)
        return total

    def num_unknown(self, text: str) -> int:
        """How many words of a text neither its language nor the band has; none where the language is not known.

        What is written without spaces is not taken apart for that: most of its characters are words.
        """
        return sum(self._is_unknown(_folded(match[0])) for match in _tokens(text))

    def _is_unknown(self, word: str) -> bool:
        script = _script_of(word)
        language = None if script == JOINED or word.isdigit() else self._language(script)
        if language is None:
            return False
        if len(word) == 1:  # lists have all letters as words; few of them are
            return _words_of(language).get(word, -math.inf) < COMMON_LETTER
        return self._word(word, script) is None

    def _joined_words(self, token: str) -> float:
        if self._language(JOINED) is None:
            return 0.0
        best = [0.0, *(-math.inf for _ in token)]
        for start in range(len(token)):
            for end in range(start + 1, min(len(token), start + LONGEST) + 1):
                known = self._word(token[start:end], JOINED)
                if known is None and end == start + 1:
                    known = UNKNOWN_SIGN
                if known is not None:
                    best[end] = max(best[end], best[start] + known)
        return best[-1] - SIGN * len(token)

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
        if script in self._given:
            return self._given[script]
        own = {
            word: count * len(word) for word, count in self._own.items() if len(word) > 1 and _script_of(word) == script
        }
        if script == JOINED:
            return _told_of("".join(own))
        best, most = None, COVERED
        for language in _languages_in(script):
            common = _common_words(language)
            share = sum(letters for word, letters in own.items() if word in common) / max(1, sum(own.values()))
            if share >= PLAIN:
                return language
            if share >= most:
                best, most = language, share
        return best


def _given(language: str) -> dict[str, str | None]:
    """A language's script, and the language of the list that holds its words as they are written, None without one.

    Nothing where the tag is none.
    """
    import langcodes

    if not langcodes.tag_is_valid(language):
        return {}
    script = script_of_language(language)
    listed = [each for each in _languages_in(script) if each not in NOT_AS_WRITTEN]
    closest = langcodes.closest_supported_match(language, listed, max_distance=FARTHEST)
    return {JOINED if script == "cjk" else script: closest}


def _told_of(text: str) -> str | None:
    """The language of a text without spaces."""
    if len(_KANA.findall(text)) > KANA * len(text):
        return "ja"
    known = sum(letter in _words_of("zh") for letter in text)
    return "zh" if text and known >= SIMPLIFIED * len(text) else None


def _unknown(word: str) -> float:
    is_name = word.istitle() and len({script_of(letter) for letter in word if letter.isalpha()}) == 1
    return NAME_LETTER * len(word) if is_name else UNKNOWN + UNKNOWN_LETTER * len(word)


def _listed(words: Mapping[str, float], word: str) -> float | None:
    """log10 of a word's probability; lists have what an apostrophe joins in pieces, as of "l'homme"."""
    pieces = [words.get(piece) for piece in ([word] if word in words else word.split("'"))]
    known = [piece for piece in pieces if piece is not None]
    return sum(known) if len(known) == len(pieces) else None


def _tokens(text: str) -> Iterator[regex.Match[str]]:
    return iter(_TOKENS.finditer(unicodedata.normalize("NFC", text)))


def _folded(word: str) -> str:
    return word.lower().replace("’", "'").replace("i\u0307", "i")  # the last is what becomes of a Turkish İ


@lru_cache(maxsize=20_000)
def _script_of(word: str) -> str:
    """Its script, JOINED if it is written without spaces."""
    return JOINED if _STARTS_JOINED.match(word) else script_of(word)


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
