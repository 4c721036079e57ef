"""Whisper (Radford et al., arXiv 2212.04356) as a recogniser, from a checkpoint of Hugging Face.

B: utterances · L: tokens of a text · P: tokens before it, which tell the task
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ipl.asr import features
from ipl.asr.config import FeatureConfig
from ipl.asr.models.pretrained import transformers
from ipl.asr.recognition import UNHEARD, batches, duration_ms, pick_device
from ipl.errors import InputError, MediaError, did_you_mean
from ipl.progress import say
from ipl.records import Hypothesis, ModelRef, Utterance

__all__ = ["WhisperOptions", "recognize_with_whisper"]

RATE = FeatureConfig(16_000, 160, "none", "samples")


@dataclass(frozen=True)
class WhisperOptions:
    """How hypotheses are found. Without a `language` Whisper guesses it, for each utterance."""

    beam: int = 1
    batch_seconds: float = 120.0
    device: str = "auto"
    language: str | None = None


@dataclass(frozen=True)
class _Whisper:
    model: Any
    processor: Any

    @property
    def piece_samples(self) -> int:
        """How much Whisper hears at once: 30 s."""
        return int(self.processor.feature_extractor.n_samples)


def recognize_with_whisper(
    utterances: Sequence[Utterance], teacher: ModelRef, options: WhisperOptions
) -> Iterator[Hypothesis]:
    """Yields one hypothesis for each utterance, shortest first; longer ones are heard in pieces of 30 s.

    A score is the text's log probability by the decoder, its end included, per token + 1. An utterance that cannot be
    heard gets an empty hypothesis of score `UNHEARD`, and a line says so.
    """
    whisper = _load(teacher.path, teacher.fingerprint, str(pick_device(options.device)))
    for batch in batches(utterances, options.batch_seconds):
        pieces: list[tuple[int, Tensor]] = []
        for place, utterance in enumerate(batch):
            try:
                samples = features.read_samples(utterance.audio, RATE, utterance.utt_id)
            except MediaError as error:
                say(f"recognizer: {error}; its hypothesis is empty")
                continue
            pieces += [(place, piece) for piece in torch.split(samples, whisper.piece_samples) if len(piece)]
        heard = _transcribe(whisper, [piece for _, piece in pieces], options) if pieces else []
        for place, utterance in enumerate(batch):
            own = [found for (owner, _), found in zip(pieces, heard, strict=True) if owner == place]
            count = sum(tokens for _, _, tokens in own)
            yield Hypothesis(
                utt_id=utterance.utt_id,
                text=" ".join(text for text, _, _ in own if text),
                score=sum(score for _, score, _ in own) / (count + 1) if own else UNHEARD,
                num_units=count,
                duration_ms=duration_ms(utterance),
                teacher=teacher.fingerprint,
            )


@lru_cache(maxsize=1)
def _load(path: Path, _fingerprint: str, device: str) -> _Whisper:
    package = transformers()
    try:
        model = package.WhisperForConditionalGeneration.from_pretrained(path, local_files_only=True)
        processor = package.WhisperProcessor.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise InputError(f"{path}: no Whisper that transformers can load: {error}") from error
    return _Whisper(model.float().to(device).eval(), processor)


@torch.inference_mode()
def _transcribe(whisper: _Whisper, pieces: Sequence[Tensor], options: WhisperOptions) -> list[tuple[str, float, int]]:
    """Text, log probability in nats and tokens of each piece."""
    model, tokenizer = whisper.model, whisper.processor.tokenizer
    made = whisper.processor.feature_extractor(
        [piece.numpy() for piece in pieces], sampling_rate=RATE.sample_rate_hz, return_tensors="pt"
    )
    heard = made.input_features.to(model.device)
    task = _task(model, heard, options.language)  # [B, P]
    room = model.config.max_target_positions - task.shape[1]
    told = {"language": options.language, "task": "transcribe"} if task.shape[1] > 2 else {}
    tokens = model.generate(heard, num_beams=options.beam, max_new_tokens=room, max_length=None, **told)  # [B, L]
    logits = model(heard, decoder_input_ids=torch.cat([task, tokens[:, :-1]], dim=1)).logits[:, task.shape[1] - 1 :]
    said = logits.float().log_softmax(dim=-1).gather(2, tokens[:, :, None])[:, :, 0]
    texts = tokenizer.batch_decode(tokens, skip_special_tokens=True)
    scores = [_score(*row, tokenizer.eos_token_id) for row in zip(tokens.tolist(), said, strict=True)]
    return [(text.strip(), score, count) for text, (score, count) in zip(texts, scores, strict=True)]


def _task(model: Any, heard: Tensor, language: str | None) -> Tensor:
    """What a text begins with, [B, P]: start, language and task where the model knows several, no time stamps."""
    config = model.generation_config
    start = torch.full((len(heard), 1), config.decoder_start_token_id, device=heard.device)
    plain = torch.full_like(start, config.no_timestamps_token_id)
    if not getattr(config, "is_multilingual", True):
        if language is not None:
            raise InputError(f"whisper: language: found {language!r} for a model of English alone; leave it out")
        return torch.cat([start, plain], dim=1)
    if language is None:
        spoken = model.detect_language(input_features=heard)[:, None]
    elif (symbol := f"<|{language}|>") in config.lang_to_id:
        spoken = torch.full_like(start, config.lang_to_id[symbol])
    else:
        known = [each.strip("<|>") for each in config.lang_to_id]
        raise InputError(f"whisper: language: found {language!r}; {did_you_mean(language, known)}")
    return torch.cat([start, spoken, torch.full_like(start, config.task_to_id["transcribe"]), plain], dim=1)


def _score(tokens: Sequence[int], said: Tensor, end_id: int) -> tuple[float, int]:
    """The log probability of a text and its end, and how many tokens it has, of tokens and their log probabilities."""
    count = tokens.index(end_id) if end_id in tokens else len(tokens)
    return float(said[: count + 1].sum()), count
