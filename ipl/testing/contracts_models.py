"""The contracts of builders, initializers, recognizers and trainers: what makes and uses models. They need torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ipl.audio import encode_flac
from ipl.errors import InputError, PluginError
from ipl.fingerprint import of_path
from ipl.records import Cycle, EpochResult, Hypothesis, ModelRef, Utterance
from ipl.schemas import BATCHES, HYPOTHESES, INDEX
from ipl.stages.select import index_rows
from ipl.tables import Dataset, Index, enforce, to_batch, write_table
from ipl.testing.bench import CYCLE, Bench, Contract, numbered
from ipl.testing.result import CheckResult
from ipl.testing.small_data import small_dataset, small_model, small_utterances

__all__ = ["CONTRACTS"]

MODEL_FILES = ("config.json", "model.safetensors")
EPOCHS = 2


def check_builder(bench: Bench) -> Iterator[CheckResult]:
    """A teacher out of the model pool; its recognizer alone has to know what else is in its folder."""
    models = _model_pool(bench)
    yield from _check_models(bench, models, ("config.json",), lambda out_dir: {"models": models, "out_dir": out_dir})
    empty = bench.empty_folder("empty")
    yield _says_what_is_missing(bench, "with no model yet: an InputError or another model", models=(), out_dir=empty)


def check_initializer(bench: Bench) -> Iterator[CheckResult]:
    """A student's initial state."""
    models = _model_pool(bench)
    labelled = Dataset.at(bench.folder / "labelled")
    given = {"models": models, "teacher": models[-1], "labelled": labelled}
    yield from _check_models(bench, models, MODEL_FILES, lambda out_dir: given | {"out_dir": out_dir})
    promise = "in the first cycle, with no model and no teacher: an InputError or a model"
    first = {"models": (), "teacher": None, "labelled": labelled}
    yield _says_what_is_missing(bench, promise, **first, out_dir=bench.empty_folder("first"))


def _check_models(bench: Bench, models: list[ModelRef], files: Sequence[str], arguments: Any) -> Iterator[CheckResult]:
    before = [of_path(model.path) for model in models]
    made = bench.call(cycle=CYCLE, **arguments(bench.empty_folder("one")))
    yield CheckResult("returns a ModelRef", None if isinstance(made, ModelRef) else f"found {made!r}")
    missing = [f"{name} is missing" for name in files if not (made.path / name).is_file()]
    yield CheckResult(f"its folder holds {' and '.join(files)}", numbered(missing))
    yield CheckResult("it has a fingerprint", None if made.fingerprint else "found an empty one")
    again = bench.call(cycle=CYCLE, **arguments(bench.empty_folder("two")))
    same = again.fingerprint == made.fingerprint
    yield CheckResult("makes the same model at a second call", None if same else "found another fingerprint")
    touched = [f"{m.path.name} was changed" for m, old in zip(models, before, strict=True) if of_path(m.path) != old]
    yield CheckResult("leaves the given models as they are", numbered(touched))


def _says_what_is_missing(bench: Bench, promise: str, **arguments: Any) -> CheckResult:
    try:
        bench.call(cycle=CYCLE, **arguments)
    except PluginError as error:
        return CheckResult(promise, str(error))
    except InputError:
        return CheckResult(promise)
    except Exception as error:  # what a user of the plugin would see as a traceback
        return CheckResult(promise, f"raised {type(error).__name__}: {error}")
    return CheckResult(promise)


def _model_pool(bench: Bench) -> list[ModelRef]:
    """Three models of two cycles, oldest first."""
    labelled = small_dataset(bench.folder / "labelled")
    places = [(0, 0, 0.9), (1, 0, 0.5), (1, 1, 0.7)]
    models = [small_model(bench.folder / f"model-{i}", labelled, seed=i) for i in range(len(places))]
    return [
        replace(model, cycle=cycle, epoch=epoch, dev_error=error)
        for model, (cycle, epoch, error) in zip(models, places, strict=True)
    ]


