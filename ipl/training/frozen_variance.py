"""AdamW (arXiv 1711.05101) whose variance can be frozen, as in 1-bit Adam (arXiv 2102.02888).

Frozen is how the numbers of a block differ from each other. How large a block's gradients are goes on changing with the
training, and every rank sees it in what arrives: one variance a block is what Adam needs most (Adam-mini, arXiv
2406.16793).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ipl.training.blocks import BLOCK, blocks, counts, from_blocks

__all__ = ["FrozenVarianceAdamW"]

SMALLEST_SHARE = 0.1
"""A frozen deviation is at least this share of its parameter's mean deviation. One that was next to nothing when it
was frozen would blow up what compression adds to a gradient that is next to nothing itself."""
SETTLED = 100
"""Steps after which compressed gradients are as large as they stay in comparison with those before: by then what ranks
remember of them no longer grows. From here on blocks are compared with what they were."""
LEAST, MOST = 0.1, 4.0
"""How far a block's deviations may go from where they were frozen."""


class FrozenVarianceAdamW(torch.optim.AdamW):
    """AdamW, bit by bit, until `freeze_variance`; from then on momentum with a step size of its own for each number,
    which changes block by block."""

    def freeze_variance(self) -> dict[Tensor, Tensor]:
        """Keeps the variance as it is from now on; does nothing the second time, or before there is a variance.

        Returns what updates of each parameter are divided by.
        """
        for group in self.param_groups:
            states = [self.state[each] for each in group["params"] if "step" in self.state[each]]
            if not states or group.get("frozen"):
                continue
            group["frozen"] = int(states[0]["step"])
            for state in states:
                deviation = (state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))).sqrt()
                state["exp_avg_sq"] = deviation.clamp(min=SMALLEST_SHARE * float(deviation.mean())).square()
        return {
            each: self._deviation(each, group)
            for group in self.param_groups
            for each in group["params"]
            if group.get("frozen") and "step" in self.state[each]
        }

    def _deviation(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        deviation: Tensor = self.state[parameter]["exp_avg_sq"].sqrt().add_(group["eps"])
        return deviation

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update from the gradients that are there."""
        if not all(group.get("frozen") for group in self.param_groups):
            return super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                state["step"] += 1
                state["exp_avg"].lerp_(parameter.grad, 1 - group["betas"][0])
                mean_share = 1 - group["betas"][0] ** float(state["step"])
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                deviation = self._deviation(parameter, group)
                deviation = deviation * self._change(parameter, deviation, group)
                parameter.addcdiv_(state["exp_avg"], deviation, value=-group["lr"] / mean_share)
        return None

    def _change(self, parameter: Tensor, deviation: Tensor, group: dict[str, Any]) -> Tensor | float:
        """By how much each block's deviations have changed since they were frozen; of the parameter's shape."""
        state, size = self.state[parameter], parameter.numel()
        assert parameter.grad is not None
        squares = blocks((parameter.grad / deviation).square()).sum(dim=1) / counts(size, parameter.device)  # [M]
        found = state.setdefault("block_squares", torch.ones_like(squares)).lerp_(squares, 1 - group["betas"][1])
        if int(state["step"]) == group["frozen"] + SETTLED:
            state["settled_squares"] = found.clone()
        if "settled_squares" not in state:
            return 1.0
        change = (found / state["settled_squares"]).sqrt().nan_to_num(1.0).clamp(LEAST, MOST)
        return from_blocks(change[:, None].expand(-1, BLOCK), size).view_as(parameter)
