"""Sequence-wise batch normalisation (Deep Speech 2, arXiv 1512.02595, section 3.2).

B: utterances · T: frames · D: width
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["SequenceBatchNorm"]


class SequenceBatchNorm(nn.Module):
    """Normalises each feature over all frames of all utterances of a batch; padding counts for nothing.

    In evaluation the running averages of training stand in for the batch. Under DDP each rank normalises its own
    batch, and the first rank's averages are everyone's.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, width: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_variance", torch.ones(width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Frames x [B, T, D], of which mask [B, T, 1] tells the utterances' own."""
        mean, variance = self.running_mean, self.running_variance
        if self.training and mask.any():
            count = mask.sum()
            mean = (x * mask).sum(dim=(0, 1), dtype=self.running_mean.dtype) / count  # x may be of 16 bits
            variance = ((x - mean).square() * mask).sum(dim=(0, 1)) / count
            self.running_mean.lerp_(mean.detach(), self.momentum)
            self.running_variance.lerp_(variance.detach(), self.momentum)
        return (x - mean) * (variance + self.eps).rsqrt() * self.weight + self.bias
