"""The optimizer, its learning rate at every step, and mixed precision."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from ipl.training.frozen_variance import FrozenVarianceAdamW
from ipl.training.job import Amp, Schedule, TrainingOptions

__all__ = ["adamw", "amp_dtype", "learning_rate", "parameter_groups"]


def adamw(model: nn.Module, options: TrainingOptions) -> FrozenVarianceAdamW:
    """AdamW (arXiv 1711.05101) as `parameter_groups` says."""
    groups, settings = parameter_groups(model, options)
    return FrozenVarianceAdamW(groups, **settings)


def parameter_groups(model: nn.Module, options: TrainingOptions) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """AdamW's parameters and settings; biases and norms, being vectors, do not decay."""
    parameters = [each for each in model.parameters() if each.requires_grad]
    groups = [
        {"params": [each for each in parameters if each.dim() > 1], "weight_decay": options.weight_decay},
        {"params": [each for each in parameters if each.dim() <= 1], "weight_decay": 0.0},
    ]
    return groups, {"lr": options.learning_rate, "betas": (0.9, 0.98)}


def learning_rate(step: int, total: int, options: TrainingOptions) -> float:
    """The learning rate of a step, from 0, of `total`: a pure function, so a checkpoint needs no scheduler.

    >>> options = TrainingOptions(learning_rate=1.0, warmup_share=0.2, schedule="hold_decay")
    >>> [round(learning_rate(step, 10, options), 2) for step in range(10)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2]
    """
    warmup = round(total * options.warmup_share)
    if step < warmup:
        return options.learning_rate * (step + 1) / warmup
    return options.learning_rate * _after_warmup(options.schedule, step, max(1, warmup), warmup, total)


def _after_warmup(schedule: Schedule, step: int, first: int, warmup: int, total: int) -> float:
    if schedule == "cosine":
        return 0.5 + 0.5 * math.cos(math.pi * (step - warmup) / max(1, total - warmup))
    if schedule == "inverse_sqrt":
        return math.sqrt(first / max(first, step))
    if schedule == "hold_decay":
        held = max(warmup, total // 2)
        return min(1.0, (total - step) / max(1, total - held))
    return 1.0


def amp_dtype(amp: Amp, device: torch.device) -> torch.dtype | None:
    """The type of mixed precision on this device, or None for float32 throughout."""
    if amp == "off" or (amp == "auto" and device.type != "cuda"):
        return None
    if amp == "auto":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if amp == "bf16" else torch.float16
