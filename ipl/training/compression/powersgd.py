"""PowerSGD (Vogels, Karimireddy and Jaggi, arXiv 1905.13727): gradients as products of two thin matrices.

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
    small to gain by it, travel as they are, together with the first of the two thin matrices.
    """

    remembers = True

    def __init__(self, model: nn.Module, ranks: int, rank: int) -> None:
        super().__init__(model, ranks)
        self.rank = rank
        self._memory: dict[str, Tensor] = {}  # [N, M] each
        self._right: dict[str, Tensor] = {}  # [M, K] each, the same on all ranks

    def average(self, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
        """Averages the gradients of a bucket; the ranks wait for each other twice."""
        if not self.compresses:
            return super().average(bucket)
        gradients: dict[str, Tensor] = {}
        others: list[Tensor] = []
        for name, gradient in self.named(bucket):
            if self._gains(gradient):
                gradients[name] = gradient
            else:
                others.append(gradient)
        # Copies, not views of the bucket: where a matrix lies in memory changes the last bit of its products, and
        # DDP groups gradients in another way in the first step of a training that goes on.
        matrices = [self._with_memory(name, gradient) for name, gradient in gradients.items()]

        sketches = [matrix @ self._right[name] for name, matrix in zip(gradients, matrices, strict=True)]  # [N, K] each
        means = self._mean([*sketches, *others])
        for other, mean in zip(others, means[len(sketches) :], strict=True):
            other.copy_(mean)
        lefts = [torch.linalg.qr(sketch).Q for sketch in means[: len(sketches)]]
        rights = self._mean([matrix.T @ left for matrix, left in zip(matrices, lefts, strict=True)])
        for (name, gradient), matrix, left, right in zip(gradients.items(), matrices, lefts, rights, strict=True):
            product = left @ right.T
            if product.isfinite().all():  # a step whose gradient is no number is left out, and nothing of it remembered
                self._memory[name] = (matrix - product).div_(self.loss_scale)
                # A column of zeros, of a gradient of zeros, would stay one for ever.
                self._right[name] = torch.where(right.any(dim=0), right, self._right[name])
            gradient.copy_(product.view_as(gradient))
        return done(bucket.buffer())

    def _gains(self, gradient: Tensor) -> bool:
        if gradient.dim() < 2:
            return False
        rows = gradient.shape[0]
        columns = gradient.numel() // rows
        return self.rank * (rows + columns) < rows * columns

    def _with_memory(self, name: str, gradient: Tensor) -> Tensor:
        """A gradient as a matrix [N, M], with what was not sent of the ones before."""
        matrix = gradient.flatten(1).clone()
        if name in self._memory:
            return matrix.add_(self._memory[name], alpha=self.loss_scale)
        drawn = torch.randn(matrix.shape[1], self.rank, generator=random_for(0, 0, name))
        self._right[name] = drawn.to(matrix.device)
        return matrix

    def _mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The means of some tensors over ranks, by one collective."""
        if not tensors:
            return []
        flat = self.all_reduce(torch.cat([each.flatten() for each in tensors]))
        parts = flat.split_with_sizes([each.numel() for each in tensors])
        return [part.view_as(each).clone() for part, each in zip(parts, tensors, strict=True)]

    def state(self) -> dict[str, Any]:
        """What this rank did not send, and where the next iteration begins."""
        return {"memory": self._memory, "right": self._right}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave."""
        self._memory, self._right = dict(state["memory"]), dict(state["right"])
