"""The exact probability that a CTC model gives a text: the forward algorithm (Graves et al., ICML 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import ctc_loss

from ipl.asr.units import BLANK

__all__ = ["Candidate", "ctc_score", "rescore"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible text of an utterance, as units, and log P(text | audio) in nats."""

    units: list[int]
    score: float


def ctc_score(log_probs: Tensor, num_frames: Tensor, texts: Sequence[Sequence[int]]) -> Tensor:
    """log P(text | audio) in nats, float64 [B], of log_probs [B, T, V], num_frames [B] and the units of B texts.

    A text that does not fit into its frames has -inf.
    """
    lengths = torch.tensor([len(text) for text in texts])
    flat = torch.tensor([unit for text in texts for unit in text], dtype=torch.long)
    by_time = log_probs.detach().to("cpu", torch.float64).transpose(0, 1)  # [T, B, V]
    if not len(by_time):  # which torch's refuses
        by_time = by_time.new_zeros(1, *by_time.shape[1:])
    return -ctc_loss(by_time, flat, num_frames.cpu(), lengths, blank=BLANK, reduction="none")


def rescore(log_probs: Tensor, num_frames: Tensor, texts: Sequence[Sequence[list[int]]]) -> list[list[Candidate]]:
    """Candidates with exact scores, best first, of log_probs [B, T, V], num_frames [B] and some texts of each of B."""
    scored: list[list[Candidate]] = [[] for _ in texts]
    precise, num_frames = log_probs.detach().to("cpu", torch.float64), num_frames.cpu()  # once for all texts
    for place in range(max((len(of_one) for of_one in texts), default=0)):
        here = [number for number, of_one in enumerate(texts) if place < len(of_one)]
        units = [texts[number][place] for number in here]
        scores = ctc_score(precise[here], num_frames[here], units).tolist()
        for number, each, score in zip(here, units, scores, strict=True):
            scored[number].append(Candidate(each, score))
    return [sorted(candidates, key=lambda each: -each.score) for candidates in scored]
