"""Small data that is made in milliseconds: tones for words, so that a model could even learn from it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ipl.audio import encode_flac
from ipl.records import Cycle, Hypothesis, ModelRef, Origin, Utterance
from ipl.registry import Registry, implement
from ipl.schemas import HYPOTHESES, UTTERANCES
from ipl.tables import Dataset, Table, write_table

__all__ = ["small_dataset", "small_hypotheses", "small_model", "small_utterances"]

WORDS = ("mti", "maji", "jua", "ndege", "n’goma", "东西")
WORD_SECONDS = 0.25
TINY = {"width": 16, "layers": 1, "dropout": 0.0}


def small_utterances(
    count: int = 6, seed: int = 0, sample_rate_hz: int = 16_000, origin: Origin = "labelled"
) -> Iterator[Utterance]:
    """Yields utterances of 1 to 4 words, each a tone of its own in noise; without text where `unlabelled`."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        words = rng.integers(len(WORDS), size=1 + number % 4)
        seconds = np.arange(round(WORD_SECONDS * sample_rate_hz)) / sample_rate_hz
        tones = [0.3 * np.sin(2 * math.pi * (300 + 150 * word) * seconds) for word in words]
        samples = np.concatenate(tones) + rng.normal(0, 0.01, len(tones) * len(seconds))
        yield Utterance(
            utt_id=f"small-{seed}-{number:04d}",
            source_id=f"source-{number // 4}",
            start_ms=0,
            end_ms=len(samples) * 1000 // sample_rate_hz,
            audio=encode_flac(samples, sample_rate_hz),
            sample_rate_hz=sample_rate_hz,
            num_samples=len(samples),
            text=None if origin == "unlabelled" else " ".join(WORDS[word] for word in words),
            language="sw",
            speaker=f"speaker-{number % 2}",
            origin=origin,
        )


def small_dataset(
    folder: Path, count: int = 6, seed: int = 0, sample_rate_hz: int = 16_000, origin: Origin = "labelled"
) -> Dataset:
    """Writes `small_utterances` into `folder`, in two files where there are two or more."""
    utterances = list(small_utterances(count, seed, sample_rate_hz, origin))
    half = (len(utterances) + 1) // 2
    for part, rows in enumerate((utterances[:half], utterances[half:])):
        if rows or not part:
            write_table(folder / f"part-{part:05d}.parquet", rows, UTTERANCES)
    return Dataset.at(folder)


def small_hypotheses(folder: Path, count: int = 8, seed: int = 0) -> Table[Hypothesis]:
    """Writes hypotheses of many kinds into `folder`: good ones, empty, looping, long, unheard, without audio."""
    texts = ("habari ya asubuhi", "", "na na na na na na na na", "jua linawaka " * 40, "东西很好", "a")
    rng = np.random.default_rng(seed)
    rows = [
        Hypothesis(
            utt_id=f"small-{seed}-{number:04d}",
            text=texts[number % len(texts)].strip(),
            score=-1e9 if number == 1 else -float(rng.exponential(0.3)),
            num_units=len(texts[number % len(texts)].strip()),
            duration_ms=0 if number == 5 else int(rng.integers(300, 15_000)),
            alternatives=((texts[number % len(texts)].strip(), -0.5), ("nyingine", -0.9)) if number % 2 else (),
            teacher="small",
        )
        for number in range(count)
    ]
    write_table(folder / "part-00000.parquet", rows, HYPOTHESES)
    return Table.of_hypotheses(folder)


def small_model(folder: Path, labelled: Dataset, seed: int = 0) -> ModelRef:
    """Writes a model of a few thousand random weights into `folder`, by the initializer `scratch`; needs torch."""
    info = Registry().get("initializer", "scratch")
    hook = implement("initializer", [info.cls(sizes=TINY)])
    cycle = Cycle(0, "small", seed)
    model: ModelRef = hook(cycle=cycle, models=(), teacher=None, labelled=labelled, out_dir=folder)
    return model
