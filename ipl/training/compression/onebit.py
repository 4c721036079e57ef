"""Gradients as one bit a number, the second stage of 1-bit Adam (Tang et al., arXiv 2102.02888).

There the momentum is compressed; here it is the gradient of which the momentum is made, so that clipping and the
test for gradients that are no numbers work as ever. With Adam's variance frozen (`FrozenVarianceAdamW`) an update is
linear in the gradient, and what one step leaves out a later one makes good all the same.

R: ranks · N: numbers in a bucket · P: parameters in a bucket
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future

from ipl.training.compression.averager import Averager, done

__all__ = ["OneBitAverager"]


class OneBitAverager(Averager):
    """Sends each number's sign and each parameter's mean magnitude; a rank remembers what that leaves out.

    The ranks exchange their bits by one all-gather a bucket.
    """

    remembers = True

    def __init__(self, model: nn.Module, ranks: int) -> None:
        super().__init__(model, ranks)
        self._memory: dict[str, Tensor] = {}

    def average(self, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
        """Averages the gradients of a bucket; the ranks wait for each other once."""
        if not self.compresses:
            return super().average(bucket)
        gradients = dict(self.named(bucket))
        for name, gradient in gradients.items():
            if name in self._memory:
                gradient.add_(self._memory[name], alpha=self.loss_scale)
        flat: Tensor = bucket.buffer()  # [N]
        sizes = torch.tensor([each.numel() for each in gradients.values()], device=flat.device)  # [P]
        scales = torch.stack([each.abs().mean() for each in gradients.values()])  # [P]
        message = torch.cat([scales.view(torch.uint8), pack(flat >= 0)])
        messages = message.new_empty(self.ranks, len(message))
        self.sent_bytes += message.nbytes
        dist.all_gather(list(messages), message)

        all_scales = messages[:, : scales.nbytes].contiguous().view(scales.dtype)  # [R, P]
        sent = [
            _signed(*each, sizes) for each in zip(all_scales, messages[:, scales.nbytes :], strict=True)
        ]  # [N] each
        if all_scales.isfinite().all():  # a step whose gradient is no number is left out, and nothing of it remembered
            own = sent[dist.get_rank()].split_with_sizes(sizes.tolist())
            for (name, gradient), part in zip(gradients.items(), own, strict=True):
                self._memory[name] = (gradient - part.view_as(gradient)).div_(self.loss_scale)
        flat.zero_()
        for each in sent:
            flat.add_(each, alpha=1 / self.ranks)
        return done(flat)

    def state(self) -> dict[str, Any]:
        """What this rank did not send."""
        return {"memory": self._memory}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave."""
        self._memory = dict(state["memory"])


def _signed(scales: Tensor, bits: Tensor, sizes: Tensor) -> Tensor:
    """The numbers [N] that signs, packed as `bits`, and the magnitudes [P] of parameters of `sizes` [P] stand for."""
    magnitudes = scales.repeat_interleave(sizes)
    return torch.where(unpack(bits, len(magnitudes)), magnitudes, -magnitudes)


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
