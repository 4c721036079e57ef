"""What cues were read from: their pictures, and all that was read of them, in a source's folder of evidence.

evidence/<source_id>/readings.parquet      a row for each reading, keyed by its cue (`ipl.schemas.READINGS`)
evidence/<source_id>/<start_ms>.jpg        a cue's picture; where two begin at once, <start_ms>-2.jpg is the second's
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ipl.records import Cue, CueReading
from ipl.schemas import READINGS
from ipl.tables import write_table
from ipl_extractors.readings import Vote

__all__ = ["READINGS_FILE", "crop_name", "readings_of", "save_crop", "write_readings"]

READINGS_FILE = "readings.parquet"
JPEG_QUALITY = 85


def crop_name(start_ms: int, taken: Iterable[str]) -> str:
    """Returns the name of the picture of a cue that starts then, other than those that are taken.

    >>> crop_name(900, {"900.jpg", "900-2.jpg"})
    '900-3.jpg'
    """
    name, twin = f"{start_ms}.jpg", 1
    while name in taken:
        twin += 1
        name = f"{start_ms}-{twin}.jpg"
    return name


def save_crop(picture: npt.NDArray[np.uint8], file: Path) -> None:
    """Saves the picture of a cue, uint8 [H, W] or [H, W, 3] RGB, as JPEG."""
    from PIL import Image

    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(file, quality=JPEG_QUALITY)


def readings_of(cue: Cue, votes: Sequence[Vote], crop: str) -> list[CueReading]:
    """Returns the rows of a cue."""
    return [
        CueReading(
            cue.source_id, cue.start_ms, cue.end_ms, cue.track, number, vote.text, vote.score, vote.shown_ms, crop
        )
        for number, vote in enumerate(votes)
    ]


def write_readings(rows: Iterable[CueReading], work_dir: Path) -> None:
    """Writes the table into a source's folder of evidence, which is called as the source is."""
    named = (replace(row, source_id=work_dir.name) for row in rows)
    write_table(work_dir / READINGS_FILE, named, READINGS)
