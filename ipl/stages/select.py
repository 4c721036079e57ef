"""Selection: which utterances of the pool this cycle recognises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ipl.errors import InputError, PluginError
from ipl.records import Cycle
from ipl.rundir import Artifact
from ipl.schemas import INDEX
from ipl.stages.context import Context, Data, call
from ipl.tables import Dataset, Index, write_table

__all__ = ["LOCATED", "index_rows", "select"]

LOCATED = ("utt_id", "num_samples", "sample_rate_hz", "text", "confidence")


def select(ctx: Context, cycle: Cycle, pool: Data | None) -> Artifact | None:
    """The selected utterances, as an index in a folder; None in a cycle that recognises nothing."""
    plan = ctx.plan_of(cycle)
    if not plan.recognizes or pool is None:
        return None
    choice = plan.roles["selector"]

    def work(out_dir: Path) -> dict[str, Any]:
        wanted = set(call(choice, "utt_ids", cycle=cycle, pool=pool.dataset))
        count = write_table(out_dir / "index.parquet", index_rows(pool.dataset, "pool", "unlabelled", wanted), INDEX)
        if count != len(wanted):
            raise PluginError(
                f"selector {choice.name!r}: {len(wanted) - count} of its {len(wanted)} utt_ids are not in the pool"
            )
        return {"num_selected": count}

    parts = {"plugin": choice.identity(), "seed": cycle.seed, "pool": pool.fingerprint}
    made = ctx.run.stage(f"cycle-{cycle.index:03d}/select", parts, work)
    if not ctx.run.dry:
        Index(made.path).put_places(pool.dataset.places("pool"))
    return made


def index_rows(dataset: Dataset, place: str, origin: str | None, wanted: set[str] | None) -> Iterator[dict[str, Any]]:
    """Rows of an index, of all utterances or those `wanted`; `origin` None keeps each one's own.

    `place` is the data set's name in the index. The text of the unlabelled is left out, so that nothing after this can
    see it. Raises InputError where two utterances of the data set share an utt_id.
    """
    names = {path: name for name, path in dataset.places(place).items()}
    seen: dict[str, Path] = {}
    for location, row in dataset.locate(*LOCATED, "origin"):
        if (utt_id := row["utt_id"]) in seen:
            files = " and ".join(dict.fromkeys(map(str, (seen[utt_id], location.file))))
            raise InputError(f"{files}: utt_id {utt_id!r} occurs twice; within a data set it names one utterance")
        seen[utt_id] = location.file
        row["origin"] = origin or row["origin"]
        row["text"] = None if origin == "unlabelled" else row["text"]
        if wanted is not None and utt_id not in wanted:
            continue
        file = f"{names[location.file.parent]}/{location.file.name}"
        yield row | {"file": file, "row_group": location.row_group, "row": location.row}
