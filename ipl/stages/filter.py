"""Filtering: votes on hypotheses, and the verdict that they combine to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from ipl.config import Choice
from ipl.config.plan import FilterRule
from ipl.crashes import blaming
from ipl.errors import PluginError
from ipl.records import Cycle, Hypothesis, Vote
from ipl.registry import implement
from ipl.rundir import Artifact
from ipl.schemas import DECISIONS, VOTES
from ipl.stages.context import Context
from ipl.tables import Table, write_table

__all__ = ["VERDICT", "combine", "filter_hypotheses", "verdicts"]

VERDICT = "verdict"


def filter_hypotheses(ctx: Context, cycle: Cycle, predicted: Artifact | None) -> Artifact | None:
    """The votes and the verdict on each hypothesis; None in a cycle that recognises nothing."""
    if predicted is None:
        return None
    plan = ctx.plan_of(cycle)
    filters = () if plan.oracle else plan.filters

    def work(out_dir: Path) -> dict[str, Any]:
        hypotheses = Table.of_hypotheses(predicted.path)
        write_table(out_dir / "votes.parquet", _rows(cycle, filters, plan.filter_rule, hypotheses), VOTES)
        return {}

    parts = {
        "filters": [choice.identity() for choice in filters],
        "rule": plan.filter_rule,
        "seed": cycle.seed,
        "hypotheses": predicted.fingerprint,
    }
    return ctx.run.stage(f"cycle-{cycle.index:03d}/filter", parts, work)


def _rows(
    cycle: Cycle, filters: Sequence[Choice], rule: FilterRule, hypotheses: Table[Hypothesis]
) -> Iterator[dict[str, Any]]:
    """Each filter's votes in turn, then the verdicts. Kept in memory: two small numbers and a reason an utterance."""
    keeps: dict[str, int] = {}
    rejects: dict[str, int] = {}
    reasons: dict[str, str] = {}
    known = {row["utt_id"] for batch in hypotheses.batches(["utt_id"]) for row in batch.to_pylist()}
    for choice in filters:
        seen: set[str] = set()
        for vote in _votes(choice, cycle, hypotheses):
            _check(choice, vote, known, seen)
            seen.add(vote.utt_id)
            if vote.decision == "keep":
                keeps[vote.utt_id] = keeps.get(vote.utt_id, 0) + 1
            elif vote.decision == "reject":
                rejects[vote.utt_id] = rejects.get(vote.utt_id, 0) + 1
                reasons.setdefault(vote.utt_id, f"{choice.name}: {vote.reason}" if vote.reason else choice.name)
            yield {
                "utt_id": vote.utt_id,
                "filter": choice.name,
                "decision": vote.decision,
                "reason": vote.reason,
                "value": vote.value,
            }
    for batch in hypotheses.batches(["utt_id"]):
        for row in batch.to_pylist():
            utt_id = row["utt_id"]
            kept = combine(rule, keeps.get(utt_id, 0), rejects.get(utt_id, 0))
            decision, reason = ("keep", None) if kept else ("reject", reasons[utt_id])
            yield {"utt_id": utt_id, "filter": VERDICT, "decision": decision, "reason": reason, "value": None}


def _votes(choice: Choice, cycle: Cycle, hypotheses: Table[Hypothesis]) -> Iterator[Vote]:
    with blaming(choice.info):
        votes = implement("filter", [choice.make()])(cycle=cycle, hypotheses=hypotheses)
        if not votes:  # pluggy leaves a None out
            raise PluginError(
                f"filter {choice.name!r}: vote returned nothing, expected votes (an empty list where it abstains)"
            )
        yield from votes[0]


def _check(choice: Choice, vote: Vote, known: set[str], seen: set[str]) -> None:
    if vote.decision not in DECISIONS:
        raise PluginError(f"filter {choice.name!r}: found decision {vote.decision!r}, expected {', '.join(DECISIONS)}")
    if vote.utt_id not in known:
        raise PluginError(f"filter {choice.name!r}: votes on {vote.utt_id!r}, which was not recognised")
    if vote.utt_id in seen:
        raise PluginError(f"filter {choice.name!r}: votes twice on {vote.utt_id!r}")


def verdicts(folder: Path) -> dict[str, str | None]:
    """For each utt_id of a folder of votes why it was rejected; None where it was kept."""
    votes = Table(folder, VOTES, dict).read(["utt_id", "filter", "decision", "reason"])
    rows = votes.filter(pc.equal(votes["filter"], VERDICT)).to_pylist()
    return {row["utt_id"]: None if row["decision"] == "keep" else row["reason"] for row in rows}


def combine(rule: FilterRule, keeps: int, rejects: int) -> bool:
    """Whether a hypothesis is kept, given how many filters say keep and reject; the rest abstain.

    With no reject it is kept under every rule.

    >>> [combine(rule, 2, 1) for rule in ("all", "majority", "any")]
    [False, True, True]
    >>> [combine(rule, 0, 0) for rule in ("all", "majority", "any")]
    [True, True, True]
    """
    if rejects == 0:
        return True
    return {"all": False, "majority": keeps >= rejects, "any": keeps > 0}[rule]
