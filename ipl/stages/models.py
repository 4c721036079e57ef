"""The two stages that give a model: the teacher's builder and the student's initializer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ipl.config import Choice
from ipl.crashes import blaming
from ipl.errors import PluginError
from ipl.records import Cycle, ModelRef
from ipl.registry import HOOKS, implement
from ipl.rundir import Artifact
from ipl.stages.context import Context, Data

__all__ = ["build", "initialize"]


def build(ctx: Context, cycle: Cycle, models: Sequence[ModelRef], selected: Artifact | None) -> ModelRef | None:
    """The teacher, out of the model pool; None in a cycle that recognises nothing, or that knows the true texts."""
    plan = ctx.plan_of(cycle)
    if selected is None or plan.oracle:
        return None
    choice = plan.roles["builder"]
    inputs = {"models": _identities(models)} if "models" in choice.info.arguments else {}
    return _model(ctx, cycle, "build", choice, inputs, {"models": list(models)})


def initialize(
    ctx: Context, cycle: Cycle, models: Sequence[ModelRef], teacher: ModelRef | None, sets: dict[str, Data]
) -> ModelRef:
    """The student's initial state."""
    labelled = next(sets[name] for name in ("labelled", "mined", "dev") if name in sets)
    choice = ctx.plan_of(cycle).roles["initializer"]
    inputs = {
        "models": _identities(models),
        "teacher": teacher.fingerprint if teacher else None,
        "labelled": labelled.fingerprint,
    }
    wanted = {name: value for name, value in inputs.items() if name in choice.info.arguments}
    values = {"models": list(models), "teacher": teacher, "labelled": labelled.dataset}
    return _model(ctx, cycle, "initialize", choice, wanted, values)


def _identities(models: Sequence[ModelRef]) -> list[str]:
    return [model.fingerprint for model in models]


def _model(
    ctx: Context, cycle: Cycle, stage: str, choice: Choice, inputs: dict[str, Any], values: dict[str, Any]
) -> ModelRef:
    name = f"cycle-{cycle.index:03d}/{stage}"

    def work(out_dir: Path) -> dict[str, Any]:
        with blaming(choice.info):
            model = implement(choice.info.role, [choice.make()])(cycle=cycle, out_dir=out_dir, **values)
        if not isinstance(model, ModelRef):
            raise PluginError(
                f"{choice.info.role} {choice.name!r}: {HOOKS[choice.info.role]} returned {model!r}, expected a ModelRef"
            )
        if not (model.path / "config.json").is_file():
            raise PluginError(
                f"{choice.info.role} {choice.name!r}: {model.path} is no model; expected config.json in it"
            )
        return ctx.portable(_moved(model, out_dir, ctx.run.path / name))

    parts = {"plugin": choice.identity(), "seed": cycle.seed, **inputs}
    made = ctx.run.stage(name, parts, work)
    return ctx.restore(made.result, made.fingerprint)


def _moved(model: ModelRef, partial: Path, final: Path) -> ModelRef:
    """A model written to a stage's hidden folder will lie in the stage's own."""
    if not model.path.is_relative_to(partial):
        return model
    path = final / model.path.relative_to(partial)
    return ModelRef(path, model.fingerprint, model.cycle, model.epoch, model.dev_error)
