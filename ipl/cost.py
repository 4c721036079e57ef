"""`ipl plan`: what a plan would do, and the audio that it would go through."""

from __future__ import annotations

from collections.abc import Iterator

from ipl.config import CyclePlan, DataSource, Plan
from ipl.progress import counted
from ipl.tables import Dataset

__all__ = ["describe_plan"]


def describe_plan(plan: Plan) -> Iterator[str]:
    """Yields lines: the data with their hours, then each cycle's stages with the hours that they go through.

    Hours of outside data sets and of videos are not known before they are read, and said to be so. Time is not
    foretold: speeds differ from machine to machine; a run's report says what its stages took.
    """
    yield f"{plan.name}: {counted(len(plan.cycles), 'cycle')}, seed {plan.seed}"
    hours = {name: _hours(getattr(plan.data, name)) for name in ("labelled", "pool", "dev", "test")}
    for name, known in hours.items():
        also = " and what is mined" if name in plan.data.mined else ""
        if getattr(plan.data, name) or also:
            yield f"  {name}: {_shown(known)}{also}"
    if plan.mine:
        chosen = ", ".join(choice.name for choices in plan.mine.choices.values() for choice in choices)
        yield f"  mine: {counted(len(plan.mine.sources) + len(plan.mine.suppliers), 'source')}, by {chosen}"
    for index, cycle in enumerate(plan.cycles):
        yield f"cycle {index}, {cycle.name}:"
        yield from _cycle(cycle, hours, mines=plan.mine is not None)


def _cycle(cycle: CyclePlan, hours: dict[str, float | None], mines: bool) -> Iterator[str]:
    names = {role: choice.name for role, choice in cycle.roles.items()}
    if cycle.recognizes and cycle.oracle:
        yield f"  select by {names['selector']} from {_shown(hours['pool'])} of pool; take the true texts"
    elif cycle.recognizes:
        filters = " and ".join(choice.name for choice in cycle.filters) or "none"
        yield f"  select by {names['selector']} from {_shown(hours['pool'])} of pool"
        yield f"  recognise by {names['recognizer']}, the teacher built by {names['builder']}; filters: {filters}"
    trainer = cycle.roles["trainer"].make()
    is_there = {"labelled": True, "mined": mines, "pseudo": cycle.recognizes}
    sets = " + ".join(name for name in cycle.train_on if is_there[name])
    yield f"  student by {names['initializer']}; train by {names['trainer']} on {sets}, batches by {names['batcher']}"
    known = [hours["labelled"]] + ([hours["pool"]] if cycle.recognizes and "pseudo" in cycle.train_on else [])
    total = None if None in known else sum(each for each in known if each is not None)
    most = f"up to {trainer.epochs * total:.2f} hours of audio" if total is not None else _shown(total)
    aside = ", mined audio aside" if mines else ""
    yield f"  {counted(trainer.epochs, 'epoch')}, {counted(trainer.ranks, 'rank')}: {most} through the model{aside}"


def _hours(sources: tuple[DataSource, ...]) -> float | None:
    """Hours of the folders of utterances; None where a part is an outside data set, not read yet."""
    if any(source.corpus for source in sources):
        return None
    seconds = 0.0
    for source in sources:
        assert source.path is not None
        for row in Dataset.at(source.path).read_columns("num_samples", "sample_rate_hz"):
            seconds += row["num_samples"] / row["sample_rate_hz"]
    return seconds / 3600


def _shown(hours: float | None) -> str:
    return "an unknown number of hours" if hours is None else f"{hours:.2f} hours"
