"""Batching: the training index, and for every epoch the batches of every rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ipl.errors import PluginError, StageError
from ipl.progress import counted, say
from ipl.records import Cycle
from ipl.rundir import Artifact
from ipl.schemas import BATCHES, INDEX
from ipl.stages.context import Context, Data, call
from ipl.stages.filter import verdicts
from ipl.stages.select import index_rows
from ipl.tables import Index, Table, write_table

__all__ = ["batch"]


def batch(
    ctx: Context,
    cycle: Cycle,
    selected: Artifact | None,
    predicted: Artifact | None,
    filtered: Artifact | None,
    sets: dict[str, Data],
) -> Artifact:
    """The training index (labelled, mined and kept pseudo-labelled rows) and the batches of every epoch and rank."""
    plan = ctx.plan_of(cycle)
    choice, trainer = plan.roles["batcher"], plan.roles["trainer"].make()
    used = {name: data for name, data in sets.items() if name in plan.train_on}
    pseudo = filtered if "pseudo" in plan.train_on else None

    def work(out_dir: Path) -> dict[str, Any]:
        write_table(out_dir / "index.parquet", _training_rows(used, selected, predicted, pseudo), INDEX)
        table = Index(out_dir).read("num_samples", "sample_rate_hz", "origin", "confidence")
        if not table.num_rows:
            raise StageError(f"cycle {cycle.name!r} has nothing to train on; look at its votes, or at train_on")
        duration_ms = pc.divide(pc.multiply(table["num_samples"], 1000), pc.cast(table["sample_rate_hz"], pa.int64()))
        utterances = pa.table(
            {"duration_ms": duration_ms, "origin": table["origin"], "confidence": table["confidence"]}
        ).combine_chunks()
        if selected and predicted and pseudo and "pseudo" not in utterances["origin"].to_pylist():
            say(
                f"  {cycle.name}: no pseudo-label was kept: {_why_none(predicted, pseudo)}; it trains on the rest alone"
            )
        for epoch in range(trainer.epochs):
            steps = call(choice, "steps", cycle=cycle, epoch=epoch, ranks=trainer.ranks, utterances=utterances)
            rows = _batch_rows(choice.name, epoch, trainer.ranks, utterances.num_rows, steps)
            write_table(out_dir / f"epoch-{epoch:03d}.parquet", rows, BATCHES)
        num_given = pc.sum(pc.not_equal(table["origin"], "pseudo")).as_py()
        without_text = sum(len(data.dataset) for data in used.values()) - num_given
        if without_text:
            left_out = counted(without_text, "utterance")
            say(f"  left out, as there is no text: {left_out} of {', '.join(used)}")
        return {
            "hours": _hours_by_origin(utterances),
            "num_rows": utterances.num_rows,
            "num_without_text": without_text,
        }

    parts = {
        "plugin": choice.identity(),
        "seed": cycle.seed,
        "epochs": trainer.epochs,
        "ranks": trainer.ranks,
        "sets": {name: data.fingerprint for name, data in used.items()},
        "pseudo": pseudo.fingerprint if pseudo else None,
    }
    made = ctx.run.stage(f"cycle-{cycle.index:03d}/batch", parts, work)
    if not ctx.run.dry:
        indexed = used | ({"pool": sets["pool"]} if pseudo else {})
        named = (data.dataset.places(name) for name, data in indexed.items())
        Index(made.path).put_places({place: path for places in named for place, path in places.items()})
    return made


def _training_rows(
    sets: dict[str, Data], selected: Artifact | None, predicted: Artifact | None, filtered: Artifact | None
) -> Iterator[dict[str, Any]]:
    for name, data in sets.items():
        for row in index_rows(data.dataset, name, name, None):
            if row["text"]:  # a labelled row without text teaches nothing
                yield row
    if selected is None or predicted is None or filtered is None:
        return
    texts = _kept_texts(predicted.path, filtered.path)
    for row in Index(selected.path).read().to_pylist():
        text = texts.get(row["utt_id"])
        if text:
            yield row | {"text": text, "origin": "pseudo"}


def _why_none(predicted: Artifact, filtered: Artifact) -> str:
    """Why there is not one pseudo-label, and what to look at."""
    reasons = Counter(reason or "no text" for reason in verdicts(filtered.path).values())
    if not reasons:
        return "nothing was recognised; look at the selector, and at the recognizer's rejects"
    (reason, number), *_ = reasons.most_common(1)
    return (
        f"{number} of {reasons.total()} were lost to {reason!r}; look at the votes in {_place(filtered)}, at what was "
        f"heard in {_place(predicted)}, and at the filters' options"
    )


def _place(made: Artifact) -> Path:
    return made.path.relative_to(made.path.parent.parent)  # cycle-001/filter


def _kept_texts(predicted: Path, filtered: Path) -> dict[str, str]:
    reasons = verdicts(filtered)
    rows = (row for each in Table.of_hypotheses(predicted).batches(["utt_id", "text"]) for row in each.to_pylist())
    return {row["utt_id"]: row["text"] for row in rows if reasons[row["utt_id"]] is None}


def _batch_rows(name: str, epoch: int, ranks: int, num_rows: int, steps: Any) -> Iterator[dict[str, Any]]:
    where = f"batcher {name!r}: epoch {epoch}"
    count = 0
    for step, by_rank in enumerate(steps):
        if len(by_rank) != ranks:
            raise PluginError(f"{where}, step {step}: {len(by_rank)} batches, expected one for each of {ranks} ranks")
        for rank, rows in enumerate(by_rank):
            if not len(rows):
                raise PluginError(f"{where}, step {step}: the batch of rank {rank} is empty; repeat or split rows")
            if min(rows) < 0 or max(rows) >= num_rows:
                raise PluginError(f"{where}, step {step}: rows outside 0 to {num_rows - 1}")
            yield {"epoch": epoch, "step": step, "rank": rank, "rows": [int(row) for row in rows]}
        count += 1
    if not count:
        raise PluginError(f"{where}: no steps")


def _hours_by_origin(utterances: pa.Table) -> dict[str, float]:
    sums = utterances.group_by("origin").aggregate([("duration_ms", "sum")]).to_pylist()
    return {row["origin"]: row["duration_ms_sum"] / 3_600_000 for row in sums}
