"""Run by torchrun for test_compression.py: puts each way of averaging gradients to its tests, writes what came out."""

import copy
import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from ipl.training.communication import World, data_parallel
from ipl.training.compression import averager_for
from ipl.training.job import TrainingOptions

KINDS = ("none", "fp16", "bf16", "powersgd", "onebit")
BUCKET_MB = 0.01


def model():
    torch.manual_seed(3)
    return nn.Sequential(*(layer for _ in range(6) for layer in (nn.Linear(64, 64), nn.Tanh())), nn.Linear(64, 5))


def loss_of(net, world, step):
    """Uneven batches: the first rank has 1 row, the second 7, at every fifth step none."""
    torch.manual_seed(100 * step + world.rank)
    rows = (1 + 6 * world.rank) * (step % 5 > 0 or world.rank == 0)
    return net(torch.randn(rows, 64)).square().sum() / 8 * world.size


class Hooked:
    def __init__(self, kind, world, rank=2):
        self.model, self.world = model(), world
        self.averager = averager_for(self.model, world.size, TrainingOptions(compression=kind, powersgd_rank=rank))
        if kind == "onebit":
            draws = torch.Generator().manual_seed(4)
            shapes = {each: each.shape for each in self.model.parameters()}
            self.averager.deviations = {
                each: 0.1 + torch.rand(shape, generator=draws) for each, shape in shapes.items()
            }
        self.buckets = set()
        average = self.averager.average
        self.averager.average = lambda bucket: (self.buckets.add(bucket.index()), average(bucket))[1]
        self.parallel = data_parallel(self.model, world, self.averager, BUCKET_MB)

    def gradients(self, step, poison=False):
        self.averager.begin(compresses=True)
        self.model.zero_grad()
        loss = loss_of(self.parallel, self.world, step)
        (loss * float("nan") if poison else loss).backward()
        return [each.grad.clone() for each in self.model.parameters()]


def exact_gradients(world, step, net):
    """The means over ranks, and the largest number that any rank has in each of its own."""
    net.zero_grad()
    loss_of(net, world, step).backward()
    found = [each.grad.clone() for each in net.parameters()]
    largest = torch.stack([each.abs().max() for each in found])
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    for each in found:
        dist.all_reduce(each)
        each /= world.size
    return found, largest


def distance(ours, theirs):
    ours, theirs = (torch.cat([each.flatten() for each in some]) for some in (ours, theirs))
    return float((ours - theirs).norm() / theirs.norm())


def remembered(averager):
    """The mean over ranks of what each remembers, by parameter."""
    memory = {}
    for name, tensor in averager.state().get("memory", {}).items():
        memory[name] = tensor.clone()
        dist.all_reduce(memory[name])
        memory[name] /= dist.get_world_size()
    return memory


def outcome(kind, world):
    hooked = Hooked(kind, world)
    net, steps = model(), 40
    sums, exact_sums, first, largest = None, None, None, torch.zeros(())
    for step in range(1, steps + 1):
        ours, (exact, peaks) = hooked.gradients(step), exact_gradients(world, step, net)
        largest = torch.maximum(largest, peaks)
        first = distance(ours, exact) if first is None else first
        sums = ours if sums is None else [a + b for a, b in zip(sums, ours, strict=True)]
        exact_sums = exact if exact_sums is None else [a + b for a, b in zip(exact_sums, exact, strict=True)]
    names = [name for name, _ in net.named_parameters()]
    own = hooked.averager.state().get("memory", {})
    memory = remembered(hooked.averager)
    whole = [s + memory[n].view_as(s) if n in memory else s for n, s in zip(names, sums, strict=True)]

    others = [torch.zeros_like(each) for each in ours]
    for other, each in zip(others, ours, strict=True):
        other.copy_(each)
        dist.broadcast(other, src=0)
    agree = all(torch.equal(other, each) for other, each in zip(others, ours, strict=True))

    again = Hooked(kind, world)
    again.averager.restore(copy.deepcopy(hooked.averager.state()))
    goes_on = all(torch.equal(a, b) for a, b in zip(hooked.gradients(99), again.gradients(99), strict=True))

    poisoned = hooked.gradients(52, poison=world.rank == 1)
    spreads = not all(each.isfinite().all() for each in poisoned)
    healthy = all(each.isfinite().all() for each in hooked.gradients(51))

    raw = 4 * sum(each.numel() for each in net.parameters()) * (steps + 3)
    return {
        "first_distance": first,
        "telescoped_distance": distance(whole, exact_sums),
        "vectors_remembered": [
            float(own[n].abs().max() / peak)
            for n, peak in zip(names, largest, strict=True)
            if n in own and own[n].dim() < 2
        ],
        "ranks_agree": agree,
        "goes_on": goes_on,
        "poison_spreads": spreads,
        "healthy_after": healthy,
        "bytes_ratio": raw / hooked.averager.sent_bytes,
        "buckets": len(hooked.buckets),
    }


def low_rank(world, sent_dtype):
    """One row a rank and no memory: the mean gradient of a matrix has rank 2, so PowerSGD of rank 2 loses nothing."""
    hooked = Hooked("powersgd", world, rank=2)
    hooked.averager.sent_dtype = sent_dtype
    hooked.averager.begin(compresses=True)

    def loss(net):
        torch.manual_seed(world.rank)
        return net(torch.randn(1, 64)).square().sum()

    loss(hooked.parallel).backward()
    net = model()
    loss(net).backward()
    exact = [each.grad for each in net.parameters()]
    for each in exact:
        dist.all_reduce(each)
        each /= world.size
    return distance([each.grad for each in hooked.model.parameters()], exact)


def main(out):
    dist.init_process_group("gloo")
    world = World(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    torch.set_num_threads(1)
    found = {kind: outcome(kind, world) for kind in KINDS}
    for dtype in (torch.float32, torch.float16, torch.int8):
        found[f"low_rank_distance_{str(dtype).removeprefix('torch.')}"] = low_rank(world, dtype)
    (out / f"rank-{world.rank}.json").write_text(json.dumps(found))
    dist.barrier()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
