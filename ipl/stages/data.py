"""The run's data sets: folders of utterances as they are, outside data sets brought in, mined pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ipl.config import DataSource
from ipl.errors import InputError
from ipl.fingerprint import digest, of_path
from ipl.progress import counted, say
from ipl.records import Reject, Utterance
from ipl.rundir import Artifact
from ipl.schemas import REJECTS, UTTERANCES
from ipl.stages.context import Context, Data, call
from ipl.tables import Dataset, write_table

__all__ = ["SETS", "import_corpus", "load_data", "shared_utterances"]

SETS = ("labelled", "pool", "dev", "test")
UTTERANCES_PER_PART = 2048


def load_data(ctx: Context, mined: Artifact | None) -> dict[str, Data]:
    """The data sets that the plan names, by name; `mined` too where the plan mines."""
    sets = {}
    for name in SETS:
        parts = [_part(ctx, name, i, source) for i, source in enumerate(getattr(ctx.plan.data, name))]
        if mined is not None and name in ctx.plan.data.mined:
            parts.append(_mined(mined))
        if parts:
            sets[name] = _joined(parts)
    if mined is not None and not ctx.plan.data.mined:  # joined to a set, pairs are that set's and no other's
        sets["mined"] = _mined(mined)
    if not ctx.run.dry:
        for line in shared_utterances({name: data.dataset for name, data in sets.items()}):
            say(line)
    return sets


def shared_utterances(sets: Mapping[str, Dataset]) -> Iterator[str]:
    """Says of dev and test how many of their utterances are also in a set that they should share none with.

    Utterances are the same if their ids and lengths are. Those of dev and test are held in memory, no others.
    """
    found = {name: set(_identities(sets[name])) for name in ("dev", "test") if name in sets}
    measured = set().union(*found.values())
    found["labelled"] = measured.intersection(_identities(sets["labelled"])) if "labelled" in sets else set()
    for name, other in (("test", "labelled"), ("dev", "labelled"), ("test", "dev")):
        if shared := len(found.get(name, set()) & found.get(other, set())):
            so = "error rates on it will look better than they are"
            yield f"data: {shared} of {len(found[name])} utterances of {name} are also in {other}: {so}"


def _identities(dataset: Dataset) -> Iterator[tuple[str, int]]:
    return ((row["utt_id"], row["num_samples"]) for row in dataset.read_columns("utt_id", "num_samples"))


def _mined(mined: Artifact) -> Data:
    return Data(Dataset((mined.path / "pairs",)), mined.fingerprint)


def _joined(parts: list[Data]) -> Data:
    if len(parts) == 1:
        return parts[0]
    paths = tuple(path for part in parts for path in part.dataset.paths)
    return Data(Dataset(paths), digest([part.fingerprint for part in parts]))


def _part(ctx: Context, name: str, index: int, source: DataSource) -> Data:
    if source.corpus is None:
        assert source.path is not None
        dataset = Dataset.at(source.path)
        return Data(dataset, of_path(dataset.paths[0]))
    corpus = source.corpus
    path = source.path or ctx.plan.file.parent

    def work(out_dir: Path) -> dict[str, Any]:
        rows = call(corpus, "utterances", path=path)
        return import_corpus(rows, out_dir, f"data.{name}: {path}")

    contents = of_path(source.path) if source.path else None
    parts = {"plugin": corpus.identity(), "contents": contents, "set": name}
    made = ctx.run.stage(f"data/{name}-{index}", parts, work)
    return Data(Dataset((made.path / "utterances",)), made.fingerprint)


def import_corpus(rows: Iterator[Utterance | Reject], out_dir: Path, where: str) -> dict[str, Any]:
    """Writes a corpus as utterances in parts, and rejects beside; InputError, at `where`, if no utterance is left."""
    rejects: list[Reject] = []
    sums = {"num_utterances": 0, "milliseconds": 0}
    seen: set[str] = set()

    def kept() -> Iterator[Utterance]:
        for row in rows:
            if isinstance(row, Reject):
                rejects.append(row)
                continue
            if row.utt_id in seen:
                reason = "the same utt_id twice"
                rejects.append(Reject(row.source_id, row.start_ms, row.end_ms, "corpus", reason, row.text, row.utt_id))
                continue
            seen.add(row.utt_id)
            sums["num_utterances"] += 1
            sums["milliseconds"] += row.num_samples * 1000 // row.sample_rate_hz
            yield row

    utterances = kept()
    part = 0
    while first := next(utterances, None):
        rest = islice(utterances, UTTERANCES_PER_PART - 1)
        write_table(out_dir / "utterances" / f"part-{part:05d}.parquet", _chain(first, rest), UTTERANCES)
        part += 1
    write_table(out_dir / "rejects" / "part-00000.parquet", rejects, REJECTS)
    if not part:
        first_reject = f", the first: {rejects[0].reason}: {rejects[0].detail}" if rejects else ""
        raise InputError(f"{where}: no utterance in it can be used, {len(rejects)} rejected{first_reject}")
    if rejects:
        say(f"  {counted(len(rejects), 'utterance')} rejected, the first: {rejects[0].reason}: {rejects[0].detail}")
    return {
        "num_utterances": sums["num_utterances"],
        "hours": sums["milliseconds"] / 3_600_000,
        "num_rejected": len(rejects),
    }


def _chain(first: Utterance, rest: Iterator[Utterance]) -> Iterator[Utterance]:
    yield first
    yield from rest
