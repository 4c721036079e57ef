"""One utterance's sound and text, read from where it lies."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ipl.report.html import Html, element
from ipl.report.media import player
from ipl.tables import Location

__all__ = ["Recording", "read_recording"]


@dataclass(frozen=True)
class Recording:
    """The encoded audio of an utterance, and the text that its data set holds of it."""

    audio: bytes
    text: str | None

    def player(self, label: str) -> Html:
        """An audio player of it."""
        return player(self.audio, label)

    def written(self) -> Html:
        """Its text for a page."""
        return element("em", "unknown") if self.text is None else element("bdi", self.text)


def read_recording(location: Location) -> Recording | None:
    """Reads an utterance's audio and text; None where its file is gone or is another by now."""
    try:
        group = pq.ParquetFile(location.file).read_row_group(location.row_group, columns=["audio", "text"])
        row = group.slice(location.row, 1).to_pylist()[0]
    except (OSError, pa.ArrowException, IndexError):
        return None
    return Recording(row["audio"]["bytes"] or b"", row["text"])
