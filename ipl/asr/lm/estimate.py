"""Estimates an n-gram model from text, by interpolation after Witten and Bell (IEEE Trans. Inf. Theory 37(4), 1991).

    P(w | h) = (count(h w) + types(h) P(w | h')) / (count(h) + types(h))

h' is the history h without its first token, types(h) the number of different tokens seen after h. It needs no held-out
text and no counts of counts, which suits models of characters and other small units: these see all their units soon.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ipl.asr.lm.arpa import BEGIN, END, UNKNOWN, Ngram, Ngrams
from ipl.errors import InputError

__all__ = ["estimate"]

NEVER = -99.0
"""The log10 probability of `<s>`, which is only ever a history, as other tools write it."""


def estimate(texts: Iterable[Sequence[str]], order: int) -> Ngrams:
    """The model of texts, each of them one whole utterance; InputError without any text.

    A text is a sequence of units; one given as a string is taken for its characters.
    """
    counts: dict[Ngram, Counter[str]] = defaultdict(Counter)
    for text in texts:
        tokens = (BEGIN, *text, END)
        for end in range(1, len(tokens)):
            for start in range(max(0, end - order + 1), end + 1):
                counts[tokens[start:end]][tokens[end]] += 1
    if not counts:
        raise InputError("language model: no text to estimate it from")
    vocabulary = [*counts[()], UNKNOWN]
    probabilities: dict[Ngram, float] = {(): 1 / len(vocabulary)}  # of `<unk>` and of what is never backed off from
    values: dict[Ngram, tuple[float, float]] = {(BEGIN,): (NEVER, 0.0)}
    for history in sorted(counts, key=lambda each: (len(each), each)):
        after = counts[history]
        total, types = after.total(), len(after)
        for token in after if history else vocabulary:
            shorter = probabilities[*history[1:], token] if history else probabilities[()]
            found = (after[token] + types * shorter) / (total + types)
            probabilities[*history, token] = found
            values[*history, token] = (math.log10(found), 0.0)
        if history:
            values[history] = (values[history][0], math.log10(types / (total + types)))
    return Ngrams(order, values)
