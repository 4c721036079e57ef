"""What a cycle left in its folder, as far as it has come: scores, verdicts, training curves. All of it streams."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from ruamel.yaml import YAML

from ipl.errors import InputError
from ipl.records import Hypothesis, Vote
from ipl.report.errors import Comparison
from ipl.report.stored import Recording, read_recording
from ipl.schemas import INDEX, VOTES
from ipl.tables import Index, Location, Table
from ipl.training.results import METRICS_FILE, SKIPPED_FILE, read_lines
from ipl.truth import true_texts

__all__ = ["CycleFolder", "Scores", "cycle_folders"]

MOST_POINTS = 300
"""A training curve has at most about so many points; more are averaged."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Scores:
    """The scores of a cycle's hypotheses, float32 [N]: those kept and those rejected."""

    kept: npt.NDArray[np.float32]
    rejected: npt.NDArray[np.float32]


@dataclass(frozen=True)
class CycleFolder:
    """`cycle-NNN` of a run directory; every part of it may still be missing."""

    path: Path
    name: str

    @property
    def hypotheses(self) -> Table[Hypothesis]:
        """What the teacher said; empty where nothing was recognised."""
        return Table.of_hypotheses(self.path / "recognize")

    @property
    def recognised(self) -> bool:
        """Whether a teacher recognised anything; an oracle's hypotheses are the true texts and name no teacher."""
        first = next(iter(self.hypotheses.batches(["teacher"])), None)
        return first is not None and first.num_rows > 0 and first.column("teacher")[0].as_py() != ""

    def _votes(self) -> Table[Vote]:
        return Table(self.path / "filter", VOTES, Vote)

    @cached_property
    def kept(self) -> frozenset[str]:
        """The `utt_id`s whose verdict is keep: the one thing here whose memory grows with the pool."""
        batches = self._votes().batches(["utt_id", "filter", "decision"])
        verdicts = (batch.filter(pc.equal(batch.column("filter"), "verdict")) for batch in batches)
        kept = (batch.filter(pc.equal(batch.column("decision"), "keep")) for batch in verdicts)
        return frozenset(chain.from_iterable(batch.column("utt_id").to_pylist() for batch in kept))

    @property
    def filtered(self) -> bool:
        """Whether the hypotheses have been voted on."""
        return len(self._votes()) > 0

    def scores(self) -> Scores | None:
        """The scores of all hypotheses; None before they have been voted on."""
        if not (self.recognised and self.filtered):
            return None
        kept: list[npt.NDArray[np.float32]] = [np.empty(0, np.float32)]
        rejected = list(kept)
        for batch in self.hypotheses.batches(["utt_id", "score"]):
            values = batch.column("score").to_numpy()
            is_kept = np.fromiter((utt_id in self.kept for utt_id in batch.column("utt_id").to_pylist()), bool)
            kept.append(values[is_kept])
            rejected.append(values[~is_kept])
        return Scores(np.concatenate(kept), np.concatenate(rejected))

    def find(self, utt_ids: frozenset[str]) -> dict[str, Hypothesis]:
        """The hypotheses of a few utterances, by `utt_id`."""
        return {each.utt_id: each for each in self.hypotheses if each.utt_id in utt_ids}

    def reasons(self, utt_ids: frozenset[str]) -> dict[str, list[str]]:
        """Why a few utterances were rejected, by `utt_id`: each filter against it, with its reason."""
        found: dict[str, list[str]] = {}
        for batch in self._votes().batches(["utt_id", "filter", "decision", "reason"]):
            against = batch.filter(pc.equal(batch.column("decision"), "reject"))
            for row in against.to_pylist():
                if row["utt_id"] in utt_ids and row["filter"] != "verdict":
                    found.setdefault(row["utt_id"], []).append(": ".join(filter(None, (row["filter"], row["reason"]))))
        return found

    def recordings(self, utt_ids: frozenset[str]) -> dict[str, Recording]:
        """Sound and, where the pool knows it, true text of a few selected utterances, by `utt_id`.

        The selection's index hides that text from the cycle, so it is read from the pool itself.
        """
        folder, found = self.path / "select", {}
        index = Index(folder)
        places = index.places
        for batch in Table(folder, INDEX, dict).batches(["utt_id", "file", "row_group", "row"]):
            for row in batch.to_pylist():
                if row["utt_id"] in utt_ids:
                    location = Location(index.resolve(row["file"], places), row["row_group"], row["row"])
                    if recording := read_recording(location):
                        found[row["utt_id"]] = recording
        return found

    def test_comparisons(self) -> list[Comparison]:
        """What its model hears of the test set beside what is there; empty before that is measured."""
        index = Index(self.path.parent / "data" / "test-index")
        hypotheses = Table.of_hypotheses(self.path / "test")
        if not (index.folder.is_dir() and len(hypotheses)):
            return []
        said = {each["utt_id"]: each["text"] for each in hypotheses.read(["utt_id", "text"]).to_pylist()}
        try:
            texts = true_texts(index)
        except (OSError, InputError):  # the data set is not there any more
            return []
        return [Comparison.of(utt_id, text, said.get(utt_id, "")) for utt_id, text in texts.items()]

    def losses(self) -> list[Point]:
        """Training loss by step; of a short training, which logs few steps, the mean loss of each epoch."""
        return _thin(max(self._metrics("step", "step", "loss"), self._metrics("epoch", "step", "loss"), key=len))

    def dev_errors(self) -> list[Point]:
        """The error rate on dev by epoch, by which the trainer compares models."""
        return self._metrics("epoch", "epoch", "dev_error")

    def skipped(self) -> Counter[str]:
        """Utterances that training left out, counted by reason."""
        return Counter(line["reason"] for line in read_lines(self.path / "train" / SKIPPED_FILE))

    def _metrics(self, event: str, x: str, y: str) -> list[Point]:
        lines = (line for line in read_lines(self.path / "train" / METRICS_FILE) if line.get("event") == event)
        return [(line[x], line[y]) for line in lines if line.get(y) is not None]


def cycle_folders(run_dir: Path) -> list[CycleFolder]:
    """The cycles of a run's plan as far as they have folders; what an earlier, longer plan left is not among them."""
    resolved = run_dir / "resolved.yaml"
    if not resolved.is_file():
        return []
    cycles = YAML(typ="safe", pure=True).load(resolved.read_text(encoding="utf-8"))["cycles"]
    folders = (CycleFolder(run_dir / f"cycle-{index:03d}", str(cycle["name"])) for index, cycle in enumerate(cycles))
    return [folder for folder in folders if folder.path.is_dir()]


def _thin(points: list[Point]) -> list[Point]:
    bunch = -(-len(points) // MOST_POINTS) or 1
    bunches = (points[start : start + bunch] for start in range(0, len(points), bunch))
    return [(sum(x for x, _ in each) / len(each), sum(y for _, y in each) / len(each)) for each in bunches]
