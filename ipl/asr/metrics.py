"""Word and character error rates, with intervals. Imports no torch.

Errors are the substitutions, deletions and insertions of a Levenshtein alignment; a rate is the errors of a whole
corpus over the units of its references, not a mean over utterances.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

import numpy as np
from rapidfuzz.distance import Levenshtein

__all__ = ["ErrorRate", "align", "character_errors", "corpus_error_rate", "interval", "word_errors"]

NUMBERS_AT_ONCE = 1 << 17
"""So many utterances of a bootstrap's draws are held in memory at a time, if it is not one draw."""


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Errors of one or more hypotheses, and how many units their references have; `+` merges.

    >>> first, second = word_errors("the cat sat", "the cat"), word_errors("a dog", "a big dog")
    >>> first + second
    ErrorRate(substitutions=0, deletions=1, insertions=1, num_units=5, num_utterances=2)
    >>> (first + second).rate
    0.4
    """

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    num_units: int = 0
    num_utterances: int = 0

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per unit of the reference: 0 is right, more than 1 is possible.

        Without any unit it is 0 where there are no errors, else infinite.
        """
        if self.num_units:
            return self.errors / self.num_units
        return float("inf") if self.errors else 0.0

    def __add__(self, other: ErrorRate) -> ErrorRate:
        return ErrorRate(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.num_units + other.num_units,
            self.num_utterances + other.num_utterances,
        )


def word_errors(reference: str, hypothesis: str) -> ErrorRate:
    """Errors in words, as split at white space. Neither text is normalised here."""
    return _errors(reference.split(), hypothesis.split())


def character_errors(reference: str, hypothesis: str, spaces: bool = True) -> ErrorRate:
    """Errors in characters (code points). The spaces between words count as characters unless `spaces` is false."""
    between = " " if spaces else ""
    return _errors(between.join(reference.split()), between.join(hypothesis.split()))


def _errors(reference: Sequence[str], hypothesis: Sequence[str]) -> ErrorRate:
    kinds = [operation.tag for operation in Levenshtein.editops(reference, hypothesis)]
    return ErrorRate(kinds.count("replace"), kinds.count("delete"), kinds.count("insert"), len(reference), 1)


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Pairs of what was to be said and what was, in order; None stands for nothing: a deletion or an insertion.

    >>> align("the cat sat".split(), "a the cat".split())
    [(None, 'a'), ('the', 'the'), ('cat', 'cat'), ('sat', None)]
    """
    pairs: list[tuple[str | None, str | None]] = []
    for each in Levenshtein.opcodes(reference, hypothesis):
        pairs += zip_longest(reference[each.src_start : each.src_end], hypothesis[each.dest_start : each.dest_end])
    return pairs


def corpus_error_rate(
    pairs: Iterable[tuple[str, str]], of: Literal["words", "characters"], spaces: bool = True
) -> ErrorRate:
    """The error rate of all (reference, hypothesis) pairs together; `spaces` as in `character_errors`."""
    total = ErrorRate()
    for reference, hypothesis in pairs:
        total += (
            word_errors(reference, hypothesis)
            if of == "words"
            else character_errors(reference, hypothesis, spaces=spaces)
        )
    return total


def interval(
    utterances: Sequence[ErrorRate], level: float = 0.95, seed: int = 0, draws: int = 1000
) -> tuple[float, float]:
    """A percentile bootstrap interval of the corpus's rate: utterances are drawn anew, with replacement, `draws` times.

    One `ErrorRate` for each utterance; where utterances of a speaker hang together, merge them into one first
    (Bisani and Ney, ICASSP 2004).
    """
    if not utterances:
        return (0.0, 0.0)
    counts = np.array([(each.errors, each.num_units) for each in utterances], dtype=np.int64)
    random = np.random.default_rng(seed)
    rates: list[float] = []
    at_once = max(1, NUMBERS_AT_ONCE // len(counts))  # many draws of a few are quick, and few of many need no memory
    while len(rates) < draws:
        drawn = counts[random.integers(len(counts), size=(min(at_once, draws - len(rates)), len(counts)))].sum(axis=1)
        rates += (drawn[:, 0] / np.maximum(drawn[:, 1], 1)).tolist()
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
