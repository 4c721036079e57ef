"""An initializer: the student's state before training."""

from collections.abc import Sequence

import ipl
from ipl.errors import InputError
from ipl.records import Cycle, ModelRef


@ipl.plugin("my_initializer")
class MyInitializer:
    """The student starts as the teacher where there is one, else as the newest model."""

    @ipl.hookimpl
    def initialize(self, cycle: Cycle, models: Sequence[ModelRef], teacher: ModelRef | None) -> ModelRef:
        """Returns a model; ask for `labelled` and `out_dir` too to make a new one."""
        if teacher is None and not models:
            raise InputError(f"cycle {cycle.name}: there is no model to start from; initializer: scratch makes one")
        return teacher or models[-1]
