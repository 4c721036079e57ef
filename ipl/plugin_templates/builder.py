"""A builder: which model is the teacher."""

from collections.abc import Sequence

import ipl
from ipl.errors import InputError
from ipl.records import Cycle, ModelRef


@ipl.plugin("my_builder")
class MyBuilder:
    """The model of some epochs ago is the teacher."""

    epochs_back: int = 1
    """how many epochs before the newest one"""

    @ipl.hookimpl
    def build(self, cycle: Cycle, models: Sequence[ModelRef]) -> ModelRef:
        """Returns one of `models`, oldest first; ask for `out_dir` too to write a new model there."""
        if not models:
            raise InputError(f"cycle {cycle.name}: there is no model yet; train one first: selector: none")
        return models[max(0, len(models) - 1 - self.epochs_back)]
