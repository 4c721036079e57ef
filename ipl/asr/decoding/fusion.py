"""Shallow fusion: a language model has its say while prefixes are chosen (Gulcehre et al., arXiv 1503.03535).

B: utterances · K: beam · C: units tried in a frame · V: units, blank included
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ipl.asr.lm.automaton import Automaton

__all__ = ["Fusion", "LmState"]


@dataclass(frozen=True)
class Fusion:
    """Adds `weight` times the language model's log probability, and `unit_bonus` for each unit, to a text's score."""

    automaton: Automaton
    weight: float
    unit_bonus: float = 0.0

    def of_text(self, units: Sequence[int]) -> float:
        """What is added to the score of a whole text, in nats."""
        return self.weight * self.automaton.score(units) + self.unit_bonus * len(units)

    def begin(self, batch: int, beam: int, like: Tensor) -> LmState:
        """The state of prefixes that are empty."""
        state = torch.full((batch, beam), self.automaton.start, device=like.device)
        return LmState(self, like.new_zeros(batch, beam), state)


@dataclass
class LmState:
    """What the language model says of the prefixes of a beam, and in which of its states it is after each, [B, K]."""

    fusion: Fusion
    added: Tensor
    state: Tensor

    def gains(self, units: Tensor) -> Tensor:
        """What growing each prefix by each of units [B, C] adds, [B, K, C]."""
        scores = self.fusion.automaton.scores
        places = self.state[:, :, None] * scores.shape[1] + units[:, None, :]
        return scores.take(places) * self.fusion.weight + self.fusion.unit_bonus

    def advance(self, parent: Tensor, unit: Tensor, gained: Tensor, stays: Tensor) -> LmState:
        """Prefixes that grew out of place `parent` by `unit`, or stayed; `gained` [B, K] is what a growth added."""
        state, added = self.state.gather(1, parent), self.added.gather(1, parent)
        automaton = self.fusion.automaton
        grown = automaton.following.take(state * automaton.following.shape[1] + unit).long()
        return LmState(self.fusion, torch.where(stays, added, added + gained), torch.where(stays, state, grown))

    def at_the_end(self) -> Tensor:
        """What is added to each prefix as a whole text, [B, K]."""
        return self.added + self.fusion.weight * self.fusion.automaton.ends.take(self.state)
