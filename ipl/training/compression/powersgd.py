"""PowerSGD (Vogels, Karimireddy and Jaggi, arXiv 1905.13727): gradients as products of two thin matrices.

These travel as bf16: for the same bytes they have twice as many columns, and what is not among them waits half as long
until it is sent. What rounding takes away is remembered like all else that is not sent.

N, M: rows and columns of a gradient, its axes after the first joined · K: rank of the product
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future

from ipl.asr.augmentation import random_for
from ipl.training.compression.averager import Averager, done

__all__ = ["PowerSgdAverager"]


class PowerSgdAverager(Averager):
    """Sends N·K and M·K numbers instead of N·M, by one step of power iteration that begins where the last one ended.

    What the product misses is remembered by each rank and added to its next gradient. Vectors, and matrices too
    small to gain by it, travel whole, together with the first of the two thin matrices.
    """

    remembers = True
    sent_dtype = torch.bfloat16

    def __init__(self, model: nn.Module, ranks: int, rank: int) -> None:
        super().__init__(model, ranks)
        self.rank = rank
        self._memory: dict[str, Tensor] = {}  # of the parameter's shape each
        self._right: dict[str, Tensor] = {}  # [M, K] each, the same on all ranks

    def average(self, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
        """Averages the gradients of a bucket; the ranks wait for each other twice."""
        if not self.compresses:
            return super().average(bucket)
        gradients = dict(self.named(bucket))
        # Copies, not views of the bucket: where a matrix lies in memory changes the last bit of its products, and
        # DDP groups gradients in another way in the first step of a training that goes on.
        wanted = {name: self._with_memory(name, gradient) for name, gradient in gradients.items()}
        matrices = {name: each.flatten(1) for name, each in wanted.items() if self._gains(each)}  # [N, M] each
        others = {name: each for name, each in wanted.items() if name not in matrices}

        sketches = [matrix @ self._right_of(name, matrix) for name, matrix in matrices.items()]  # [N, K] each
        means = self._mean([*sketches, *others.values()])
        sent = dict(zip(others, means[len(sketches) :], strict=True))
        lefts = [torch.linalg.qr(sketch).Q for sketch in means[: len(sketches)]]
        rights = self._mean([matrix.T @ left for matrix, left in zip(matrices.values(), lefts, strict=True)])
        for name, left, right in zip(matrices, lefts, rights, strict=True):
            sent[name] = (left @ right.T).view_as(gradients[name])
            if right.isfinite().all():
                # A column of zeros, of a gradient of zeros, would stay one for ever.
                self._right[name] = torch.where(right.any(dim=0), right, self._right[name])
        for name, gradient in gradients.items():
            if sent[name].isfinite().all():  # nothing of a step whose gradient is no number, and is left out
                self._memory[name] = (wanted[name] - sent[name]).div_(self.loss_scale)
            gradient.copy_(sent[name])
        return done(bucket.buffer())

    def _gains(self, gradient: Tensor) -> bool:
        if gradient.dim() < 2:
            return False
        rows = gradient.shape[0]
        columns = gradient.numel() // rows
        return self.rank * (rows + columns) < rows * columns

    def _with_memory(self, name: str, gradient: Tensor) -> Tensor:
        """A copy of a gradient, with what was not sent of the ones before."""
        if name in self._memory:
            return gradient.add(self._memory[name], alpha=self.loss_scale)
        return gradient.clone()

    def _right_of(self, name: str, matrix: Tensor) -> Tensor:
        """The right one of the thin matrices [M, K] of the last step."""
        if name not in self._right:
            drawn = torch.randn(matrix.shape[1], self.rank, generator=random_for(0, 0, name))
            self._right[name] = drawn.to(matrix.device)
        return self._right[name]

    def _mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The means of some tensors over ranks, by one collective."""
        if not tensors:
            return []
        flat = torch.cat([each.flatten() for each in tensors])
        mean = self.all_reduce(flat.to(self.sent_dtype)).to(flat.dtype)
        parts = mean.split_with_sizes([each.numel() for each in tensors])
        return [part.view_as(each).clone() for part, each in zip(parts, tensors, strict=True)]

    def state(self) -> dict[str, Any]:
        """What this rank did not send, and where the next iteration begins."""
        return {"memory": self._memory, "right": self._right}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave."""
        self._memory, self._right = dict(state["memory"]), dict(state["right"])
