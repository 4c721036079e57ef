"""Recognition: hypotheses for the utterances of an index, shard by shard, over worker processes."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ipl.config import Choice
from ipl.crashes import raised, remedy
from ipl.errors import IplError, PluginError, StageError
from ipl.executors import map_tasks
from ipl.progress import progress
from ipl.records import Cycle, Hypothesis, ModelRef, Reject, Utterance
from ipl.registry import PluginInfo, Registry, implement
from ipl.rundir import Artifact
from ipl.schemas import HYPOTHESES, REJECTS
from ipl.stages.context import Context
from ipl.tables import Index, Table, write_table

__all__ = ["Shard", "recognize", "recognize_index"]

UTTERANCES_PER_SHARD = 128
"""The work that a kill can lose in each worker. Part of the result: batches are made within a shard."""


@dataclass(frozen=True)
class Shard:
    """One task: rows of an index to recognise, and the part to write. Small, as it travels to a worker."""

    index: Path
    rows: range
    out: Path
    cycle: Cycle
    teacher: ModelRef
    plugin: str
    revision: str
    options: bytes
    plugin_files: tuple[Path, ...]


def recognize(ctx: Context, cycle: Cycle, selected: Artifact | None, teacher: ModelRef | None) -> Artifact | None:
    """The teacher's hypotheses for the selection; None in a cycle that recognises nothing."""
    if selected is None:
        return None
    plan = ctx.plan_of(cycle)
    name = f"cycle-{cycle.index:03d}/recognize"
    if teacher is None:
        parts = {"oracle": True, "selected": selected.fingerprint}
        return ctx.run.stage(name, parts, lambda out_dir: _true_texts(selected.path, out_dir))
    return recognize_index(
        ctx, cycle, name, Index(selected.path), selected.fingerprint, teacher, plan.roles["recognizer"]
    )


def recognize_index(
    ctx: Context, cycle: Cycle, name: str, index: Index, fingerprint: str, model: ModelRef, choice: Choice
) -> Artifact:
    """The stage `name`: hypotheses of `model` for all of `index`, one part a shard; a restart keeps whole shards."""

    def work(out_dir: Path) -> dict[str, Any]:
        count = len(index)
        options = pickle.dumps(choice.options)
        shards = []
        for start in range(0, count, UTTERANCES_PER_SHARD):
            rows = range(start, min(start + UTTERANCES_PER_SHARD, count))
            out = out_dir / f"part-{start // UTTERANCES_PER_SHARD:05d}.parquet"
            files = ctx.plan.plugin_files
            shards.append(
                Shard(index.folder, rows, out, cycle, model, choice.name, choice.info.revision, options, files)
            )
        with progress(name, count, "utterances") as advance:
            waiting = [shard for shard in shards if not shard.out.is_file()]
            advance(count - sum(len(shard.rows) for shard in waiting), "")
            for outcome in map_tasks(recognize_shard, waiting, ctx.workers, ctx.executor):
                try:
                    outcome.unwrap()
                except IplError as error:
                    rows = outcome.task.rows
                    where = f"{name}: recognizer {choice.name!r} on utterances {rows.start} to {rows.stop - 1}"
                    raise type(error)(f"{where}: {error}") from error
                advance(len(outcome.task.rows), "")
        failed = len(Table.of_rejects(out_dir / "rejects"))
        return {"num_hypotheses": count - failed, "num_failed": failed}

    parts = {
        "plugin": choice.identity(),
        "model": model.fingerprint,
        "utterances": fingerprint,
        "utterances_per_shard": UTTERANCES_PER_SHARD,
    }
    return ctx.run.stage(name, parts, work)


def recognize_shard(shard: Shard) -> int:
    """Recognises one shard and writes its part; runs in a worker process."""
    info, hook = _hook(shard.plugin, shard.revision, shard.options, shard.plugin_files)
    utterances = list(Index(shard.index).utterances(shard.rows, keep_text=False))
    rejects: list[Reject] = []

    def call(batch: Sequence[Utterance]) -> list[Hypothesis]:
        made = hook(cycle=shard.cycle, utterances=batch, teacher=shard.teacher)
        return _checked(shard, batch, made)

    try:
        hypotheses = call(utterances)
    except IplError:
        raise
    except Exception as error:  # one bad utterance never ends a long run: find it
        hypotheses = list(_one_by_one(call, utterances, rejects))
        if not hypotheses:
            raise StageError(f"every utterance failed, it {raised(error, info)}; {remedy(info)}") from error
    if rejects:
        write_table(shard.out.parent / "rejects" / shard.out.name, rejects, REJECTS)
    return write_table(shard.out, hypotheses, HYPOTHESES)


def _one_by_one(call: Any, utterances: Sequence[Utterance], rejects: list[Reject]) -> Iterator[Hypothesis]:
    for each in utterances:
        try:
            yield from call([each])
        except Exception as error:
            detail = f"{each.utt_id}: {type(error).__name__}: {error}"
            rejects.append(
                Reject(each.source_id, each.start_ms, each.end_ms, "recognize", "recognizer failed", detail=detail)
            )


def _checked(shard: Shard, utterances: Sequence[Utterance], made: Any) -> list[Hypothesis]:
    """One hypothesis for each utterance, in the utterances' order, with the teacher's fingerprint."""
    if made is None:
        raise PluginError(f"recognizer {shard.plugin!r}: recognize returned nothing, expected hypotheses")
    by_id = {hypothesis.utt_id: hypothesis for hypothesis in made}
    if missing := [each.utt_id for each in utterances if each.utt_id not in by_id]:
        raise PluginError(
            f"recognizer {shard.plugin!r}: no hypothesis for {len(missing)} utterances: {missing[0]!r}, ..."
        )
    if len(by_id) != len(utterances):
        raise PluginError(f"recognizer {shard.plugin!r}: hypotheses for utterances that it was not given")
    fingerprint = shard.teacher.fingerprint
    return [replace(by_id[each.utt_id], teacher=fingerprint) for each in utterances]


@lru_cache(maxsize=4)
def _hook(plugin: str, revision: str, options: bytes, files: tuple[Path, ...]) -> tuple[PluginInfo, Any]:
    info = Registry(files).get("recognizer", plugin)
    if info.revision != revision:
        raise PluginError(f"{info.origin}: changed while the run was under way; start the run again")
    return info, implement("recognizer", [info.cls(**pickle.loads(options))])


def _true_texts(selected: Path, out_dir: Path) -> dict[str, Any]:
    """An oracle's hypotheses: the pool's own texts, which no other stage sees."""
    from ipl.stages.measure import true_texts

    index = Index(selected).read("utt_id", "num_samples", "sample_rate_hz").to_pylist()
    texts = true_texts(Index(selected))
    rows = [
        Hypothesis(row["utt_id"], text, 0.0, len(text), row["num_samples"] * 1000 // row["sample_rate_hz"])
        for row in index
        if (text := texts.get(row["utt_id"])) is not None
    ]
    if not rows:
        raise PluginError("an oracle cycle needs a pool whose true texts are known; this pool has none")
    write_table(out_dir / "part-00000.parquet", rows, HYPOTHESES)
    return {"num_hypotheses": len(rows), "num_failed": len(index) - len(rows)}
