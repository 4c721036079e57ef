"""Which models of a pool are meant by `best` and `newest`."""

from __future__ import annotations

from collections.abc import Sequence

from ipl.errors import InputError
from ipl.records import Cycle, ModelRef

__all__ = ["best_first", "newest", "of_newest_cycle"]


def newest(cycle: Cycle, models: Sequence[ModelRef]) -> ModelRef:
    """The last model made; InputError where there is none."""
    if not models:
        raise InputError(
            f"cycle {cycle.index} ({cycle.name}): there is no model yet; "
            "let an earlier cycle train one from scratch, or give one with {use: external, path: ...}"
        )
    return models[-1]


def of_newest_cycle(cycle: Cycle, models: Sequence[ModelRef]) -> list[ModelRef]:
    """The models of the last cycle that made any, oldest first."""
    last = newest(cycle, models).cycle
    return [model for model in models if model.cycle == last]


def best_first(cycle: Cycle, models: Sequence[ModelRef]) -> list[ModelRef]:
    """Models in order of error on the dev set, the newer first among equals; those never measured come last.

    A model that a plan was given has no error yet. Raises InputError where there is no model.
    """
    newest(cycle, models)
    newest_first = models[::-1]
    return sorted(newest_first, key=lambda model: float("inf") if model.dev_error is None else model.dev_error)
