"""Error rates on the dev set, decoded greedily, over all ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from ipl.asr import features
from ipl.asr.config import ModelConfig
from ipl.asr.decoding.greedy import greedy
from ipl.asr.metrics import ErrorRate, character_errors, word_errors
from ipl.asr.models.model import CtcModel
from ipl.asr.text import normalise
from ipl.errors import InputError, MediaError
from ipl.progress import say
from ipl.tables import Dataset
from ipl.training.communication import World

__all__ = ["DevSet"]

FRAMES_PER_BATCH = 6000


@dataclass(frozen=True)
class _Example:
    text: str
    features: Tensor  # float16 [T, F]


class DevSet:
    """This rank's share of the dev set, kept in memory as features."""

    def __init__(self, paths: Sequence[Path], config: ModelConfig, world: World) -> None:
        self.paths, self.config, self.world = paths, config, world

    @cached_property
    def _examples(self) -> list[_Example]:
        """The transcribed utterances, shortest first; audio that cannot be read has no frames."""
        found = []
        for number, utterance in enumerate(Dataset.at(*self.paths)):
            if number % self.world.size != self.world.rank or not (
                text := normalise(utterance.text or "", self.config.text)
            ):
                continue
            try:
                samples = features.read_samples(utterance.audio, self.config.features, utterance.utt_id)
            except MediaError as error:
                say(f"dev: {error}; all its words count as errors")
                samples = torch.zeros(0)
            found.append(_Example(text, features.compute(samples, self.config.features).half()))
        return sorted(found, key=lambda example: len(example.features))

    @torch.inference_mode()
    def error_rates(self, model: CtcModel) -> dict[str, float]:
        """CER and WER of `model` (0 to 1 and more), and how many utterances they stand on.

        `dev_error`, by which epochs are compared, is the CER: with little data it is the steadier one.
        Raises InputError where nothing in the dev set is transcribed.
        """
        model.eval()
        characters = words = ErrorRate()
        for reference, hypothesis in self._decode(model):
            characters += character_errors(reference, hypothesis)
            words += word_errors(reference, hypothesis)
        counts = [characters.errors, characters.num_units, words.errors, words.num_units, words.num_utterances]
        errors, units, word_errors_, num_words, utterances = self.world.sum(
            torch.tensor(counts, dtype=torch.float64)
        ).tolist()
        if not utterances:
            raise InputError(f"dev: {', '.join(map(str, self.paths))}: no utterance has a text to compare with")
        cer = errors / units
        return {"dev_error": cer, "cer": cer, "wer": word_errors_ / num_words, "dev_utterances": utterances}

    def _decode(self, model: CtcModel) -> Iterator[tuple[str, str]]:
        for batch in _batches(self._examples):
            padded, num_frames = features.pad([example.features.float() for example in batch])
            log_probs, out_frames = model(padded.to(self.world.device), num_frames.to(self.world.device))
            for example, units in zip(batch, greedy(log_probs.cpu(), out_frames.cpu()), strict=True):
                yield example.text, model.units.decode(units)


def _batches(examples: Sequence[_Example]) -> Iterator[Sequence[_Example]]:
    """Consecutive examples, sorted by length, of at most FRAMES_PER_BATCH with padding."""
    start = 0
    for place in range(1, len(examples) + 1):
        if place == len(examples) or len(examples[place].features) * (place + 1 - start) > FRAMES_PER_BATCH:
            yield examples[start:place]
            start = place
