"""How the ranks of a training talk to each other."""
# Annotations are not postponed here: torch looks at those of a communication hook, and takes no strings.

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel

from ipl.errors import InputError
from ipl.training.job import Compression, TrainingOptions

__all__ = ["World", "data_parallel", "join"]


@dataclass(frozen=True)
class World:
    """This rank among `size` ranks, and the device that it trains on. One rank alone needs no process group."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Adds up `values` of all ranks, in place, and returns them."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def from_first(self, value: Any) -> Any:
        """Returns what the first rank passed."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


@contextmanager
def join(options: TrainingOptions) -> Iterator[World]:
    """Joins the ranks that torchrun started, over NCCL on GPUs and gloo on CPUs, and leaves them at the end."""
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    device = _device(options.device, int(os.environ.get("LOCAL_RANK", "0")))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if size == 1:
        yield World(rank, size, device)
        return
    # Ranks that share a GPU cannot use NCCL; gloo carries GPU tensors too.
    own_gpu = device.type == "cuda" and int(os.environ["LOCAL_WORLD_SIZE"]) <= torch.cuda.device_count()
    dist.init_process_group("cpu:gloo,cuda:nccl" if own_gpu else "gloo")
    try:
        yield World(rank, size, device)
    finally:
        dist.destroy_process_group()


def _device(name: str, local_rank: int) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device: found cuda, but torch sees no GPU here; use device: cpu, or auto")
    return torch.device("cuda", local_rank % torch.cuda.device_count()) if name == "cuda" else torch.device(name)


def data_parallel(model: nn.Module, world: World, compression: Compression) -> nn.Module:
    """Wraps `model` so that a backward pass leaves the mean of all ranks' gradients on each of them."""
    if world.size == 1:
        return model
    # DDP may regroup gradients after its first step. More than two summands then come in another order, and a
    # run that was cut short would differ from one that was not in the last bit; looking for unused parameters
    # switches the regrouping off.
    on_gpu = world.device.type == "cuda"
    wrapped = DistributedDataParallel(
        model, device_ids=[world.device.index] if on_gpu else None, find_unused_parameters=world.size > 2 and not on_gpu
    )
    if compression == "fp16":
        wrapped.register_comm_hook(world, _mean_in_fp16)
    return wrapped


def _mean_in_fp16(world: World, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
    """Sums gradients as fp16; divides first, as a sum above 65,504 would overflow."""
    gradients: Tensor = bucket.buffer()
    halves = (gradients / world.size).to(torch.float16)
    sent = dist.all_reduce(halves, async_op=True).get_future()

    def unpack(done: Future[list[Tensor]]) -> Tensor:
        return gradients.copy_(done.value()[0])

    averaged: Future[Tensor] = sent.then(unpack)
    return averaged
