"""How the ranks of a training talk to each other."""

# Annotations are not postponed here: torch looks at those of a communication hook, and takes no strings.
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel

from ipl.asr.recognition import pick_device
from ipl.training.compression import Averager
from ipl.training.job import TrainingOptions

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

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Overwrites `tensors` with those of the first rank."""
        if self.size > 1:
            for each in tensors:
                dist.broadcast(each, src=0)

    def gather(self, value: Any) -> list[Any]:
        """Returns what each rank passed, in order, on the first rank; an empty list elsewhere."""
        if self.size == 1:
            return [value]
        values = [None] * self.size if self.is_first else None
        dist.gather_object(value, values)
        return values or []

    def as_first(self, flag: bool) -> bool:
        """Returns the first rank's `flag`; quicker than `from_first`."""
        return bool(self.sum(torch.tensor(float(flag and self.is_first))))

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
    # Ranks that share a GPU, as all do where one is named, cannot use NCCL; gloo carries GPU tensors too.
    is_enough = int(os.environ["LOCAL_WORLD_SIZE"]) <= torch.cuda.device_count()
    own_gpu = device.type == "cuda" and is_enough and ":" not in options.device
    dist.init_process_group("cpu:gloo,cuda:nccl" if own_gpu else "gloo")
    try:
        yield World(rank, size, device)
    finally:
        dist.destroy_process_group()


def _device(name: str, local_rank: int) -> torch.device:
    device = pick_device(name)
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", local_rank % torch.cuda.device_count())
    return device


def data_parallel(model: nn.Module, world: World, averager: Averager, bucket_mb: float = 25.0) -> nn.Module:
    """Wraps `model` so that a backward pass leaves what `averager` makes of all ranks' gradients on each of them.

    Gradients travel in buckets of about `bucket_mb` megabytes, each as soon as it is full.
    """
    if world.size == 1:
        return model
    # DDP may regroup gradients after its first step. More than two summands then come in another order, and a
    # run that was cut short would differ from one that was not in the last bit; looking for unused parameters
    # switches the regrouping off.
    on_gpu = world.device.type == "cuda"
    wrapped = DistributedDataParallel(
        model,
        device_ids=[world.device.index] if on_gpu else None,
        bucket_cap_mb=bucket_mb,
        find_unused_parameters=world.size > 2 and not on_gpu,
    )
    wrapped.register_comm_hook(averager, _average)
    return wrapped


def _average(averager: Averager, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
    return averager.average(bucket)
