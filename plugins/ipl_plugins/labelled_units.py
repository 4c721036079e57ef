"""Units of a new output layer, learned from the labelled text."""

from __future__ import annotations

from ipl.asr.text import TextConfig, normalise
from ipl.asr.unit_kinds import UnitKind, learn
from ipl.asr.units import Units
from ipl.errors import InputError
from ipl.records import Cycle
from ipl.tables import Dataset

__all__ = ["labelled_units"]


def labelled_units(cycle: Cycle, labelled: Dataset, text: TextConfig, kind: UnitKind, num_units: int) -> Units:
    """Learns units from the texts of `labelled`, normalised as `text` says; InputError where there are none."""
    texts = [normal for row in labelled.read_columns("text") if (normal := normalise(row["text"] or "", text))]
    if not texts:
        raise InputError(
            f"cycle {cycle.index} ({cycle.name}): the labelled utterances have no text to learn units from; "
            f"look into {', '.join(map(str, labelled.paths))}"
        )
    return learn(kind, texts, num_units)
