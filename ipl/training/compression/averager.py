"""The mean of all ranks' gradients, as they are; what the ways that compress them have in common.

R: ranks · N: numbers in a bucket
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future

__all__ = ["Averager", "done", "on_cpu"]


class Averager:
    """Leaves the mean of all ranks' gradients in a bucket, on each of them the same bits.

    `sent_bytes` counts what this rank has handed to collectives. An all-reduce sends 2 (R - 1) / R times as much
    over the wires, an all-gather R - 1 times: with two ranks both send just that.
    """

    remembers = False
    """Whether a rank keeps what it did not send, which then belongs in the checkpoint."""

    def __init__(self, model: nn.Module, ranks: int) -> None:
        self.ranks = ranks
        self.sent_bytes = 0
        self.compresses = False
        self.loss_scale = 1.0
        self._names = {parameter: name for name, parameter in model.named_parameters()}

    def begin(self, compresses: bool, loss_scale: float = 1.0) -> None:
        """Says of the step that begins whether gradients are compressed, and by what its losses are multiplied."""
        self.compresses, self.loss_scale = compresses, loss_scale

    def average(self, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
        """Averages the gradients [N] of a bucket, in place."""
        return self.sum_later(bucket.buffer().div_(self.ranks))

    def sum_later(self, values: Tensor) -> Future[Tensor]:
        """The sum of `values` over ranks, in place, while others are computed."""
        self.sent_bytes += values.nbytes
        work = dist.all_reduce(values, async_op=True)
        if values.is_cuda and dist.get_backend() == "gloo":
            work.wait()  # the futures of gloo did not wait for the GPU up to torch 2.9 (its issue 155714)
            return done(values)
        return work.get_future().then(lambda arrived: arrived.value()[0])  # type: ignore[no-any-return]

    def all_reduce(self, values: Tensor) -> Tensor:
        """The mean of `values` over ranks, in place, when it is there."""
        self.sent_bytes += values.nbytes
        dist.all_reduce(values.div_(self.ranks))
        return values

    def named(self, bucket: dist.GradBucket) -> Iterator[tuple[str, Tensor]]:  # type: ignore[name-defined]
        """The gradients of a bucket, views of it, with the names of their parameters."""
        for parameter, gradient in zip(bucket.parameters(), bucket.gradients(), strict=True):
            yield self._names[parameter], gradient

    def state(self) -> dict[str, Any]:
        """What this rank remembers."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave."""

    def restore_from(self, states: list[dict[str, Any]], rank: int) -> None:
        """Takes over what all ranks remembered; where they were another number, each takes the mean of it.

        What will be added to the mean of all gradients is then the same as if the ranks had stayed.
        """
        if not states or not self.remembers:
            return
        chosen = [states[rank]] if len(states) == self.ranks else states
        devices = {name: parameter.device for parameter, name in self._names.items()}
        self.restore(
            {
                part: {
                    name: torch.stack([each[part][name] for each in chosen]).mean(dim=0).to(devices[name])
                    for name in values
                }
                for part, values in chosen[0].items()
            }
        )


def done(value: Tensor) -> Future[Tensor]:
    """A future whose value is there; on a GPU who waits for it does so until the value has been computed."""
    future: Future[Tensor] = Future(devices=[value.device] if value.is_cuda else None)
    future.set_result(value)
    return future


def on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same on the CPU: what another rank is sent from a GPU it would unpack on that GPU, and not on its own."""
    return {name: each.cpu() for name, each in tensors.items()}
