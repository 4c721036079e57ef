"""The whole extension surface: one class per role, one hook each.

A plugin is a class with `@ipl.plugin("name")` on it: its typed fields are its options, and the one method
marked `@ipl.hookimpl` is its behaviour; the method's name tells the role. A method names only the
arguments that it wants. Hooks carry tables, paths, ids and frozen records, never live models.

Roles of the cycle, called by `ipl/loop.py` in this order. Each has exactly one implementation in a
cycle, but for `filter`, which has any number:

    selector → builder → recognizer → filter → batcher → initializer → trainer

Roles of mining and of data in and out, called by `ipl mine` and `ipl data`:

    supplier → cue_extractor (with text_reader) , voice_detector → aligner          corpus, exporter
"""

# mypy: disable-error-code="empty-body"
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from ipl.records import (
    Cue,
    Cycle,
    EpochResult,
    Hypothesis,
    MediaInfo,
    ModelRef,
    Pair,
    Reading,
    Reject,
    Span,
    Utterance,
    Vote,
)
from ipl.tables import Dataset, Index, Table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["CYCLE_ROLES", "PROJECT", "ROLES", "ReadText", "hookimpl"]

PROJECT = "ipl"
_F = TypeVar("_F", bound=Callable[..., Any])

_hookspec = pluggy.HookspecMarker(PROJECT)


def hookimpl(method: _F) -> _F:
    """Marks the one method of a plugin that is its behaviour."""
    return pluggy.HookimplMarker(PROJECT)(method)


def _one(method: _F) -> _F:
    """A hook of which a stage has one implementation: its caller returns that one's result."""
    return _hookspec(method, firstresult=True)


def _any_number(method: _F) -> _F:
    """A hook of which a stage has any number: its caller returns the list of results, in the plan's order."""
    return _hookspec(method)


ReadText = Callable[["Sequence[np.ndarray[Any, Any]]", bool | None], "list[list[Reading]]"]
"""A text reader's hook, bound: `read_text(pictures, lines)`."""


class Selector:
    """Selects data from the unlabelled set for this cycle."""

    @_one
    def select(self, cycle: Cycle, pool: Dataset) -> Iterable[str]:
        """Returns the `utt_id`s to recognise, any order, each at most once.

        `pool.read_columns("utt_id", "num_samples", ...)` iterates its rows without their audio.
        """


class Builder:
    """Builds a teacher from the model pool."""

    @_one
    def build(self, cycle: Cycle, models: Sequence[ModelRef], out_dir: Path) -> ModelRef:
        """Returns one of `models` (oldest first, one per epoch of every cycle), or a new model written to `out_dir`."""


class Recognizer:
    """Recognises the selected data with the teacher."""

    @_one
    def recognize(self, cycle: Cycle, utterances: Sequence[Utterance], teacher: ModelRef) -> Iterable[Hypothesis]:
        """Returns one hypothesis for each utterance of a shard, any order; called in worker processes.

        The engine cuts the selection into shards, writes each when it is whole, and skips those that are
        there when a run goes on. An utterance's `text` is always None here.
        """


class Filter:
    """Votes on each hypothesis; any number of filters in a cycle, combined by the cycle's `filter_rule`."""

    @_any_number
    def vote(self, cycle: Cycle, hypotheses: Table[Hypothesis]) -> Iterable[Vote]:
        """Returns at most one vote for each hypothesis; one without a vote counts as abstained.

        `hypotheses` can be iterated as often as needed; each pass streams from disk.
        """


class Batcher:
    """Organises labelled and pseudo-labelled data into the batches of every rank."""

    @_one
    def batch(self, cycle: Cycle, epoch: int, ranks: int, utterances: pa.Table) -> Iterable[Sequence[Sequence[int]]]:
        """Returns the steps of one epoch; a step is one list of row numbers per rank, none of them empty.

        `utterances` has the columns `duration_ms: int64`, `origin: string` and `confidence: float32?`; a row's
        number is its position. The result must be a pure function of the arguments and the options.
        """


class Initializer:
    """Sets the student's initial state."""

    @_one
    def initialize(
        self, cycle: Cycle, models: Sequence[ModelRef], teacher: ModelRef | None, labelled: Dataset, out_dir: Path
    ) -> ModelRef:
        """Returns the student's initial state: one of `models`, `teacher`, or a new model written to `out_dir`.

        `teacher` is None in a cycle that recognises nothing. `labelled` is there to collect output units from.
        """