def check_recognizer(bench: Bench) -> Iterator[CheckResult]:
    """One hypothesis for each utterance, whatever its audio and its neighbours."""
    teacher = small_model(bench.folder / "teacher", small_dataset(bench.folder / "labelled"))
    utterances = _utterances_to_recognize()
    found = _recognize(bench, utterances, teacher)
    asked, answered = sorted(each.utt_id for each in utterances), sorted(each.utt_id for each in found)
    yield CheckResult(
        "gives one hypothesis for each utterance, also of 0 samples and of 8 kHz",
        None if asked == answered else f"found {len(answered)} for {len(asked)}: {sorted(set(asked) ^ set(answered))}",
    )
    enforce(to_batch(found, HYPOTHESES), HYPOTHESES, "its hypotheses")
    odd = [f"found {each.score} for {each.utt_id!r}" for each in found if not -math.inf < each.score <= 1e-3]
    yield CheckResult("scores are log probabilities: finite, at most 0", numbered(odd))
    expected_ms = {each.utt_id: each.num_samples * 1000 / each.sample_rate_hz for each in utterances}
    off = [
        f"found {each.duration_ms} ms for {each.utt_id!r}, expected {expected_ms[each.utt_id]:.0f}"
        for each in found
        if each.utt_id in expected_ms and abs(each.duration_ms - expected_ms[each.utt_id]) > 1
    ]
    yield CheckResult("duration_ms is the audio's length", numbered(off))
    reordered = {each.utt_id: each for each in _recognize(bench, utterances[::-1], teacher)}
    other = [f"{each.utt_id!r} has another text" for each in found if reordered[each.utt_id].text != each.text]
    yield CheckResult("gives the same texts in another order", numbered(other))
    none = _recognize(bench, [], teacher)
    yield CheckResult("gives nothing for no utterances", f"found {none[0]}" if none else None)


def _recognize(bench: Bench, utterances: list[Utterance], teacher: ModelRef) -> list[Hypothesis]:
    return list(bench.call(cycle=CYCLE, utterances=utterances, teacher=teacher))


def _utterances_to_recognize() -> list[Utterance]:
    usual = list(small_utterances(5, origin="unlabelled"))
    narrow = next(small_utterances(1, seed=1, sample_rate_hz=8_000, origin="unlabelled"))
    audio = encode_flac(np.zeros(0), 16_000)
    silent = replace(usual[0], utt_id="no-samples", end_ms=0, audio=audio, num_samples=0)
    return [*usual, narrow, silent]


def check_trainer(bench: Bench) -> Iterator[CheckResult]:
    """Every epoch with its checkpoint, and the same once more where it has been trained already."""
    types = {option.name: option.type for option in bench.info.options}
    lacking = [f"found no option `{name}: int`" for name in ("epochs", "ranks") if types.get(name) is not int]
    yield CheckResult("has the options epochs and ranks", numbered(lacking))
    if lacking:
        return
    bench = replace(bench, options={"epochs": EPOCHS, "ranks": 1, **bench.options})
    epochs = bench.options["epochs"]
    labelled, dev = small_dataset(bench.folder / "labelled"), small_dataset(bench.folder / "dev", count=3, seed=1)
    batches = _write_batches(bench, labelled, epochs, bench.options["ranks"])
    out_dir = bench.empty_folder("train")
    arguments = {
        "cycle": Cycle(0, "check", 17),
        "student": small_model(bench.folder / "student", labelled),
        "index": Index(batches),
        "batches": batches,
        "dev": dev,
        "out_dir": out_dir,
    }
    results: list[EpochResult] = list(bench.call(**arguments))
    numbers = [each.epoch for each in results]
    yield CheckResult(
        "yields every epoch in order",
        None if numbers == list(range(epochs)) else f"found {numbers}, expected {list(range(epochs))}",
    )
    yield CheckResult("checkpoints lie in out_dir/step-*", numbered(_misplaced(results, out_dir)))
    last = results[-1].path if results else Path()
    missing = [f"{name} is missing in {last.name}" for name in MODEL_FILES if not (last / name).is_file()]
    yield CheckResult("the last epoch's checkpoint is a model", numbered(missing))
    odd = [
        f"epoch {each.epoch}: found {name} = {value!r}"
        for each in results
        for name, value in each.metrics.items()
        if not isinstance(value, int | float)
    ]
    yield CheckResult("metrics are plain numbers", numbered(odd))
    again = [each.epoch for each in bench.call(**arguments)]
    yield CheckResult(
        "yields epochs that had ended when it is started again",
        None if again == numbers else f"found {again}, expected {numbers}",
    )


def _misplaced(results: list[EpochResult], out_dir: Path) -> list[str]:
    return [
        f"epoch {each.epoch}: found {each.path}"
        for each in results
        if each.path.parent != out_dir or not each.path.name.startswith("step-")
    ]


def _write_batches(bench: Bench, labelled: Dataset, epochs: int, ranks: int) -> Path:
    """An index of all rows, and epochs of one step in which the ranks share them."""
    folder = bench.empty_folder("batches")
    count = write_table(folder / "index.parquet", index_rows(labelled, "labelled", None, None), INDEX)
    Index(folder).put_places(labelled.places("labelled"))
    for epoch in range(epochs):
        rows = [
            {"epoch": epoch, "step": 0, "rank": rank, "rows": list(range(rank, count, ranks))} for rank in range(ranks)
        ]
        write_table(folder / f"epoch-{epoch:03d}.parquet", rows, BATCHES)
    return folder


CONTRACTS: dict[str, Contract] = {
    "builder": check_builder,
    "initializer": check_initializer,
    "recognizer": check_recognizer,
    "trainer": check_trainer,
}
