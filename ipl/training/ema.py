"""The moving average of a model's weights, in float32 whatever they are kept in (Kaizen, arXiv 2106.07759)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """Follows the parameters of `model`, from those that it has now."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {
            name: each.detach().clone().float() for name, each in model.named_parameters()
        }

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Takes the weights after `step`, from 0, in; the first steps count for more, as there is no past yet."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, each in model.named_parameters():
            self.weights[name].lerp_(each.detach().float(), 1 - decay)
