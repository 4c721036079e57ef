"""What a rank trains on: rows of the index become batches of features and units.

B: utterances · N: samples · T: frames · F: mel bands · U: units of a text
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ipl.asr import features
from ipl.asr.augmentation import AugmentConfig, change_speed, random_for, spec_augment
from ipl.asr.config import ModelConfig
from ipl.asr.text import normalise
from ipl.asr.units import Units
from ipl.errors import InputError, MediaError
from ipl.tables import Index
from ipl.training.job import Job
from ipl.training.packing import Step
from ipl.training.skipped import Skipped

__all__ = ["Batch", "FeatureCache", "TrainingSet", "ahead"]

T = TypeVar("T")
AUGMENT = AugmentConfig()


@dataclass(frozen=True)
class Batch:
    """What goes through the model at one step. `step_units` counts the units of all ranks' batches.

    features: float32 [B, T, F] · num_frames: int64 [B] · targets: int64 [sum of U] · num_units: int64 [B]
    """

    rows: list[int]
    utt_ids: list[str]
    features: Tensor
    num_frames: Tensor
    targets: Tensor
    num_units: Tensor
    step_units: int


class TrainingSet:
    """The rows of a training index, as a model of the given configuration hears and spells them.

    Rows that nothing can be learned from are known from the index alone, so that every rank leaves out the
    same ones and knows without asking how many units a step has.
    """

    def __init__(self, job: Job, config: ModelConfig, units: Units, skipped: Skipped) -> None:
        self.index = Index(job.index)
        self.config, self.units, self.skipped = config, units, skipped
        self.seed, self.options = job.seed, job.options
        self.cache = FeatureCache(job.options.feature_cache_mb << 20)
        table = self.index.read("utt_id", "text", "num_samples", "sample_rate_hz")
        self.utt_ids: list[str] = table["utt_id"].to_pylist()
        shortest = features.WINDOW_MS * table["sample_rate_hz"].to_numpy() / 1000
        has_audio: list[bool] = (table["num_samples"].to_numpy() >= shortest).tolist()
        self.texts = [
            self._usable(*row) for row in zip(self.utt_ids, table["text"].to_pylist(), has_audio, strict=True)
        ]
        # One more for each utterance, as in a hypothesis's score: saying nothing has to be learned too.
        self.num_units = np.array([0 if text is None else len(text) + 1 for text in self.texts], dtype=np.int64)
        if not self.num_units.any():
            raise InputError(
                f"{job.index}: none of its {len(self.texts)} utterances can be learned from; the first, "
                f"{skipped.first}; mend the data, or start from a model that knows its characters"
            )

    def _usable(self, utt_id: str, text: str | None, has_audio: bool) -> str | None:
        """The text as the model spells it, or None, with a note, where nothing can be learned from the row."""
        normal = normalise(text or "", self.config.text)
        if not has_audio:
            self.skipped.note(utt_id, "no_audio", f"shorter than {features.WINDOW_MS} ms")
        elif not normal:
            self.skipped.note(utt_id, "no_text", repr(text))
        elif lacking := sorted(set(self.units.missing(normal))):
            self.skipped.note(utt_id, "unknown_characters", f"{''.join(lacking)!r} in {text!r}")
        else:
            return normal
        return None

    def batches(self, epoch: int, steps: Sequence[Step], rank: int, start: int) -> Iterator[Batch]:
        """This rank's batches of an epoch, from step `start` on; one is made while another is trained on."""
        return ahead(lambda place: self.batch(epoch, place, steps[place], rank), range(start, len(steps)))

    def batch(self, epoch: int, place: int, step: Step, rank: int) -> Batch:
        """The batch of a rank at a step: a pure function of seed, epoch, place and rank. It may have no rows."""
        step_units = int(self.num_units[[row for rows in step for row in rows]].sum())
        heard = [(row, self._features(row, epoch)) for row in step[rank] if self.texts[row] is not None]
        rows = [row for row, found in heard if found is not None]
        if not rows:
            # Every rank has to take part in a step; this one with an utterance that counts for nothing.
            silence = torch.zeros(1, 1, self.config.features.num_mels)
            one = torch.ones(1, dtype=torch.long)
            return Batch([], [], silence, one, one, one, step_units)
        padded, num_frames = features.pad([found.float() for _, found in heard if found is not None])
        if self.options.spec_augment:
            generator = random_for(self.seed, epoch, f"step {place} rank {rank}")
            padded = spec_augment(padded, num_frames, generator, AUGMENT)
        units = [self.units.encode(self.texts[row] or "") for row in rows]
        return Batch(
            rows,
            [self.utt_ids[row] for row in rows],
            padded,
            num_frames,
            torch.tensor([unit for each in units for unit in each]),
            torch.tensor([len(each) for each in units]),
            step_units,
        )

    def _features(self, row: int, epoch: int) -> Tensor | None:
        """Features of a row, float16 [T, F], at the speed drawn for this epoch; None where its audio is damaged."""
        speeds = self.options.speeds
        draw = int(torch.randint(len(speeds), (), generator=random_for(self.seed, epoch, self.utt_ids[row])))
        found = self.cache.get((row, draw))
        if found is None:
            (utterance,) = self.index.utterances([row])
            try:
                samples = features.read_samples(utterance.audio, self.config.features, utterance.utt_id)
            except MediaError as error:
                self.skipped.note(utterance.utt_id, "unreadable_audio", str(error))
                return None
            samples = change_speed(samples, self.config.features.sample_rate_hz, speeds[draw])
            # Rounded whether it will be kept or not: what is learned must not depend on the size of the cache.
            found = features.compute(samples, self.config.features).half()
            self.cache.put((row, draw), found)
        return found


class FeatureCache:
    """Keeps tensors until its budget of bytes is spent; what came first stays, as epochs go round and round."""

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._kept: dict[tuple[int, int], Tensor] = {}

    def get(self, key: tuple[int, int]) -> Tensor | None:
        """What was kept under `key`."""
        return self._kept.get(key)

    def put(self, key: tuple[int, int], value: Tensor) -> None:
        """Keeps `value` if there is room."""
        if key not in self._kept and value.nbytes <= self._left:
            self._left -= value.nbytes
            self._kept[key] = value


def ahead(make: Callable[[int], T], places: Iterable[int]) -> Iterator[T]:
    """Yields `make(place)` for each place, in order; a thread makes the next while one is in use."""
    with ThreadPoolExecutor(1) as thread:
        waiting: Future[T] | None = None
        for place in places:
            coming = thread.submit(make, place)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()
