"""Gradients as one bit a number, the second stage of 1-bit Adam (Tang et al., arXiv 2102.02888).

There the momentum is compressed; here it is the gradient of which the momentum is made, so that clipping and the
test for gradients that are no numbers work as ever. With Adam's variance frozen (`FrozenVarianceAdamW`) an update is
linear in the gradient, and what one step leaves out a later one makes good all the same.

Numbers are compressed in the units of the update, divided by Adam's deviations, and in blocks with a magnitude of their
own: what one magnitude for a whole matrix says of its small numbers is noise, and the learning rate makes it large.

R: ranks · N: numbers in a bucket · M: blocks in a bucket · K: numbers in a block
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future

from ipl.training.blocks import blocks, counts, from_blocks
from ipl.training.compression.averager import Averager, done, on_cpu

__all__ = ["OneBitAverager"]


class OneBitAverager(Averager):
    """Sends each number's sign and each block's mean magnitude; a rank remembers what that leaves out.

    The ranks exchange their bits by one all-gather a bucket. `deviations` are what the optimizer divides the
    gradient of each parameter by.
    """

    remembers = True

    def __init__(self, model: nn.Module, ranks: int) -> None:
        super().__init__(model, ranks)
        self.deviations: dict[Tensor, Tensor] = {}
        self._memory: dict[str, Tensor] = {}

    def average(self, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
        """Averages the gradients of a bucket; the ranks wait for each other once."""
        if not self.compresses:
            return super().average(bucket)
        gradients = dict(self.named(bucket))
        deviations = [self.deviations.get(each) for each in bucket.parameters()]
        for name, gradient in gradients.items():
            if name in self._memory:
                gradient.add_(self._memory[name], alpha=self.loss_scale)
        weighed = [
            gradient if deviation is None else gradient / deviation
            for gradient, deviation in zip(gradients.values(), deviations, strict=True)
        ]
        parts = [blocks(each) for each in weighed]
        filled = torch.cat(parts)  # [M, K]
        numbers = torch.cat([counts(each.numel(), filled.device) for each in weighed])  # [M]
        scales = (filled.abs().sum(dim=1) / numbers).bfloat16()  # [M]
        message = torch.cat([scales.view(torch.uint8), pack((filled >= 0).flatten())])
        messages = message.new_empty(self.ranks, len(message))
        self.sent_bytes += message.nbytes
        dist.all_gather(list(messages), message)

        all_scales = messages[:, : scales.nbytes].contiguous().view(scales.dtype).float()  # [R, M]
        signs = [unpack(bits, filled.numel()).view_as(filled) for bits in messages[:, scales.nbytes :]]  # [M, K] each
        sent = [
            torch.where(positive, scale[:, None], -scale[:, None])
            for scale, positive in zip(all_scales, signs, strict=True)
        ]  # [M, K] each
        lengths = [len(part) for part in parts]
        mean = torch.split(torch.stack(sent).mean(dim=0), lengths)
        own = torch.split(sent[dist.get_rank()], lengths)
        remembers = bool(all_scales.isfinite().all())  # nothing of a step whose gradient is no number, and is left out
        for (name, gradient), deviation, ours, all_of_it in zip(gradients.items(), deviations, own, mean, strict=True):
            factor = 1.0 if deviation is None else deviation
            if remembers:
                left = gradient - from_blocks(ours, gradient.numel()).view_as(gradient) * factor
                self._memory[name] = left.div_(self.loss_scale)
            gradient.copy_(from_blocks(all_of_it, gradient.numel()).view_as(gradient) * factor)
        return done(bucket.buffer())

    def state(self) -> dict[str, Any]:
        """What this rank did not send."""
        return {"memory": on_cpu(self._memory)}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave."""
        self._memory = dict(state["memory"])


def pack(flags: Tensor) -> Tensor:
    """Flags, bool [N], as bits: uint8 [N / 8], rounded up.

    >>> pack(torch.tensor([True, False, True, False, False, False, False, False, True])).tolist()
    [5, 1]
    """
    padded = nn.functional.pad(flags.to(torch.uint8), (0, -len(flags) % 8))
    return (padded.view(-1, 8) << _places(flags)).sum(dim=1, dtype=torch.uint8)


def unpack(bits: Tensor, count: int) -> Tensor:
    """The first `count` flags of what `pack` made.

    >>> unpack(torch.tensor([5], dtype=torch.uint8), 3).tolist()
    [True, False, True]
    """
    return ((bits[:, None] >> _places(bits)) & 1).bool().flatten()[:count]


def _places(like: Tensor) -> Tensor:
    return torch.arange(8, dtype=torch.uint8, device=like.device)
