"""Measuring: errors of hypotheses where the truth is known. Nothing here is seen by any plugin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ipl.asr.metrics import ErrorRate, character_errors, interval, word_errors
from ipl.asr.text import normalise
from ipl.records import Cycle, ModelRef
from ipl.rundir import Artifact
from ipl.schemas import INDEX
from ipl.stages.context import Context, Data
from ipl.stages.filter import verdicts
from ipl.stages.recognize import recognize_index
from ipl.stages.select import index_rows
from ipl.tables import Index, Table, write_table
from ipl.truth import true_texts

__all__ = ["error_rates", "evaluate", "measure", "true_texts"]

MS_PER_HOUR = 3_600_000


def evaluate(ctx: Context, cycle: Cycle, model: ModelRef, sets: dict[str, Data]) -> None:
    """Recognises dev and test with the cycle's model, and counts the errors."""
    for name in ("dev", "test"):
        if name in sets:
            _evaluate_on(ctx, cycle, model, name, sets[name])


def _evaluate_on(ctx: Context, cycle: Cycle, model: ModelRef, name: str, data: Data) -> None:
    def locate(out_dir: Path) -> dict[str, Any]:
        rows = index_rows(data.dataset, name, None, None)
        return {"num_utterances": write_table(out_dir / "index.parquet", rows, INDEX)}

    index = ctx.run.stage(f"data/{name}-index", {"utterances": data.fingerprint}, locate)
    if not ctx.run.dry:
        Index(index.path).put_places(data.dataset.places(name))
    stage = f"cycle-{cycle.index:03d}/{name}"
    choice = ctx.plan_of(cycle).roles["recognizer"]
    said = recognize_index(ctx, cycle, stage, Index(index.path), index.fingerprint, model, choice)

    def score(out_dir: Path) -> dict[str, Any]:
        texts = {hypothesis.utt_id: hypothesis.text for hypothesis in Table.of_hypotheses(said.path)}
        truth = true_texts(Index(index.path))  # what the recognizer failed on counts as nothing said
        return error_rates([(text, texts.get(utt_id, "")) for utt_id, text in truth.items()])

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


def measure(
    ctx: Context, cycle: Cycle, selected: Artifact | None, predicted: Artifact | None, filtered: Artifact | None
) -> None:
    """What the cycle's pseudo-labels are worth: how many hours are kept, why others are lost, and their errors."""
    if selected is None or predicted is None or filtered is None:
        return

    def work(out_dir: Path) -> dict[str, Any]:
        hypotheses = Table.of_hypotheses(predicted.path).read(["utt_id", "text", "duration_ms"]).to_pylist()
        index = Index(selected.path)
        rows = index.read("utt_id", "num_samples", "sample_rate_hz").to_pylist()
        durations_ms = {row["utt_id"]: row["num_samples"] * 1000 // row["sample_rate_hz"] for row in rows}
        reasons = dict.fromkeys(durations_ms, "recognizer failed") | verdicts(filtered.path)
        for row in hypotheses:
            if not row["text"].strip():
                reasons[row["utt_id"]] = reasons[row["utt_id"]] or "no text"  # kept or not, it teaches nothing
        truth = true_texts(index)
        kept = [row for row in hypotheses if reasons[row["utt_id"]] is None]
        lost: dict[str, float] = defaultdict(float)
        for utt_id, reason in reasons.items():
            if reason is not None:
                lost[reason] += durations_ms[utt_id] / MS_PER_HOUR
        return {
            "num_selected": len(durations_ms),
            "num_kept": len(kept),
            "hours_selected": sum(durations_ms.values()) / MS_PER_HOUR,
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
