"""Built-in builders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import ipl
from ipl.asr.models.reference import model_ref
from ipl.records import Cycle, ModelRef
from ipl_plugins.model_pool import best_first, newest, of_newest_cycle

__all__ = ["Average", "Best", "External", "Last"]


@ipl.plugin("last")
class Last:
    """The newest model is the teacher, whatever its error."""

    @ipl.hookimpl
    def build(self, cycle: Cycle, models: Sequence[ModelRef]) -> ModelRef:
        """Returns the last of `models`."""
        return newest(cycle, models)


@ipl.plugin("best")
class Best:
    """The model with the lowest error on the dev set is the teacher; the newer one among equals."""

    of: Literal["last-cycle", "all"] = "last-cycle"
    "which models may win: those of the last cycle that trained, or all of the run"

    @ipl.hookimpl
    def build(self, cycle: Cycle, models: Sequence[ModelRef]) -> ModelRef:
        """Returns one of `models`."""
        return best_first(cycle, of_newest_cycle(cycle, models) if self.of == "last-cycle" else models)[0]


@ipl.plugin("average")
class Average:
    """The mean of the weights of several checkpoints of the last cycle that trained is the teacher."""

    count: int = 5
    "checkpoints to average; all there are where there are fewer"
    of: Literal["best", "newest"] = "best"
    "the best on the dev set, or the newest"

    def __post_init__(self) -> None:
        """Refuses an average of nothing."""
        if self.count < 1:
            raise ValueError(f"count: found {self.count}, expected 1 or more")

    @ipl.hookimpl
    def build(self, cycle: Cycle, models: Sequence[ModelRef], out_dir: Path) -> ModelRef:
        """Writes a new model to `out_dir`."""
        from ipl.asr.models.average import average

        candidates = of_newest_cycle(cycle, models)
        ordered = best_first(cycle, candidates) if self.of == "best" else candidates[::-1]
        average([model.path for model in ordered[: self.count]], out_dir)
        return model_ref(out_dir, cycle=candidates[-1].cycle)


@ipl.plugin("external")
class External:
    """A model from outside the run is the teacher."""

    path: Path
    "folder of the model: model.safetensors and config.json"

    @ipl.hookimpl
    def build(self) -> ModelRef:
        """Returns the model at `path`."""
        return model_ref(self.path)
