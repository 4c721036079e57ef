"""How probable CTC finds the beginning of a text, for many beginnings at once, with no loop over frames.

A prefix has two forward variables a frame: the log probability of all paths up to there that collapse to it, kept apart
by whether they end in its last unit or in a blank. From those of a prefix follow those of the prefix grown by a unit
(Watanabe et al., IEEE JSTSP 2017, algorithm 2; Seki et al., arXiv 1811.04568). The recursion over frames

    x[t] = (x[t - 1] + inflow[t - 1]) * p[t]

is a cumulative sum: with P[t] = p[1] * ... * p[t] it is x[t] = P[t] * sum over s <= t of inflow[s - 1] / P[s - 1]; in
logarithms, and in float64, it is exact to about 1e-7 nats at any length of audio.

B: utterances · K: prefixes of an utterance · T: frames · V: units, blank included
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ipl.asr.units import BLANK

__all__ = ["CtcPrefixes"]

NEVER = -torch.inf
FLOOR = -1e5
"""The log probability of what cannot be, inside sums over frames, where infinity would be no number."""


@dataclass(frozen=True)
class CtcPrefixes:
    """K prefixes of each utterance, empty at first. Some may be impossible; their probabilities are 0."""

    log_probs: Tensor
    """float64 [B, T, V], past an utterance's end certain blanks"""
    probs: Tensor
    """their exponentials"""
    last: Tensor
    """int64 [B, K], the last unit, BLANK for the empty prefix"""
    in_unit: Tensor
    """float64 [B, K, T + 1], after 0 frames and more, of paths that end in the last unit"""
    in_blank: Tensor
    """the same of those that end in a blank"""

    @classmethod
    def empty(cls, log_probs: Tensor, num_frames: Tensor, prefixes: int) -> CtcPrefixes:
        """Of log_probs [B, T, V] and num_frames [B]: the empty prefix, `prefixes` times."""
        batch, length, _ = log_probs.shape
        is_past = torch.arange(length, device=log_probs.device) >= num_frames[:, None]
        certain = log_probs.new_full(log_probs.shape[2:], FLOOR, dtype=torch.float64)
        certain[BLANK] = 0.0
        log_probs = torch.where(is_past[:, :, None], certain, log_probs.double().clamp(min=FLOOR))
        blanks = torch.nn.functional.pad(log_probs[:, :, BLANK].cumsum(dim=1), (1, 0))  # [B, T + 1]
        in_blank = blanks[:, None].expand(batch, prefixes, length + 1)
        last = torch.full((batch, prefixes), BLANK, device=log_probs.device)
        return cls(log_probs, log_probs.exp(), last, torch.full_like(in_blank, FLOOR), in_blank)

    def whole(self) -> Tensor:
        """log P(text | audio) of each prefix as a whole text, [B, K]."""
        return _or_never(torch.logaddexp(self.in_unit[:, :, -1], self.in_blank[:, :, -1]))

    def growths(self) -> Tensor:
        """log P(text begins with the prefix grown by a unit | audio), [B, K, V]; for BLANK it means nothing."""
        before = torch.logaddexp(self.in_unit, self.in_blank)[:, :, :-1]
        most = before.amax(dim=2, keepdim=True)
        grown = ((before - most).exp() @ self.probs).log() + most
        # The last unit once more needs a blank between.
        repeated = torch.logsumexp(self.in_blank[:, :, :-1] + self._at(self.last), dim=2)
        return _or_never(grown.scatter(2, self.last[:, :, None], repeated[:, :, None]))

    def grow(self, parents: Tensor, units: Tensor) -> CtcPrefixes:
        """The prefixes that grow out of those at places parents [B, K] by units [B, K]."""
        by_frame = parents[:, :, None].expand(-1, -1, self.in_unit.shape[2])
        in_unit, in_blank = self.in_unit.gather(1, by_frame), self.in_blank.gather(1, by_frame)
        needs_blank = (self.last.gather(1, parents) == units)[:, :, None]
        inflow = torch.where(needs_blank, in_blank, torch.logaddexp(in_unit, in_blank))
        in_unit = _flow(inflow, self._at(units))
        in_blank = _flow(in_unit, self.log_probs[:, None, :, BLANK])
        return replace(self, last=units, in_unit=in_unit, in_blank=in_blank)

    def take(self, utterances: Tensor) -> CtcPrefixes:
        """The prefixes of some utterances."""
        kept = (self.log_probs, self.probs, self.last, self.in_unit, self.in_blank)
        return CtcPrefixes(*(each[utterances] for each in kept))

    def _at(self, units: Tensor) -> Tensor:
        """Log probabilities of units [B, K] at each frame, [B, K, T]."""
        return self.log_probs.gather(2, units[:, None].expand(-1, self.log_probs.shape[1], -1)).transpose(1, 2)


def _flow(inflow: Tensor, log_probs: Tensor) -> Tensor:
    """x [B, K, T + 1] of the recursion above, of inflow [B, K, T + 1] and log p [B, 1 or K, T]."""
    product = log_probs.cumsum(dim=2)
    before = torch.nn.functional.pad(product[:, :, :-1], (1, 0))
    found = product + torch.logcumsumexp(inflow[:, :, :-1] - before, dim=2)
    return torch.nn.functional.pad(found.clamp(min=FLOOR), (1, 0), value=FLOOR)


def _or_never(log_probs: Tensor) -> Tensor:
    return log_probs.masked_fill(log_probs < FLOOR / 2, NEVER)
