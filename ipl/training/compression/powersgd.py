"""PowerSGD (Vogels, Karimireddy and Jaggi, arXiv 1905.13727): gradients as products of two thin matrices.

These travel as whole numbers of 8 bits, in steps that the ranks agree on, a step for each column: for the same bytes
they have four times as many columns as in float32, and what is not among them waits a quarter as long until it is
sent. What rounding takes away is remembered like all else that is not sent.

R: ranks · N, M: rows and columns of a gradient, its axes after the first joined · K: rank of the product · C: columns
of all that is sent at once
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future

from ipl.asr.augmentation import random_for
from ipl.training.compression.averager import Averager, done, on_cpu

__all__ = ["PowerSgdAverager"]

SMALLEST_STEP = torch.finfo(torch.float32).tiny


class PowerSgdAverager(Averager):
    """Sends N·K and M·K numbers instead of N·M, by one step of power iteration that begins where the last one ended.

    What a rank's own product misses of its gradient it remembers, and adds to its next one. Vectors, and matrices too
    small to gain by it, travel whole, together with the first of the two thin matrices.
    """

    remembers = True

    def __init__(self, model: nn.Module, ranks: int, rank: int) -> None:
        super().__init__(model, ranks)
        self.rank = rank
        # The sum over ranks has to fit in as many bits: of many ranks, 8 would leave too few steps to each. Then whole
        # numbers travel as fp16, as neither gloo nor NCCL adds up integers of 16 bits.
        self.sent_dtype = torch.int8 if ranks <= 16 else torch.float16
        self._memory: dict[str, Tensor] = {}  # of the parameter's shape each
        self._right: dict[str, Tensor] = {}  # [M, K] each, the same on all ranks

    def average(self, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
        """Averages the gradients of a bucket; the ranks wait for each other four times."""
        if not self.compresses:
            return super().average(bucket)
        gradients = dict(self.named(bucket))
        # Copies, not views of the bucket: where a matrix lies in memory changes the last bit of its products, and
        # DDP groups gradients in another way in the first step of a training that goes on.
        wanted = {name: self._with_memory(name, gradient) for name, gradient in gradients.items()}
        matrices = {name: each.flatten(1) for name, each in wanted.items() if self.gains(each)}  # [N, M] each
        others = {name: each for name, each in wanted.items() if name not in matrices}

        sketches = [matrix @ self._right_of(name, matrix) for name, matrix in matrices.items()]  # [N, K] each
        means, own = self._mean([*sketches, *(each.view(-1, 1) for each in others.values())])
        sent = dict(zip(others, means[len(sketches) :], strict=True))
        ours = dict(zip(others, own[len(sketches) :], strict=True))
        lefts = [torch.linalg.qr(sketch).Q for sketch in means[: len(sketches)]]
        rights, own = self._mean([matrix.T @ left for matrix, left in zip(matrices.values(), lefts, strict=True)])
        for name, left, right, own_right in zip(matrices, lefts, rights, own, strict=True):
            sent[name], ours[name] = left @ right.T, left @ own_right.T
        # Asked of all at once: whoever asks waits until a GPU has done all that came before.
        is_finite = torch.stack([sent[name].isfinite().all() for name in gradients]).tolist()
        keeps = dict(zip(gradients, is_finite, strict=True))
        for name, right in zip(matrices, rights, strict=True):
            if keeps[name]:
                # A column of zeros, of a gradient of zeros, would stay one for ever.
                self._right[name] = torch.where(right.any(dim=0), right, self._right[name])
        for name, gradient in gradients.items():
            if keeps[name]:  # nothing of a step whose gradient is no number, and is left out
                # What this rank sent, not the mean: what ranks differ by would add up in memory, and rounding with it.
                self._memory[name] = (wanted[name] - ours[name].view_as(gradient)).div_(self.loss_scale)
            gradient.copy_(sent[name].view_as(gradient))
        return done(bucket.buffer())

    def gains(self, gradient: Tensor) -> bool:
        """Whether two thin matrices are less than a gradient of its shape."""
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

    def _mean(self, thin: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The means of some matrices over ranks, and what this rank's part in them was, after rounding."""
        if not thin:
            return [], []
        peaks = torch.cat([each.abs().amax(dim=0) for each in thin])  # [C]
        all_peaks = [torch.empty_like(peaks) for _ in range(self.ranks)]
        self.sent_bytes += peaks.nbytes
        dist.all_gather(all_peaks, peaks)
        levels = _largest_sum(self.sent_dtype) // self.ranks
        # Zeros stay zeros, and a peak that is no number makes none of its column, on all ranks.
        step = torch.stack(all_peaks).amax(dim=0).div_(levels).clamp(min=SMALLEST_STEP)
        steps = step.split_with_sizes([each.shape[1] for each in thin])
        counts = [(each / step).round() for each, step in zip(thin, steps, strict=True)]
        total = torch.cat([each.flatten() for each in counts]).to(self.sent_dtype)
        self.sent_bytes += total.nbytes
        dist.all_reduce(total)
        totals = total.to(thin[0].dtype).split_with_sizes([each.numel() for each in thin])
        mean = [each.view_as(like) * (step / self.ranks) for each, like, step in zip(totals, thin, steps, strict=True)]
        return mean, [each * step for each, step in zip(counts, steps, strict=True)]

    def state(self) -> dict[str, Any]:
        """What this rank did not send, and where the next iteration begins."""
        return {"memory": on_cpu(self._memory), "right": on_cpu(self._right)}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave."""
        self._memory, self._right = dict(state["memory"]), dict(state["right"])


def _largest_sum(dtype: torch.dtype) -> int:
    """Up to here all whole numbers are exact.

    >>> _largest_sum(torch.int8), _largest_sum(torch.float16)
    (127, 2048)
    """
    return round(2 / torch.finfo(dtype).eps) if dtype.is_floating_point else torch.iinfo(dtype).max
