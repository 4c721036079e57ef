"""Cues from subtitles that are part of the picture.

The band is found on a few frames; then only the band is followed, by the strokes of its text, and the text
reader is asked when the text changes. Boundaries lie on the sampling grid.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rapidfuzz.fuzz import ratio

import ipl
from ipl.hookspecs import ReadText
from ipl.mining.media import Box, frames
from ipl.progress import say
from ipl.records import Cue, MediaInfo, Reading
from ipl_extractors.band import Band, find_band
from ipl_extractors.readings import DOUBTFUL_AGREE, Text, merge_pieces
from ipl_extractors.strokes import Display, follow, line_boxes

__all__ = ["BurnedIn"]

Picture = npt.NDArray[np.uint8]
TALLEST = 720
"""Frames higher than this are scaled down to it: no text reader sees more in them."""


@ipl.plugin("burned_in")
class BurnedIn:
    """Cues from subtitles that are part of the picture, read by the plan's text reader."""

    frames_per_second: float = 5.0
    "how often the picture is looked at; a text must show in two samples"
    min_score: float = 0.7
    "readings that score lower are no cue, 0 to 1"
    sure_score: float = 0.95
    "a text whose first reading scores lower is read once more, from another frame"
    same_text: float = 88.0
    "neighbouring texts that are this alike are one cue, 0 to 100 (rapidfuzz ratio, spaces left out)"

    @ipl.hookimpl
    def extract_cues(self, media: MediaInfo, read_text: ReadText, work_dir: Path) -> Iterator[Cue]:
        """Yields the subtitles in order; nothing where the video has none. Saves a crop of each as <start_ms>.jpg."""
        band = find_band(media, read_text) if media.has_video else None
        if band is None:
            return
        track = f"burned-in:{band.box.top}-{band.box.bottom}"
        work_dir.mkdir(parents=True, exist_ok=True)
        with (work_dir / "readings.tsv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, delimiter="\t", lineterminator="\n")
            table.writerow(("start_ms", "end_ms", "score", "text"))
            for text in merge_pieces(
                self._texts(media, band, read_text), 1000 / self.frames_per_second, self.same_text
            ):
                table.writerows((text.start_ms, text.end_ms, round(score, 4), words) for words, score in text.readings)
                words, score = text.best()
                _save(text.picture, work_dir / f"{text.start_ms}.jpg")
                end_ms = min(text.end_ms, media.duration_ms)
                yield Cue(media.path.name, text.start_ms, end_ms, words, track, score)

    def _texts(self, media: MediaInfo, band: Band, read_text: ReadText) -> Iterator[Text]:
        """Reads each text that stands still in the band."""
        scale = min(1.0, TALLEST / media.height)
        rows = max(8, round((band.box.bottom - band.box.top) * scale))
        samples = frames(media.path, self.frames_per_second, band.box, rows, on_damage=say)
        marks = [_scaled(mark, band.box, scale) for mark in band.marks]
        line_height = max(8, round(band.line_height * scale))
        for display in follow(samples, round(1000 / self.frames_per_second), line_height, marks):
            readings = tuple(self._readings(display, line_height, read_text))
            yield Text(display.start_ms, display.end_ms, readings, _middle(display.pictures), display.strokes)

    def _readings(self, display: Display, line_height: int, read_text: ReadText) -> list[tuple[str, float]]:
        """Reads the lines; a doubtful text is read again from another picture, and dropped if the two disagree."""
        picture = _middle(display.pictures)
        boxes = line_boxes(display.strokes, line_height)
        crops = [np.ascontiguousarray(picture[box.top : box.bottom, box.left : box.right]) for box in boxes]
        first = _joined([line for found in read_text(crops, True) for line in found])
        if first[1] >= self.sure_score:
            return [first]
        second = _joined(read_text([display.pictures[-1]], False)[0])
        if second[1] >= self.sure_score:
            return [second]
        agree = ratio(first[0], second[0]) >= DOUBTFUL_AGREE
        return [each for each in (first, second) if agree and each[0] and each[1] >= self.min_score]


def _joined(lines: Sequence[Reading]) -> tuple[str, float]:
    """Lines as one text; it scores as its worst line of those that have letters."""
    kept = [line for line in lines if any(map(str.isalnum, line.text))]
    return " ".join(line.text for line in kept), min((line.score for line in kept), default=0.0)


def _middle(pictures: Sequence[Picture]) -> Picture:
    return pictures[len(pictures) // 2]


def _scaled(mark: Box, within: Box, scale: float) -> Box:
    return Box(
        *(round(side * scale) for side in (mark.left, mark.top - within.top, mark.right, mark.bottom - within.top))
    )


def _save(picture: Picture, file: Path) -> None:
    from PIL import Image

    Image.fromarray(picture).save(file, quality=85)
