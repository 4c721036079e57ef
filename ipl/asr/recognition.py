"""Utterances through a model: audio to hypotheses, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ipl.asr import features
from ipl.asr.alignment import align
from ipl.asr.decoding.beam import beam_search
from ipl.asr.decoding.fusion import Fusion
from ipl.asr.decoding.greedy import greedy
from ipl.asr.decoding.joint import attention_rescore, joint_search
from ipl.asr.decoding.score import Candidate, rescore
from ipl.asr.features import STEP_MS
from ipl.asr.lm.arpa import read_arpa
from ipl.asr.lm.automaton import automaton
from ipl.asr.models.model import CtcModel
from ipl.asr.models.reference import checkpoint_kind
from ipl.asr.models.store import load
from ipl.asr.units import Units
from ipl.asr.words import to_words
from ipl.errors import InputError, MediaError, StageError
from ipl.progress import say
from ipl.records import Hypothesis, ModelRef, Utterance, Word

__all__ = [
    "UNHEARD",
    "Decode",
    "DecodingOptions",
    "batches",
    "check_decoder",
    "different_texts",
    "duration_ms",
    "fusion_of",
    "hypotheses_of",
    "pick_device",
    "recognize",
]

UNHEARD = -1e9
"""The score of an utterance that no model can hear: audio that cannot be decoded, or shorter than one frame."""

Decode = Literal["greedy", "beam", "rescore", "joint"]

LEAST_MS = 100
"""What an utterance counts at least in a batch, so that a batch of empty ones has an end."""


@dataclass(frozen=True)
class DecodingOptions:
    """How hypotheses are found. Without an attention decoder a `beam` of 1 is greedy decoding.

    `decode` names the search: CTC's best path, CTC's prefix beam, the beam's texts rescored by the attention decoder,
    or one beam of both. In the last two a score is ctc_weight times CTC's, and for the rest the decoder's.

    `language_model` is an ARPA file of n-grams of units. It decides which text is best, with the weights below; a
    hypothesis's score is what the teacher alone says of that text. With `words` a hypothesis has its words' times.
    """

    beam: int = 8
    n_best: int = 1
    batch_seconds: float = 120.0
    device: str = "auto"
    language_model: Path | None = None
    lm_weight: float = 0.5
    unit_bonus: float = 0.0
    words: bool = False
    decode: Decode = "beam"
    ctc_weight: float = 0.3

    @property
    def is_greedy(self) -> bool:
        """Whether there is one text of each utterance and nothing to choose from."""
        return self.decode == "greedy" or (self.beam == 1 and self.decode != "joint")

    @property
    def needs_decoder(self) -> bool:
        """Whether the model must be a hybrid."""
        return self.decode in ("rescore", "joint")


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one, else the CPU. InputError where it is not here."""
    try:
        device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
    except RuntimeError as error:
        raise InputError(f"device: found {name!r}, expected auto, cpu, cuda or the like of cuda:1") from error
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        raise InputError(f"device: found {name}, but torch sees {count or 'no'} GPUs here; use device: cpu, or auto")
    return device


def recognize(utterances: Iterable[Utterance], teacher: ModelRef, options: DecodingOptions) -> Iterator[Hypothesis]:
    """Yields one hypothesis for each utterance, shortest first.

    An utterance that cannot be heard gets an empty hypothesis of score `UNHEARD`, and a line says so. The same
    utterances give the same hypotheses, in whatever order they come.
    """
    device = pick_device(options.device)
    model = _model(teacher.path, teacher.fingerprint, str(device))
    check_decoder(model, options, str(teacher.path))
    for batch in batches(utterances, options.batch_seconds):
        heard: list[tuple[Utterance, Tensor]] = []
        for utterance in batch:
            try:
                samples = features.read_samples(utterance.audio, model.config.features, utterance.utt_id)
            except MediaError as error:
                say(f"recognizer: {error}; its hypothesis is empty")
                samples = torch.zeros(0)
            heard.append((utterance, features.compute(samples, model.config.features)))
        yield from _decode(model, heard, teacher, options, device)


def check_decoder(model: CtcModel, options: DecodingOptions, where: str) -> None:
    """Raises InputError where the options want an attention decoder and the model has none."""
    if options.needs_decoder and model.decoder is None:
        raise InputError(
            f"{where}: the model has no attention decoder for decode: {options.decode}; expected one made with sizes "
            "of decoder_layers: 1 or more, or decode: beam"
        )


@lru_cache(maxsize=2)
def _model(path: Path, _fingerprint: str, device: str) -> CtcModel:
    if checkpoint_kind(path) is None:
        return load(path, device)
    from ipl.asr.huggingface import with_own_units

    return with_own_units(path).to(device)


def fusion_of(units: Units, options: DecodingOptions, device: torch.device) -> Fusion | None:
    """The language model that the options name, for a recogniser's units; None where they name none."""
    if options.language_model is None:
        return None
    return _fusion(options.language_model, units, options.lm_weight, options.unit_bonus, str(device))


