"""Measuring: errors of hypotheses where the truth is known. Nothing here is seen by any plugin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ipl.asr.metrics import ErrorRate, character_errors, interval, word_errors
from ipl.asr.text import normalise
from ipl.records import Cycle, ModelRef
from ipl.rundir import Artifact
from ipl.schemas import INDEX, VOTES
from ipl.stages.context import Context, Data
from ipl.stages.filter import VERDICT
from ipl.stages.recognize import recognize_index
from ipl.stages.select import index_rows
from ipl.tables import Index, Table, write_table

__all__ = ["error_rates", "evaluate", "measure", "true_texts"]

MS_PER_HOUR = 3_600_000


def evaluate(ctx: Context, cycle: Cycle, model: ModelRef, sets: dict[str, Data]) -> None:
    """Recognises dev and test with the cycle's model, and counts the errors."""
    for name in ("dev", "test"):
        if name in sets:
            _evaluate_on(ctx, cycle, model, name, sets[name])


def _evaluate_on(ctx: Context, cycle: Cycle, model: ModelRef, name: str, data: Data) -> None:
    def locate(out_dir: Path) -> dict[str, Any]:
        rows = index_rows(data.dataset, out_dir, None, None)
        return {"num_utterances": write_table(out_dir / "index.parquet", rows, INDEX)}

    index = ctx.run.stage(f"data/{name}-index", {"utterances": data.fingerprint}, locate)
    stage = f"cycle-{cycle.index:03d}/{name}"
    choice = ctx.plan_of(cycle).roles["recognizer"]
    said = recognize_index(ctx, cycle, stage, Index(index.path), index.fingerprint, model, choice)

    def score(out_dir: Path) -> dict[str, Any]:
        truth = true_texts(Index(index.path))
        pairs = [(truth[h.utt_id], h.text) for h in Table.of_hypotheses(said.path) if h.utt_id in truth]
        return error_rates(pairs)

    ctx.run.stage(f"{stage}-scores", {"hypotheses": said.fingerprint}, score)


def error_rates(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """WER and CER (spaces counted) of (reference, hypothesis) pairs, with 95 % bootstrap intervals over utterances.

    Both texts are normalised alike first: lower case, no punctuation, one space between words.
    """
    alike = [(normalise(reference), normalise(hypothesis)) for reference, hypothesis in pairs]
    words = [word_errors(*each) for each in alike]
    characters = [character_errors(*each) for each in alike]
    all_words, all_characters = sum(words, ErrorRate()), sum(characters, ErrorRate())
    wer_low, wer_high = interval(words)
    cer_low, cer_high = interval(characters)
    return {
        "wer": all_words.rate,
        "wer_low": wer_low,
        "wer_high": wer_high,
        "cer": all_characters.rate,
        "cer_low": cer_low,
        "cer_high": cer_high,
        "num_utterances": len(pairs),
        "num_words": all_words.num_units,
        "num_characters": all_characters.num_units,
        "substitutions": all_words.substitutions,
        "deletions": all_words.deletions,
        "insertions": all_words.insertions,
    }


def true_texts(index: Index) -> dict[str, str]:
    """The texts that the data set itself has for an index's utterances, by utt_id; for measuring only."""
    texts = {}
    rows_of = defaultdict(set)
    for row in index.read("utt_id", "file").to_pylist():
        rows_of[row["file"]].add(row["utt_id"])
    for file, wanted in rows_of.items():
        for batch in pq.ParquetFile(index.folder / file).iter_batches(columns=["utt_id", "text"]):
            for row in batch.to_pylist():
                if row["text"] is not None and row["utt_id"] in wanted:
                    texts[row["utt_id"]] = row["text"]
    return texts


def measure(
    ctx: Context, cycle: Cycle, selected: Artifact | None, predicted: Artifact | None, filtered: Artifact | None
) -> None:
    """What the cycle's pseudo-labels are worth: how many hours are kept, why others are lost, and their errors."""
    if selected is None or predicted is None or filtered is None:
        return

    def work(out_dir: Path) -> dict[str, Any]:
        hypotheses = Table.of_hypotheses(predicted.path).read(["utt_id", "text", "duration_ms"]).to_pylist()
        reasons = _verdicts(filtered.path)
        truth = true_texts(Index(selected.path))
        kept = [row for row in hypotheses if reasons[row["utt_id"]] is None]
        lost: dict[str, float] = defaultdict(float)
        for row in hypotheses:
            if (reason := reasons[row["utt_id"]]) is not None:
                lost[reason] += row["duration_ms"] / MS_PER_HOUR
        return {
            "num_selected": len(hypotheses),
            "num_kept": len(kept),
            "hours_selected": _hours(hypotheses),
            "hours_kept": _hours(kept),
            "lost_hours": dict(sorted(lost.items(), key=lambda each: -each[1])),
            **_label_errors(hypotheses, truth, ""),
            **_label_errors(kept, truth, "_kept"),
        }

    parts = {"hypotheses": predicted.fingerprint, "votes": filtered.fingerprint, "selected": selected.fingerprint}
    ctx.run.stage(f"cycle-{cycle.index:03d}/measure", parts, work)


def _hours(rows: list[dict[str, Any]]) -> float:
    return float(sum(row["duration_ms"] for row in rows)) / MS_PER_HOUR


def _label_errors(rows: list[dict[str, Any]], truth: dict[str, str], suffix: str) -> dict[str, float | None]:
    pairs = [(truth[row["utt_id"]], row["text"]) for row in rows if row["utt_id"] in truth]
    if not pairs:
        return {f"wer{suffix}": None, f"cer{suffix}": None}
    rates = error_rates(pairs)
    return {f"wer{suffix}": rates["wer"], f"cer{suffix}": rates["cer"]}


def _verdicts(folder: Path) -> dict[str, str | None]:
    """For each utt_id why it was rejected; None where it was kept."""
    votes = pa.Table.from_batches(list(Table(folder, VOTES, dict).batches(["utt_id", "filter", "decision", "reason"])))
    verdicts = votes.filter(pc.equal(votes["filter"], VERDICT)).to_pylist()
    return {row["utt_id"]: None if row["decision"] == "keep" else row["reason"] for row in verdicts}
