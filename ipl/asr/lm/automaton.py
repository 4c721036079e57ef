"""An n-gram model as tables that a search on any device can look up: a state for each history, all backing off done.

S: states · V: units, blank included
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ipl.asr.lm.arpa import BEGIN, END, UNKNOWN, Ngram, Ngrams
from ipl.asr.units import BLANK, Units
from ipl.errors import InputError

__all__ = ["Automaton", "automaton"]

LARGEST_BYTES = 2 << 30
LEAST_LOG10 = -7.0
"""What a unit costs that the model does not know, where it has no `<unk>` either."""


@dataclass(frozen=True)
class Automaton:
    """Natural logarithms of P(unit | history), the history that follows, and P(end | history).

    scores: float32 [S, V] · following: int32 [S, V] · ends: float32 [S] · start: the state of an utterance that begins
    """

    scores: Tensor
    following: Tensor
    ends: Tensor
    start: int

    def to(self, device: torch.device) -> Automaton:
        """The same on another device."""
        return Automaton(self.scores.to(device), self.following.to(device), self.ends.to(device), self.start)

    def score(self, units: Sequence[int]) -> float:
        """log P(text) in nats, its end included."""
        return self.scores_of([units])[0]

    def scores_of(self, texts: Sequence[Sequence[int]]) -> list[float]:
        """log P(text) in nats of each text, its end included, side by side: a GPU is waited for once."""
        if not texts:
            return []
        padded = pad_sequence([torch.tensor(list(text), dtype=torch.long) for text in texts], padding_value=BLANK)
        lengths = torch.tensor([len(text) for text in texts], device=self.scores.device)
        states, totals = torch.full_like(lengths, self.start), torch.zeros_like(lengths, dtype=torch.float64)
        for place, units in enumerate(padded.to(lengths.device)):
            totals += self.scores[states, units]  # 0 past a text's end, for BLANK
            states = torch.where(place < lengths, self.following[states, units].long(), states)
        found: list[float] = (totals + self.ends[states]).tolist()
        return found


def automaton(ngrams: Ngrams, units: Units) -> Automaton:
    """The tables of a model for a recogniser's units; InputError where the two do not go together."""
    histories = sorted((each for each in ngrams.values if len(each) < ngrams.order and END not in each), key=len)
    states: dict[Ngram, int] = {history: number for number, history in enumerate([(), *histories])}
    needed = len(states) * len(units) * 8
    if needed > LARGEST_BYTES:
        raise InputError(
            f"language model: its tables need {needed >> 20} MB, expected at most {LARGEST_BYTES >> 20}; "
            "take a lower order, or prune it"
        )
    ids = {symbol: unit for unit, symbol in enumerate(units.symbols) if unit != BLANK}
    if not any((symbol,) in ngrams.values for symbol in ids):
        raise InputError(
            "language model: has none of the recogniser's units; expected characters, the space as <space>, not words; "
            "make one with `python -m ipl.asr.lm TEXT --units <folder of the recogniser>`"
        )
    longer = [symbol for symbol in ids if len(symbol.strip()) > 1]
    if longer and not any((symbol,) in ngrams.values for symbol in longer):
        raise InputError(
            f"language model: is one of characters, and the recogniser writes longer units ({longer[0]!r}, ...); "
            "make one with `python -m ipl.asr.lm --units <folder of the recogniser>`"
        )

    unknown = ngrams.values.get((UNKNOWN,), (LEAST_LOG10, 0.0))[0]
    scores = np.full((len(states), len(units)), unknown, dtype=np.float32)
    following = np.zeros((len(states), len(units)), dtype=np.int32)
    ends = np.full(len(states), unknown, dtype=np.float32)
    extensions: dict[Ngram, list[str]] = {history: [] for history in states}
    for each in ngrams.values:
        extensions.setdefault(each[:-1], []).append(each[-1])
    for history, state in states.items():  # the shorter first
        if history:
            shorter, backoff = states[_known(history[1:], states)], ngrams.values[history][1]
            scores[state], ends[state] = scores[shorter] + backoff, ends[shorter] + backoff
            following[state] = following[shorter]
        for token in extensions[history]:
            probability = ngrams.values[*history, token][0]
            if token == END:
                ends[state] = probability
            elif token in ids:
                scores[state, ids[token]] = probability
                following[state, ids[token]] = states.get((*history, token), following[state, ids[token]])
    scores[:, BLANK] = 0.0
    nats = math.log(10)
    return Automaton(
        torch.from_numpy(scores * nats),
        torch.from_numpy(following),
        torch.from_numpy(ends * nats),
        states.get((BEGIN,), 0),
    )


def _known(history: Ngram, states: dict[Ngram, int]) -> Ngram:
    """The longest end of a history that is a state; pruned models lack some."""
    while history not in states:
        history = history[1:]
    return history
