"""The contracts of selectors, filters and batchers: what moves data in a cycle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from ipl.records import Vote
from ipl.schemas import DECISIONS
from ipl.testing.bench import CYCLE, Bench, Contract, numbered
from ipl.testing.result import CheckResult
from ipl.testing.small_data import small_dataset, small_hypotheses

__all__ = ["CONTRACTS"]


def check_selector(bench: Bench) -> Iterator[CheckResult]:
    """Known utt_ids, each once, the same for the same seed."""
    pool = small_dataset(bench.folder / "pool", count=12, origin="unlabelled")
    known = {row["utt_id"] for row in pool.read_columns("utt_id")}
    chosen = list(bench.call(cycle=CYCLE, pool=pool))
    strangers = [f"found {each!r}, which is not in the pool" for each in chosen if each not in known]
    yield CheckResult("selects utt_ids of the pool", numbered(strangers))
    twice = [f"found {each!r} {count} times" for each, count in Counter(chosen).items() if count > 1]
    yield CheckResult("selects each at most once", numbered(twice))
    again = list(bench.call(cycle=CYCLE, pool=pool))
    yield CheckResult(
        "selects the same for the same seed",
        None if set(again) == set(chosen) else f"found {len(set(again) ^ set(chosen))} other utt_ids at a second call",
    )


def check_filter(bench: Bench) -> Iterator[CheckResult]:
    """At most one vote for each hypothesis that is there, the same at every call."""
    hypotheses = small_hypotheses(bench.folder / "hypotheses", count=20)
    known = {each.utt_id for each in hypotheses}
    votes: list[Vote] = list(bench.call(cycle=CYCLE, hypotheses=hypotheses))
    strangers = [f"found a vote on {vote.utt_id!r}" for vote in votes if vote.utt_id not in known]
    yield CheckResult("votes only on hypotheses that are there", numbered(strangers))
    twice = [f"found {n} votes on {utt_id!r}" for utt_id, n in Counter(v.utt_id for v in votes).items() if n > 1]
    yield CheckResult("votes at most once on each", numbered(twice))
    odd = [f"found {v.decision!r}, expected {', '.join(DECISIONS)}" for v in votes if v.decision not in DECISIONS]
    yield CheckResult("says keep, reject or abstain", numbered(odd))
    mute = [f"{v.utt_id!r} is rejected without one" for v in votes if v.decision == "reject" and not v.reason]
    yield CheckResult("gives a reason with every reject", numbered(mute))
    again = list(bench.call(cycle=CYCLE, hypotheses=hypotheses))
    yield CheckResult("votes the same at a second call", None if again == votes else "found other votes")
    none = list(bench.call(cycle=CYCLE, hypotheses=small_hypotheses(bench.folder / "none", count=0)))
    yield CheckResult("votes on nothing where nothing was recognised", f"found {none[0]}" if none else None)


def check_batcher(bench: Bench) -> Iterator[CheckResult]:
    """Full steps of known rows, for one rank and for several, for one row and for many."""
    incomplete, empty, outside, none = [], [], [], []
    for num_rows, ranks in ((1, 1), (1, 2), (7, 3), (60, 1), (60, 2)):
        case = f"{num_rows} rows, {ranks} ranks"
        for epoch in (0, 1):
            steps = _steps(bench, epoch, ranks, small_rows(num_rows))
            none += [] if steps else [f"{case}: found no steps"]
            for number, step in enumerate(steps):
                where = f"{case}, epoch {epoch}, step {number}"
                incomplete += [f"{where}: found {len(step)} batches"] if len(step) != ranks else []
                empty += [f"{where}: rank {rank} has no rows" for rank, rows in enumerate(step) if not rows]
                bad = [row for rows in step for row in rows if not 0 <= row < num_rows]
                outside += [f"{where}: found row {bad[0]}, expected 0 to {num_rows - 1}"] if bad else []
    yield CheckResult("makes steps", numbered(none))
    yield CheckResult("makes a batch for every rank at every step", numbered(incomplete))
    yield CheckResult("leaves no rank without rows", numbered(empty))
    yield CheckResult("batches rows that are there", numbered(outside))
    rows = small_rows(30)
    same = _steps(bench, 1, 2, rows) == _steps(bench, 1, 2, rows)
    yield CheckResult("makes the same steps for the same arguments", None if same else "found others at a second call")


def _steps(bench: Bench, epoch: int, ranks: int, utterances: pa.Table) -> list[list[list[int]]]:
    steps: Any = bench.call(cycle=CYCLE, epoch=epoch, ranks=ranks, utterances=utterances)
    return [[[int(row) for row in rows] for rows in step] for step in steps]


def small_rows(count: int) -> pa.Table:
    """Rows for a batcher: durations from 0 to 20 s, two thirds pseudo-labelled, some without confidence."""
    durations_ms = np.random.default_rng(count).integers(0, 20_000, size=count)
    origins = ["labelled" if row % 3 == 0 else "pseudo" for row in range(count)]
    confidences = [None if row % 4 == 0 else 0.5 for row in range(count)]
    return pa.table(
        {
            "duration_ms": pa.array(durations_ms, pa.int64()),
            "origin": pa.array(origins, pa.string()),
            "confidence": pa.array(confidences, pa.float32()),
        }
    )


CONTRACTS: dict[str, Contract] = {"selector": check_selector, "filter": check_filter, "batcher": check_batcher}
