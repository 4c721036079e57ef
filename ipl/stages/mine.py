"""Mining inside a run: the plan's sources to pairs, before the first cycle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ipl.config import Choice
from ipl.fingerprint import of_path
from ipl.records import ModelRef
from ipl.registry import implement
from ipl.rundir import Artifact
from ipl.stages.context import Context

__all__ = ["given_models", "mine_sources"]


def given_models(ctx: Context) -> list[ModelRef]:
    """The models that the plan was given, where the model pool begins."""
    return [ModelRef(path, of_path(path)) for path in ctx.plan.models]


def _supply(ctx: Context, number: int, choice: Choice) -> Artifact:
    def work(out_dir: Path) -> dict[str, Any]:
        made = implement("supplier", [choice.make()])(out_dir=out_dir, seed=ctx.plan.seed)
        return {"files": sorted(str(path.relative_to(out_dir)) for path in made)}

    return ctx.run.stage(f"sources/{number}-{choice.name}", {"plugin": choice.identity(), "seed": ctx.plan.seed}, work)