@lru_cache(maxsize=2)
def _fusion(path: Path, units: Units, weight: float, unit_bonus: float, device: str) -> Fusion:
    return Fusion(automaton(read_arpa(path), units).to(torch.device(device)), weight, unit_bonus)


def batches(utterances: Iterable[Utterance], batch_seconds: float) -> Iterator[list[Utterance]]:
    """Batches of at most `batch_seconds`, padding counted; a longer utterance is a batch of its own."""
    batch: list[Utterance] = []
    for utterance in sorted(utterances, key=lambda each: (duration_ms(each), each.utt_id)):
        if batch and max(duration_ms(utterance), LEAST_MS) * (len(batch) + 1) > batch_seconds * 1000:
            yield batch
            batch = []
        batch.append(utterance)
    if batch:
        yield batch


def duration_ms(utterance: Utterance) -> int:
    """How long an utterance lasts; 0 where that is not known."""
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
    encoded, out_frames = model.encode(padded.to(device), num_frames.to(device))
    log_probs = model.ctc(encoded)
    if not log_probs.isfinite().all():
        raise StageError(f"{teacher.path}: the model gives no numbers (its training diverged); take another model")
    fusion = fusion_of(model.units, options, device)
    texts = _texts(model, encoded, log_probs, out_frames, options, fusion)
    utterances = [utterance for utterance, _ in heard]
    for found in hypotheses_of(model, utterances, encoded, log_probs, out_frames, texts, options, fusion):
        yield replace(found, teacher=teacher.fingerprint)


def hypotheses_of(
    model: CtcModel,
    utterances: Sequence[Utterance],
    encoded: Tensor,
    log_probs: Tensor,
    num_frames: Tensor,
    texts: Sequence[Sequence[list[int]]],
    options: DecodingOptions,
    fusion: Fusion | None,
) -> Iterator[Hypothesis]:
    """Hypotheses for B utterances, of what the model made of them and some texts of each, as units.

    encoded [B, T', D], log_probs [B, T', V], num_frames [B].
    """
    candidates = rescore(log_probs, num_frames, texts)
    if options.needs_decoder and model.decoder is not None and encoded.shape[1]:
        candidates = attention_rescore(model.decoder, encoded, num_frames, candidates, options.ctc_weight)
    if fusion:
        candidates = [_fused(of_one, fusion) for of_one in candidates]
    candidates = [of_one[: options.n_best] for of_one in candidates]
    best = [of_one[0].units for of_one in candidates]
    aligned = align(log_probs, num_frames, best) if options.words else [[] for _ in best]
    frame_ms = STEP_MS * model.config.sizes["subsampling"]
    for utterance, of_one, spans, length in zip(utterances, candidates, aligned, num_frames.tolist(), strict=True):
        words = to_words(model.units, spans, frame_ms)
        yield _hypothesis(model.units, utterance, of_one if length else [], words, options.n_best)


def _fused(candidates: Sequence[Candidate], fusion: Fusion) -> list[Candidate]:
    """Candidates in the order of what the teacher and the language model say together."""
    added = fusion.of_texts([each.units for each in candidates])
    scored = zip(candidates, added, strict=True)
    return [each for each, _ in sorted(scored, key=lambda pair: -(pair[0].score + pair[1]))]


def _texts(
    model: CtcModel,
    encoded: Tensor,
    log_probs: Tensor,
    num_frames: Tensor,
    options: DecodingOptions,
    fusion: Fusion | None,
) -> list[list[list[int]]]:
    """Different texts of each utterance, best first; of several spellings in units the best stands for its text.

    Those that will be rescored are as many as the beam has, others no more than wanted.
    """
    if options.is_greedy:
        return [[model.units.tidy(best)] for best in greedy(log_probs, num_frames)]
    if options.decode == "joint" and model.decoder is not None:
        weight, count = options.ctc_weight, options.n_best
        searched = joint_search(
            model.decoder, encoded, log_probs, num_frames, options.beam, weight, n_best=count, fusion=fusion
        )
    else:
        searched = beam_search(log_probs, num_frames, options.beam, fusion=fusion)
    wanted = options.beam if options.decode == "rescore" else options.n_best
    return [different_texts(model.units, of_one)[:wanted] for of_one in searched]


def different_texts(units: Units, candidates: Sequence[Candidate]) -> list[list[int]]:
    """The units of candidates' texts, in order, tidy and each text once."""
    best: dict[str, list[int]] = {}
    for each in candidates:
        tidy = units.tidy(each.units)
        best.setdefault(units.decode(tidy), tidy)
    return list(best.values())


def _hypothesis(
    units: Units, utterance: Utterance, candidates: Sequence[Candidate], words: Sequence[Word], count: int
) -> Hypothesis:
    texts = tuple((units.decode(each.units), each.score / (len(each.units) + 1)) for each in candidates)
    text, score = texts[0] if texts else ("", UNHEARD)
    return Hypothesis(
        utt_id=utterance.utt_id,
        text=text,
        score=score,
        num_units=len(candidates[0].units) if candidates else 0,
        duration_ms=duration_ms(utterance),
        alternatives=texts if count > 1 else (),
        words=words,
    )
