"""The exact probability that a CTC model gives a text: the forward algorithm (Graves et al., ICML 2006)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import ctc_loss

from ipl.asr.units import BLANK

__all__ = ["ctc_score"]


def ctc_score(log_probs: Tensor, num_frames: Tensor, texts: Sequence[Sequence[int]]) -> Tensor:
    """log P(text | audio) in nats, float64 [B], of log_probs [B, T, V], num_frames [B] and the units of B texts.

    A text that does not fit into its frames has -inf.
    """
    lengths = torch.tensor([len(text) for text in texts])
    flat = torch.tensor([unit for text in texts for unit in text], dtype=torch.long)
    by_time = log_probs.detach().to("cpu", torch.float64).transpose(0, 1)  # [T, B, V]
    return -ctc_loss(by_time, flat, num_frames.cpu(), lengths, blank=BLANK, reduction="none")
