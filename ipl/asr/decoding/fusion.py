"""Shallow fusion: a language model has its say while prefixes are chosen (Gulcehre et al., arXiv 1503.03535).

S: states of the language model · V: units, blank included
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ipl.asr.lm.automaton import Automaton

__all__ = ["Fusion"]


@dataclass(frozen=True)
class Fusion:
    """Adds `weight` times the language model's log probability, and `unit_bonus` for each unit, to a text's score.

    A search keeps for each prefix the place of its state's row in the tables, `state * V`: the unit that it grows by,
    added to it, is where to look.
    """

    automaton: Automaton
    weight: float
    unit_bonus: float = 0.0

    def of_text(self, units: Sequence[int]) -> float:
        """What is added to the score of a whole text, in nats."""
        return self.of_texts([units])[0]

    def of_texts(self, texts: Sequence[Sequence[int]]) -> list[float]:
        """The same of several texts."""
        scores = self.automaton.scores_of(texts)
        return [self.weight * score + self.unit_bonus * len(text) for text, score in zip(texts, scores, strict=True)]

    @cached_property
    def gains(self) -> Tensor:
        """What growing by a unit adds, [S * V]."""
        return (self.automaton.scores * self.weight + self.unit_bonus).flatten()

    def following(self, grown: Tensor) -> Tensor:
        """The places of the states after growing, of the places where to look, int64 of any shape."""
        return self.automaton.following.take(grown).long().mul_(self.automaton.scores.shape[1])

    @cached_property
    def start(self) -> int:
        """The place of the empty prefix's state."""
        return self.automaton.start * self.automaton.scores.shape[1]

    def at_the_end(self, places: Tensor) -> Tensor:
        """What the end adds to whole texts whose states have the given places, of the same shape."""
        states = torch.div(places, self.automaton.scores.shape[1], rounding_mode="floor")
        return self.weight * self.automaton.ends.take(states)

    def to(self, device: torch.device) -> Fusion:
        """The same on another device."""
        return Fusion(self.automaton.to(device), self.weight, self.unit_bonus)
