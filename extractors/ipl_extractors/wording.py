"""Which of the texts that a line may be is meant: what its picture says of each, and how likely its words are.

That is how recognisers of speech and of writing use a language model, here one of single words: p(text | picture) is
about p_reader(text) p_words(text)^weight ("shallow fusion", arXiv 1503.03535, section 4.1). What the reader is sure of
has no alternatives, and stays: names as well.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product

from ipl.records import Alternative, Reading
from ipl_extractors.lexicon import Lexicon

__all__ = ["worded"]

WEIGHT = 0.5
"""The weight of words against what the reader saw."""
LEAST_LETTERS = 2
"""One letter is hardly a word: a stroke of the scene that may be 1 or l is not to be "I" for that."""
FOR_SPACE = {"": -2.0, "'": -1.5}
"""log10 of how probable it is that a space was read for nothing, within a word, or for an apostrophe: readers are sure
of spaces that are none."""
MOST_PLACES, MOST_OTHERS = 5, 2
"""In so many places, the least sure, so many alternatives to what was read are tried."""

Choice = tuple[Alternative, ...]
"""One alternative for each of some places."""


def worded(reading: Reading, lexicon: Lexicon) -> Reading:
    """The reading, or what it may be as well and is likelier by its words.

    Its scores stay what the picture says: low where a word was chosen against it, and that of the whole as it was, for
    it tells whether there is a text at all.
    """
    is_told = len(reading.centres) == len(reading.scores) == len(reading.text)
    if not is_told or sum(map(str.isalnum, reading.text)) < LEAST_LETTERS:
        return reading
    if places := _places(reading):
        reading = _changed(reading, _likeliest(reading.text, places, lexicon))
    wrong = tuple(_wrong_spaces(reading.text, lexicon))
    return _changed(reading, wrong) if wrong else reading


def _likeliest(text: str, places: Sequence[Sequence[Alternative]], lexicon: Lexicon) -> Choice:
    """What is read at each place if the whole text is as likely as it can be."""

    def likelihood(choice: Choice) -> float:
        seen = sum(math.log10(each.odds) for each in choice)
        words = lexicon.log10_odds(_text(text, choice))
        # A word of one letter is less likely than none at all: it is not to be left out for that.
        left_out = (text[each.start : each.end] for each in choice if _leaves_out(text, each))
        words += sum(min(0.0, lexicon.log10_odds(word)) for word in left_out if not lexicon.num_unknown(word))
        return seen + WEIGHT * words

    return max(product(*places), key=likelihood)


def _wrong_spaces(text: str, lexicon: Lexicon) -> Iterator[Alternative]:
    """What is likelier than a space between two words that are hardly any: "laug hed", "we ve"; in the text's order."""
    words = list(re.finditer(r"\S+", text))
    for one, other in pairwise(words):
        read = lexicon.log10_odds(f"{one[0]} {other[0]}")
        gains = {
            between: seen + WEIGHT * (lexicon.log10_odds(f"{one[0]}{between}{other[0]}") - read)
            for between, seen in FOR_SPACE.items()
        }
        between = max(gains, key=lambda each: gains[each])
        if gains[between] > 0 and not lexicon.num_unknown(f"{one[0]}{between}{other[0]}"):
            yield Alternative(one.end(), other.start(), between, 10.0 ** FOR_SPACE[between])


def _places(reading: Reading) -> list[list[Alternative]]:
    """What may be read at each doubtful place, what was read first; in the order of the text, no two that overlap."""
    at: dict[tuple[int, int], list[Alternative]] = defaultdict(list)
    for each in reading.alternatives:
        at[each.start, each.end].append(each)
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(at, key=lambda place: -max(each.odds for each in at[place])):
        if len(chosen) < MOST_PLACES and all(end <= other[0] or other[1] <= start for other in chosen):
            chosen.append((start, end))
    return [
        [
            Alternative(start, end, reading.text[start:end], 1.0),
            *sorted(at[start, end], key=lambda each: -each.odds)[:MOST_OTHERS],
        ]
        for start, end in sorted(chosen)
    ]


def _leaves_out(text: str, choice: Alternative) -> bool:
    """Whether an alternative leaves out a whole word."""
    beside = text[: choice.start][-1:].strip() + text[choice.end :][:1].strip()
    return not (choice.text or beside) and text[choice.start : choice.end].isalnum()


def _text(text: str, choice: Choice) -> str:
    for each in reversed(choice):
        text = text[: each.start] + each.text + text[each.end :]
    return text


def _changed(reading: Reading, choice: Choice) -> Reading:
    """The reading with a choice made at each of its doubtful places."""
    text, centres, scores = list(reading.text), list(reading.centres), list(reading.scores)
    for each in reversed(choice):
        place = slice(each.start, each.end)
        if each.text != reading.text[place]:
            own = reading.centres[place] or reading.centres[max(0, each.start - 1) : each.end + 1]
            sureness = each.odds / (1 + each.odds)
            text[place] = each.text
            centres[place] = [sum(own) / len(own)] * len(each.text)
            scores[place] = [sureness] * len(each.text)
            if not each.text:  # what was left out is told by the letter beside it
                beside = max(0, each.start - 1)
                scores[beside : beside + 1] = [min(score, sureness) for score in scores[beside : beside + 1]]
    kept = [at for at, each in enumerate(text) if not (at and each == text[at - 1] == " ")]  # a word was left out
    text, centres, scores = [text[at] for at in kept], [centres[at] for at in kept], [scores[at] for at in kept]
    changed = "".join(text)
    whole = replace(reading, text=changed, centres=tuple(centres), scores=tuple(scores), alternatives=())
    return whole.part(0, len(changed))
