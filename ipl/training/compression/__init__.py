"""How gradients are made small on their way between ranks, one way a module.

DDP hands a hook its buckets of gradients one after the other, in the same order on every rank. Every collective here
is issued inside that call, and so in one order too; those that torch ships with PowerSGD are issued in callbacks,
whose order differs between ranks, and hang over gloo as soon as there are two buckets.

What a way remembers belongs to a parameter, not to a bucket: DDP regroups its buckets after the first step.
"""

from __future__ import annotations

from torch import nn

from ipl.training.compression.averager import Averager
from ipl.training.compression.half import HalfAverager
from ipl.training.compression.onebit import OneBitAverager
from ipl.training.compression.powersgd import PowerSgdAverager
from ipl.training.job import TrainingOptions

__all__ = ["Averager", "OneBitAverager", "averager_for"]


def averager_for(model: nn.Module, ranks: int, options: TrainingOptions) -> Averager:
    """The way of averaging gradients over `ranks` that `options.compression` names."""
    match options.compression:
        case "fp16" | "bf16":
            return HalfAverager(model, ranks, options.compression)
        case "powersgd":
            return PowerSgdAverager(model, ranks, options.powersgd_rank)
        case "onebit":
            return OneBitAverager(model, ranks)
        case "none":
            return Averager(model, ranks)
