"""AdamW (arXiv 1711.05101) whose variance can be frozen, as in 1-bit Adam (arXiv 2102.02888)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["FrozenVarianceAdamW"]

SMALLEST_SHARE = 0.1
"""A frozen deviation is at least this share of its parameter's mean deviation. One that was next to nothing when it
was frozen would blow up what compression adds to a gradient that is next to nothing itself."""


class FrozenVarianceAdamW(torch.optim.AdamW):
    """AdamW, bit by bit, until `freeze_variance`; from then on momentum with a step size of its own for each number."""

    def freeze_variance(self) -> dict[Tensor, Tensor]:
        """Keeps the variance as it is from now on; does nothing the second time, or before there is a variance.

        Returns what updates of each parameter are divided by.
        """
        for group in self.param_groups:
            states = [self.state[each] for each in group["params"] if "step" in self.state[each]]
            if not states or group.get("frozen"):
                continue
            group["frozen"] = True
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
                parameter.addcdiv_(state["exp_avg"], self._deviation(parameter, group), value=-group["lr"] / mean_share)
        return None
