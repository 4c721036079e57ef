"""Gradients as 16-bit floats: half the bytes."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future

from ipl.training.compression.averager import Averager

__all__ = ["HalfAverager"]

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


class HalfAverager(Averager):
    """Sums gradients as fp16 or bf16; divides first, as a sum above 65,504 would overflow fp16."""

    def __init__(self, model: nn.Module, ranks: int, kind: str) -> None:
        super().__init__(model, ranks)
        self.dtype = DTYPES[kind]

    def average(self, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
        """Averages the gradients of a bucket while those of the next are computed."""
        gradients: Tensor = bucket.buffer()
        halves = (gradients / self.ranks).to(self.dtype)
        return self.sum_later(halves).then(lambda arrived: gradients.copy_(arrived.value()))
