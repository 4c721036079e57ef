"""Promises of a source's evidence: every reading of every cue in a table keyed by cue, and the pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ipl_extractors.evidence import READINGS_FILE, readings_of, save_crop, write_readings
from ipl_extractors.readings import Vote
from PIL import Image

from ipl.records import Cue, CueReading
from ipl.schemas import READINGS
from ipl.tables import Table


def test_readings_are_a_table_keyed_by_cue(tmp_path: Path) -> None:
    lower = Cue("film.mp4", 900, 2500, "Who goes there?", "burned-in:600-660", 0.9)
    upper = Cue("film.mp4", 900, 2400, "谁在那里", "burned-in:540-600", 0.8)
    said = [Vote("Who goes there?", 0.9, 1200), Vote("Who goes\nthere", 0.7, 0)]
    rows = [*readings_of(lower, said, "900.jpg"), *readings_of(upper, [Vote("谁在那里", 0.8, 1500)], "900-2.jpg")]
    write_readings(rows, tmp_path / "film")
    found = list(Table(tmp_path / "film" / READINGS_FILE, READINGS, CueReading))
    assert [(each.start_ms, each.end_ms, each.track, each.number, each.text) for each in found] == [
        (900, 2500, lower.track, 0, "Who goes there?"),
        (900, 2500, lower.track, 1, "Who goes\nthere"),
        (900, 2400, upper.track, 0, "谁在那里"),
    ]
    assert [(round(each.score, 3), each.shown_ms) for each in found] == [(0.9, 1200), (0.7, 0), (0.8, 1500)]
    assert {each.source_id for each in found} == {"film"}, "the source's own id, by which other tables know it"
    assert [each.crop for each in found] == ["900.jpg", "900.jpg", "900-2.jpg"]


def test_pictures_stay_grey_or_in_colour(tmp_path: Path) -> None:
    red = np.zeros((24, 80, 3), np.uint8)
    red[:, :, 0] = 200
    save_crop(np.full((20, 60), 128, np.uint8), tmp_path / "film" / "1.jpg")
    save_crop(red, tmp_path / "film" / "2.jpg")
    assert (Image.open(tmp_path / "film" / "1.jpg").size, Image.open(tmp_path / "film" / "1.jpg").mode) == (
        (60, 20),
        "L",
    )
    assert np.abs(np.asarray(Image.open(tmp_path / "film" / "2.jpg")).astype(int) - red).max() < 12
