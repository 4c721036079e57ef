"""Mining inside a run: the plan's sources to pairs, before the first cycle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipl.asr.models.reference import model_ref
from ipl.config import Choice, MinePlan
from ipl.fingerprint import of_files, of_path
from ipl.progress import counted
from ipl.records import ModelRef
from ipl.rundir import Artifact
from ipl.stages.context import Context, call

if TYPE_CHECKING:
    from ipl.mining.pipeline import MiningResult

__all__ = ["given_models", "mine_into", "mine_sources"]


def given_models(ctx: Context) -> list[ModelRef]:
    """The models that the plan was given, where the model pool begins."""
    return [model_ref(path) for path in ctx.plan.models]


def mine_sources(ctx: Context) -> Artifact | None:
    """The pairs of the plan's sources; None in a plan that does not mine.

    Mining keeps its own receipts, one a source: a new source costs only itself.
    """
    plan = ctx.plan.mine
    if plan is None:
        return None
    from ipl.mining.plan import MINING_REVISION

    supplied = [_supply(ctx, number, choice) for number, choice in enumerate(plan.suppliers)]
    sources = [*plan.sources, *(str(made.path) for made in supplied)]

    def work(out_dir: Path) -> dict[str, Any]:
        result = mine_into(out_dir, sources, plan, ctx.plan.plugin_files, ctx.workers, ctx.executor)
        return {"pairs": of_path(result.pairs), "to_try_again": result.summary["num_to_try_again"]}

    parts = {
        "plugins": {role: [choice.identity() for choice in choices] for role, choices in plan.choices.items()},
        "language": plan.language,
        "supplied": [made.fingerprint for made in supplied],
        "sources": [_contents(source) for source in plan.sources],
        "revision": MINING_REVISION,
    }

    def again(result: dict[str, Any]) -> str | None:  # a worker that died, a disk that was away
        count = result["to_try_again"]
        return f"{counted(count, 'source')} could not be used; trying again" if count else None

    made = ctx.run.stage("mine", parts, work, in_place=True, again=again)
    pairs = made.result["pairs"] if made.result else None
    return Artifact(made.path, ctx.run.derived(made, pairs), made.result)


def mine_into(
    out_dir: Path,
    sources: Sequence[str],
    plan: MinePlan,
    files: Sequence[Path],
    workers: int,
    executor: str,
    srt: bool = False,
) -> MiningResult:
    """Mines sources into a folder with the plugins of a plan; with `srt` their cues become subtitle files too."""
    from ipl.mining.pipeline import mine
    from ipl.mining.plan import MiningPlan, PluginChoice

    plugins = {
        role: [PluginChoice(choice.name, choice.options) for choice in choices]
        for role, choices in plan.choices.items()
    }
    return mine(sources, out_dir, MiningPlan(plugins, plan.language, files), workers, executor, srt)


def _supply(ctx: Context, number: int, choice: Choice) -> Artifact:
    def work(out_dir: Path) -> dict[str, Any]:
        made = call(choice, "paths", out_dir=out_dir, seed=ctx.plan.seed)
        return {"files": sorted(str(path.relative_to(out_dir)) for path in made)}

    return ctx.run.stage(f"sources/{number}-{choice.name}", {"plugin": choice.identity(), "seed": ctx.plan.seed}, work)


def _contents(source: str) -> str:
    """What lies at a source: a file with those beside it, a folder, all that a glob matches."""
    from ipl.mining.sources import beside, find_sources

    found = [each.path for each in find_sources([source])]
    return of_files([file for path in found for file in (path, *beside(path))])
