"""Utterances through a model: audio to hypotheses, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ipl.asr import features
from ipl.asr.decoding.beam import beam_search
from ipl.asr.decoding.fusion import Fusion
from ipl.asr.decoding.greedy import greedy
from ipl.asr.decoding.score import Candidate, rescore
from ipl.asr.lm.arpa import read_arpa
from ipl.asr.lm.automaton import Automaton, automaton
from ipl.asr.models.model import CtcModel
from ipl.asr.models.store import load
from ipl.asr.units import Units
from ipl.errors import MediaError, StageError
from ipl.progress import say
from ipl.records import Hypothesis, ModelRef, Utterance

__all__ = ["UNHEARD", "DecodingOptions", "pick_device", "recognize"]

UNHEARD = -1e9
"""The score of an utterance that no model can hear: audio that cannot be decoded, or shorter than one frame."""

LEAST_MS = 100
"""What an utterance counts at least in a batch, so that a batch of empty ones has an end."""


@dataclass(frozen=True)
class DecodingOptions:
    """How hypotheses are found. A `beam` of 1 is greedy decoding.

    `language_model` is an ARPA file of n-grams of units. It decides which text is best, with the weights below; a
    hypothesis's score is what the teacher alone says of that text.
    """

    beam: int = 8
    n_best: int = 1
    batch_seconds: float = 120.0
    device: str = "auto"
    language_model: Path | None = None
    lm_weight: float = 0.5
    unit_bonus: float = 0.0


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one, else the CPU."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def recognize(utterances: Iterable[Utterance], teacher: ModelRef, options: DecodingOptions) -> Iterator[Hypothesis]:
    """Yields one hypothesis for each utterance, shortest first.

    An utterance that cannot be heard gets an empty hypothesis of score `UNHEARD`, and a line says so. The same
    utterances give the same hypotheses, in whatever order they come.
    """
    device = pick_device(options.device)
    model = _model(teacher.path, teacher.fingerprint, str(device))
    for batch in _batches(utterances, options.batch_seconds):
        heard: list[tuple[Utterance, Tensor]] = []
        for utterance in batch:
            try:
                samples = features.read_samples(utterance.audio, model.config.features, utterance.utt_id)
            except MediaError as error:
                say(f"recognizer: {error}; its hypothesis is empty")
                samples = torch.zeros(0)
            heard.append((utterance, features.compute(samples, model.config.features)))
        yield from _decode(model, heard, teacher, options, device)


@lru_cache(maxsize=2)
def _model(path: Path, _fingerprint: str, device: str) -> CtcModel:
    return load(path, device)


def _fusion(units: Units, options: DecodingOptions) -> Fusion | None:
    if options.language_model is None:
        return None
    return Fusion(_language_model(options.language_model, units), options.lm_weight, options.unit_bonus)


@lru_cache(maxsize=2)
def _language_model(path: Path, units: Units) -> Automaton:
    return automaton(read_arpa(path), units)


def _batches(utterances: Iterable[Utterance], batch_seconds: float) -> Iterator[list[Utterance]]:
    """Batches of at most `batch_seconds`, padding counted; a longer utterance is a batch of its own."""
    batch: list[Utterance] = []
    for utterance in sorted(utterances, key=lambda each: (_duration_ms(each), each.utt_id)):
        if batch and max(_duration_ms(utterance), LEAST_MS) * (len(batch) + 1) > batch_seconds * 1000:
            yield batch
            batch = []
        batch.append(utterance)
    if batch:
        yield batch


def _duration_ms(utterance: Utterance) -> int:
    return round(utterance.num_samples * 1000 / utterance.sample_rate_hz) if utterance.sample_rate_hz else 0


@torch.inference_mode()
def _decode(
    model: CtcModel,
    heard: Sequence[tuple[Utterance, Tensor]],
    teacher: ModelRef,
    options: DecodingOptions,
    device: torch.device,
) -> Iterator[Hypothesis]:
    padded, num_frames = features.pad([each for _, each in heard])
    log_probs, out_frames = model(padded.to(device), num_frames.to(device))
    log_probs, out_frames = log_probs.cpu(), out_frames.cpu()
    if not log_probs.isfinite().all():
        raise StageError(f"{teacher.path}: the model gives no numbers (its training diverged); take another model")
    fusion = _fusion(model.units, options)
    candidates = rescore(log_probs, out_frames, _texts(model.units, log_probs, out_frames, options, fusion))
    if fusion:
        candidates = [sorted(of_one, key=lambda each: -_fused(each, fusion)) for of_one in candidates]
    for (utterance, _), of_one, length in zip(heard, candidates, out_frames.tolist(), strict=True):
        yield _hypothesis(model.units, utterance, of_one if length else [], teacher.fingerprint, options.n_best)


def _fused(candidate: Candidate, fusion: Fusion) -> float:
    return candidate.score + fusion.of_text(candidate.units)


def _texts(
    units: Units, log_probs: Tensor, num_frames: Tensor, options: DecodingOptions, fusion: Fusion | None
) -> list[list[list[int]]]:
    """Up to `n_best` different texts of each utterance; those that differ in spaces alone are one."""
    if options.beam == 1:
        return [[units.tidy(best)] for best in greedy(log_probs, num_frames)]
    searched = beam_search(log_probs, num_frames, options.beam, fusion=fusion)
    found = [[units.tidy(each.units) for each in of_one] for of_one in searched]
    different = [list({tuple(text): text for text in of_one}.values()) for of_one in found]
    return [of_one[: options.n_best] for of_one in different]


def _hypothesis(
    units: Units, utterance: Utterance, candidates: Sequence[Candidate], teacher: str, count: int
) -> Hypothesis:
    texts = tuple((units.decode(each.units), each.score / (len(each.units) + 1)) for each in candidates)
    text, score = texts[0] if texts else ("", UNHEARD)
    return Hypothesis(
        utt_id=utterance.utt_id,
        text=text,
        score=score,
        num_units=len(candidates[0].units) if candidates else 0,
        duration_ms=_duration_ms(utterance),
        alternatives=texts if count > 1 else (),
        teacher=teacher,
    )
