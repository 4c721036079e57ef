"""Cues from subtitles that are part of the picture.

The band is found on a few frames; then only the band is followed, in every frame, by the strokes of its text, and
the text reader is asked when the text changes. Boundaries are presentation time stamps of frames.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rapidfuzz.fuzz import ratio

import ipl
from ipl.hookspecs import ReadText
from ipl.mining.media import Box, every_frame
from ipl.progress import say
from ipl.records import Cue, MediaInfo, Reading
from ipl_extractors.band import Band, find_band
from ipl_extractors.following import Display, follow
from ipl_extractors.line_boxes import line_boxes
from ipl_extractors.readings import DOUBTFUL_AGREE, Text, Vote, merge_pieces
from ipl_extractors.strokes import Luma

__all__ = ["BurnedIn"]

LETTERS_PX = 44
"""Higher lines are scaled down to this height: text readers scale them to about as much."""


@ipl.plugin("burned_in")
class BurnedIn:
    """Cues from subtitles that are part of the picture, read by the plan's text reader."""

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
            for text in merge_pieces(self._texts(media, band, read_text), self.same_text):
                for vote in text.readings:
                    table.writerow((text.start_ms, text.end_ms, round(vote.score, 4), vote.text))
                words, score = text.best()
                _save(text.picture, work_dir / f"{text.start_ms}.jpg")
                end_ms = min(text.end_ms, media.duration_ms)
                yield Cue(media.path.name, text.start_ms, end_ms, words, track, score)

    def _texts(self, media: MediaInfo, band: Band, read_text: ReadText) -> Iterator[Text]:
        """Reads each text that stands still in the band."""
        scale = min(1.0, LETTERS_PX / band.line_height)
        rows = max(8, round((band.box.bottom - band.box.top) * scale))
        marks = [_scaled(mark, band.box, scale) for mark in band.marks]
        line_height = max(8, round(band.line_height * scale))
        band_frames = every_frame(media.path, band.box, rows, on_damage=say)
        anchor = band.anchor.scaled(scale)
        for display in follow(band_frames, line_height, anchor, marks, band.dark):
            boxes = line_boxes(display.strokes, line_height, anchor)
            start_ms, end_ms = round(display.start_ms), round(display.end_ms)
            readings = self._readings(display, boxes, read_text)
            shown_ms = (end_ms - start_ms) // max(1, len(readings))  # two readings of a piece share its time
            votes = tuple(Vote(text, score, shown_ms) for text, score in readings)
            yield Text(start_ms, end_ms, votes, display.picture, display.strokes)

    def _readings(self, display: Display, boxes: Sequence[Box], read_text: ReadText) -> list[tuple[str, float]]:
        """Reads the lines from the stack; a doubtful text again from one frame, and drops it if the two disagree."""
        first = _read(display.stack, boxes, read_text)
        if first[1] >= self.sure_score:
            return [first]
        second = _read(display.picture, boxes, read_text)
        if second[1] >= self.sure_score:
            return [second]
        agree = ratio(first[0], second[0]) >= DOUBTFUL_AGREE
        return [each for each in (first, second) if agree and each[0] and each[1] >= self.min_score]


def _read(luma: Luma, boxes: Sequence[Box], read_text: ReadText) -> tuple[str, float]:
    crops = [np.repeat(luma[box.top : box.bottom, box.left : box.right, None], 3, axis=2) for box in boxes]
    return _joined([line for found in read_text(crops, True) for line in found])


def _joined(lines: Sequence[Reading]) -> tuple[str, float]:
    """Lines as one text; it scores as its worst line of those that have letters."""
    kept = [line for line in lines if any(map(str.isalnum, line.text))]
    return " ".join(line.text for line in kept), min((line.score for line in kept), default=0.0)


def _scaled(mark: Box, within: Box, scale: float) -> Box:
    return Box(
        *(round(side * scale) for side in (mark.left, mark.top - within.top, mark.right, mark.bottom - within.top))
    )


def _save(picture: Luma, file: Path) -> None:
    from PIL import Image

    Image.fromarray(picture).save(file, quality=85)