class Trainer:
    """Trains the student with the batches. Its class has the options `epochs: int` and `ranks: int`."""

    @_one
    def train(
        self, cycle: Cycle, student: ModelRef, index: Index, batches: Path, dev: Dataset, out_dir: Path
    ) -> Iterator[EpochResult]:
        """Yields the result of each epoch as it ends; each checkpoint lies in `out_dir/step-*`.

        `batches` holds `epoch-000.parquet` and so on (`ipl.schemas.BATCHES`), whose rows count rows of `index`.
        `out_dir` may hold checkpoints of the same training, cut short: the trainer goes on from them, and
        yields the epochs that had ended too.
        """


class Supplier:
    """Supplies media files to mine: a factory of synthetic videos, a downloader."""

    @_one
    def supply(self, out_dir: Path, seed: int) -> Iterable[Path]:
        """Writes media files (and subtitle files beside them) into `out_dir` and returns the media files.

        In a run `out_dir` is the plugin's own, and holds what it wrote there before it was cut short. `ipl data synth`
        gives it any folder: files that it did not make must stay.
        """


class TextReader:
    """Turns pictures of text into readings with scores: an OCR engine.

    Its class says in `LANGUAGES: ClassVar[str]` what it can read, and in `COST: ClassVar[str]` what that takes. If it
    has a method `cannot_read(language: str) -> str | None`, that is asked before any work where the language is known,
    and what it says is told.
    """

    @_one
    def read_text(self, pictures: Sequence[np.ndarray[Any, Any]], lines: bool | None) -> list[list[Reading]]:
        """Returns the readings of each picture (uint8 [H, W, 3], RGB), top to bottom.

        With `lines` each picture is one line of text already, and the engine's detector is left out. With None only
        boxes are asked for: an engine that finds them without reading leaves the texts empty. It is called in a thread
        of its own, by one at a time; a line may be asked for with others or alone, and must be read the same.
        """


class VoiceDetector:
    """Turns audio into spans of voice."""

    @_one
    def detect_voice(self, blocks: Iterable[np.ndarray[Any, Any]], sample_rate_hz: int) -> Iterator[Span]:
        """Yields spans of voice in order, not touching, counted from the first sample, in ms.

        `blocks` are consecutive stretches of one channel, int16 [N], of any length; memory must not grow with them.
        """


class CueExtractor:
    """Turns a source into cues. All extractors of a plan are asked; the first that returns cues wins."""

    @_one
    def extract_cues(
        self, media: MediaInfo, language: str | None, read_text: ReadText, work_dir: Path
    ) -> Iterable[Cue | Reject]:
        """Returns the source's cues in order of start, or nothing where it has none of this kind.

        What is there but cannot be used as a cue is a reject.

        Where it takes long, it calls `ipl.worker.report(time_ms, media.duration_ms)` as it goes on.

        `work_dir` is the source's folder of evidence, named as the source is; what lies there is kept. Reports show
        its pictures `<start_ms>.jpg`; all that was read belongs in readings.parquet (`ipl.schemas.READINGS`). Hidden
        files in it are there again after a kill, if source and plan are the same, and go when the source is done.
        """


class Aligner:
    """Turns cues and voice into pairs with speech intervals, and says why the rest is not one."""

    @_one
    def align(self, media: MediaInfo, cues: Sequence[Cue], voice: Sequence[Span]) -> Iterable[Pair | Reject]:
        """Returns a pair or a reject for each cue. Pairs do not overlap and lie inside the source.

        Time that no pair and no reject covers is accounted for by the engine.
        """


class Corpus:
    """Turns an outside data set into utterances."""

    @_one
    def read_corpus(self, path: Path) -> Iterable[Utterance | Reject]:
        """Yields the utterances of the data set at `path`, and a reject for each that cannot be read."""


class Exporter:
    """Turns utterances into an outside format."""

    @_one
    def export(self, utterances: Dataset, out_dir: Path) -> Iterable[Path]:
        """Writes the utterances into the empty folder `out_dir` and returns the files written."""


CYCLE_ROLES: dict[str, type] = {
    "selector": Selector,
    "builder": Builder,
    "recognizer": Recognizer,
    "filter": Filter,
    "batcher": Batcher,
    "initializer": Initializer,
    "trainer": Trainer,
}
ROLES: dict[str, type] = CYCLE_ROLES | {
    "supplier": Supplier,
    "cue_extractor": CueExtractor,
    "text_reader": TextReader,
    "voice_detector": VoiceDetector,
    "aligner": Aligner,
    "corpus": Corpus,
    "exporter": Exporter,
}
"""Role name, as in a plan, to its hook specification."""
