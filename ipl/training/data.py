"""What a rank trains on: rows of the index become batches of features and units.

B: utterances · N: samples · T: frames · F: mel bands · U: units of a text
"""

from __future__ import annotations

from collections import deque
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
from ipl.asr.distortion.distorter import Distorter
from ipl.asr.text import normalise
from ipl.asr.units import Units
from ipl.errors import InputError, MediaError
from ipl.tables import Index, Location
from ipl.training.feature_cache import open_cache
from ipl.training.job import Job
from ipl.training.packing import Step
from ipl.training.skipped import Skipped

__all__ = ["CACHE_FOLDER", "Batch", "TrainingSet", "ahead"]

T = TypeVar("T")
AUGMENT = AugmentConfig()
CACHE_FOLDER = "features"
"""Where in a training's folder a cache on disk lies that nobody else uses; the training removes it at its end."""


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
    same ones and knows without asking how many units a step has. Of each row 8 bytes are kept in memory; the rest is
    read when its batch is made.
    """

    def __init__(self, job: Job, config: ModelConfig, units: Units, skipped: Skipped) -> None:
        self.index = Index(job.index)
        self.config, self.units, self.skipped = config, units, skipped
        self.seed, self.options = job.seed, job.options
        self.cache = open_cache(job.options, config.features, job.out_dir / CACHE_FOLDER)
        self.distorter = Distorter(job.options, config.features.sample_rate_hz)
        # One more for each utterance, as in a hypothesis's score: saying nothing has to be learned too.
        counts = (len(units.encode(text)) + 1 if text else 0 for text in self._texts())
        self.num_units = np.fromiter(counts, dtype=np.int64, count=len(self.index))
        if not self.num_units.any():
            raise InputError(
                f"{job.index}: none of its {len(self.index)} utterances can be learned from; the first, "
                f"{skipped.first}; mend the data, or start from a model that knows its characters"
            )

    def _texts(self) -> Iterator[str | None]:
        """The text of each row as the model spells it, or None, with a note, where nothing can be learned from it."""
        for entry in self.index.read_rows("utt_id", "text", "num_samples", "sample_rate_hz"):
            utt_id, text = entry["utt_id"], entry["text"]
            normal = normalise(text or "", self.config.text)
            if entry["num_samples"] * 1000 < features.WINDOW_MS * entry["sample_rate_hz"]:
                self.skipped.note(utt_id, "no_audio", f"shorter than {features.WINDOW_MS} ms")
            elif not normal:
                self.skipped.note(utt_id, "no_text", repr(text))
            elif lacking := sorted(set(self.units.missing(normal))):
                self.skipped.note(utt_id, "unknown_characters", f"{''.join(lacking)!r} in {text!r}")
            else:
                yield normal
                continue
            yield None

    def batches(self, epoch: int, steps: Sequence[Step], rank: int, start: int) -> Iterator[Batch]:
        """This rank's batches of an epoch, from step `start` on; the next are made while one is trained on."""
        places = range(start, len(steps))
        return ahead(lambda place: self.batch(epoch, place, steps[place], rank), places, self.options.loader_threads)

    def batch(self, epoch: int, place: int, step: Step, rank: int) -> Batch:
        """The batch of a rank at a step: a pure function of seed, epoch, place and rank. It may have no rows."""
        step_units = int(self.num_units[[row for rows in step for row in rows]].sum())
        rows = [row for row in step[rank] if self.num_units[row]]
        located = zip(rows, self.index.locate(rows), strict=True)
        heard = [(row, entry, self._features(row, where, entry["utt_id"], epoch)) for row, (where, entry) in located]
        found = [(row, entry, each) for row, entry, each in heard if each is not None]
        if not found:
            # Every rank has to take part in a step; this one with an utterance that counts for nothing.
            silence = torch.zeros(1, 1, self.config.features.num_mels)
            one = torch.ones(1, dtype=torch.long)
            return Batch([], [], silence, one, one, one, step_units)
        padded, num_frames = features.pad([each.float() for _, _, each in found])
        if self.options.spec_augment and self.config.features.kind == "filterbanks":  # samples have no bands
            generator = random_for(self.seed, epoch, f"step {place} rank {rank}")
            padded = spec_augment(padded, num_frames, generator, AUGMENT)
        units = [self.units.encode(normalise(entry["text"], self.config.text)) for _, entry, _ in found]
        return Batch(
            [row for row, _, _ in found],
            [entry["utt_id"] for _, entry, _ in found],
            padded,
            num_frames,
            torch.tensor([unit for each in units for unit in each]),
            torch.tensor([len(each) for each in units]),
            step_units,
        )

    def _features(self, row: int, where: Location, utt_id: str, epoch: int) -> Tensor | None:
        """Features of a row, float16 [T, F], as they are drawn for this epoch; None where its audio is damaged."""
        speeds = self.options.speeds
        draw = int(torch.randint(len(speeds), (), generator=random_for(self.seed, epoch, utt_id)))
        distort = self.distorter.draw(random_for(self.seed, epoch, f"distort {utt_id}"))
        found = None if distort else self.cache.get(where, draw)
        if found is None:
            (utterance,) = self.index.utterances([row])
            try:
                samples = features.read_samples(utterance.audio, self.config.features, utt_id)
            except MediaError as error:
                self.skipped.note(utt_id, "unreadable_audio", str(error))
                return None
            samples = change_speed(samples, self.config.features.sample_rate_hz, speeds[draw])
            if distort:
                samples = distort(samples)
            # Rounded whether it will be kept or not: what is learned must not depend on the cache.
            found = features.compute(samples, self.config.features).half()
            if not distort:
                self.cache.put(where, draw, found)
        return found


def ahead(make: Callable[[int], T], places: Iterable[int], threads: int = 1) -> Iterator[T]:
    """Yields `make(place)` for each place, in order; each of `threads` threads makes one while others are in use."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for place in places:
                waiting.append(pool.submit(make, place))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # who stops early waits for what has begun, and no longer
            for each in waiting:
                each.cancel()
