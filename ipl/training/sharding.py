"""How a model and its optimizer are spread over the ranks of a training.

    none   every rank holds everything
    zero1  a rank holds the optimizer's state of its share of the parameters (ZeRO, arXiv 1910.02054, stage 1)
    fsdp   a rank holds its share of parameters, gradients and state (stage 3; torch's `fully_shard`)

Weights and state come out whole and go in whole, in one form for all three, so that a training goes on with another
number of ranks.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from ipl.training.communication import World, data_parallel
from ipl.training.compression import Averager
from ipl.training.frozen_variance import FrozenVarianceAdamW
from ipl.training.job import TrainingOptions
from ipl.training.optimizers import adamw, parameter_groups

__all__ = ["FullyShard", "Replicated", "ZeroOne", "spread"]


class Replicated:
    """A model and an optimizer that every rank holds whole. `parallel` is what a batch goes through."""

    is_shared = False
    """Whether ranks hold different state, so that all of them take part where it is put together."""

    def __init__(self, model: nn.Module, world: World, averager: Averager, options: TrainingOptions) -> None:
        self.model = model
        self.parallel = self._wrap(world, averager)
        self.optimizer = self._optimizer(options)

    def _wrap(self, world: World, averager: Averager) -> nn.Module:
        return data_parallel(self.model, world, averager)

    def _optimizer(self, options: TrainingOptions) -> torch.optim.Optimizer:
        return adamw(self.model, options)

    def averaging(self, is_last: bool) -> AbstractContextManager[None]:
        """What a part of a batch goes there and back in: gradients travel with the last part alone."""
        if is_last or not isinstance(self.parallel, DistributedDataParallel):
            return nullcontext()
        return self.parallel.no_sync()

    def freeze_variance(self) -> dict[Tensor, Tensor]:
        """Keeps Adam's variance as it is from now on; returns what updates of each parameter are divided by."""
        assert isinstance(self.optimizer, FrozenVarianceAdamW)
        return self.optimizer.freeze_variance()

    def clip(self, limit: float) -> float:
        """Scales gradients of a larger norm down to `limit`; returns the norm, the same on every rank."""
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        return float(whole(norm))

    def optimizer_state(self) -> dict[str, Any]:
        """The state of the whole optimizer, on the first rank."""
        return self.optimizer.state_dict()

    def load_optimizer(self, state: dict[str, Any]) -> None:
        """Takes over what `optimizer_state` gave, of however many ranks."""
        self.optimizer.load_state_dict(state)


class ZeroOne(Replicated):
    """Every rank holds the model, and the optimizer's state for its share of the parameters."""

    is_shared = True
    optimizer: ZeroRedundancyOptimizer

    def _optimizer(self, options: TrainingOptions) -> ZeroRedundancyOptimizer:
        groups, settings = parameter_groups(self.model, options)
        return ZeroRedundancyOptimizer(groups, optimizer_class=torch.optim.AdamW, **settings)

    def optimizer_state(self) -> dict[str, Any]:
        """Gathers the shares; all ranks have to call this."""
        self.optimizer.consolidate_state_dict(to=0)
        if next(self.model.parameters()).is_cuda:
            torch.cuda.synchronize()  # torch copies it to the CPU and does not wait until it is there
        return self.optimizer.state_dict() if torch.distributed.get_rank() == 0 else {}


class FullyShard(Replicated):
    """Every rank holds a share of each parameter, and all that belongs to it."""

    is_shared = True

    def _wrap(self, world: World, averager: Averager) -> nn.Module:
        mesh = init_device_mesh(world.device.type, (world.size,))
        for module in reversed(list(self.model.modules())):
            if isinstance(module, nn.ModuleList):
                for layer in module:
                    fully_shard(layer, mesh=mesh)
        fully_shard(self.model, mesh=mesh)
        return self.model

    def averaging(self, is_last: bool) -> AbstractContextManager[None]:
        """Gradients travel with the last part alone."""
        self.parallel.set_requires_gradient_sync(is_last)  # type: ignore[operator]
        return nullcontext()

    def optimizer_state(self) -> dict[str, Any]:
        """Gathers the shares, onto the CPU as a GPU may not hold them all; all ranks have to call this."""
        state = self.optimizer.state_dict()
        state["state"] = {
            index: {name: whole(value).cpu() for name, value in values.items()}
            for index, values in state["state"].items()
        }
        return state

    def load_optimizer(self, state: dict[str, Any]) -> None:
        """Keeps its share of each value that has a parameter's form."""
        parameters = [each for group in self.optimizer.param_groups for each in group["params"]]
        shares = {
            index: {name: share(value, parameters[index]) for name, value in values.items()}
            for index, values in state["state"].items()
        }
        self.optimizer.load_state_dict(state | {"state": shares})


def spread(model: nn.Module, world: World, averager: Averager, options: TrainingOptions) -> Replicated:
    """Spreads `model` over ranks as `options.sharding` says; one rank alone has nothing to share."""
    kinds = {"none": Replicated, "zero1": ZeroOne, "fsdp": FullyShard}
    return kinds[options.sharding if world.size > 1 else "none"](model, world, averager, options)


def whole(value: Tensor) -> Tensor:
    """A tensor of which ranks hold shares, whole on each of them; any other as it is."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def share(value: Tensor, like: Tensor) -> Tensor:
    """This rank's share of `value`, which every rank has, where `like` is one and of its shape; else `value`."""
    if not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)
