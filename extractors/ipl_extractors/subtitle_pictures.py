"""Cues from subtitles that are pictures within a media file, of a DVD, a Blu-ray or a broadcast: the text reader's.

They lie over nothing, so that the reader finds and reads their lines without any of what burned-in ones take.
Shapes: H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ipl.hookspecs import ReadText
from ipl.mining.probe import SubtitleStream
from ipl.mining.subtitle_streams import stream_pictures
from ipl.records import Cue, CueReading, MediaInfo, Reading
from ipl_extractors.evidence import crop_name, readings_of, save_crop, write_readings
from ipl_extractors.probes import one_line
from ipl_extractors.readings import Vote

__all__ = ["picture_cues"]

BATCH = 24
"""So many pictures are read together."""
MARGIN_PX = 16
"""How much black is around what is read: readers need some."""
APART = 0.08
"""Texts that are farther apart, as a share of the screen's height, are read by themselves."""
SAME_ROW = 0.5
"""Pieces are of one line whose middles are closer than this share of their height."""

Luma = npt.NDArray[np.uint8]


def picture_cues(
    media: MediaInfo, stream: SubtitleStream, read_text: ReadText, work_dir: Path, on_damage: Callable[[str], None]
) -> Iterator[Cue]:
    """Yields the cues of a stream of pictures in order, and leaves evidence (`ipl_extractors.evidence`)."""
    rows: list[CueReading] = []
    crops: set[str] = set()
    shown = stream_pictures(media.path, stream, on_damage)
    while some := [(each.start_ms, each.end_ms, _texts(each.picture)) for each in islice(shown, BATCH)]:
        parts = [part for _, _, texts in some for part in texts]
        found = iter(_read(parts, read_text))
        for start_ms, end_ms, texts in some:
            lines = [line for _ in texts for line in next(found)]
            if lines:
                text, score = "\n".join(line.text for line in lines), min(line.score for line in lines)
                cue = Cue(media.path.name, start_ms, end_ms, text, f"subtitle-stream:{stream.index}", score)
                crop = crop_name(start_ms, crops)
                crops.add(crop)
                save_crop(_one_below_the_other(texts), work_dir / crop)
                rows += readings_of(cue, [Vote(text, score, end_ms - start_ms)], crop)
                yield cue
    if rows:
        write_readings(rows, work_dir)


def _texts(picture: Luma) -> list[Luma]:
    """Cuts out what is shown, top to bottom: what stands at the top of a screen and at its bottom is two texts."""
    inked = np.flatnonzero(picture.any(axis=1))
    texts = []
    for rows in np.split(inked, np.flatnonzero(np.diff(inked) > APART * len(picture)) + 1):
        text = picture[rows[0] : rows[-1] + 1]
        columns = np.flatnonzero(text.any(axis=0))
        texts.append(np.pad(text[:, columns[0] : columns[-1] + 1], MARGIN_PX))
    return texts


def _read(texts: Sequence[Luma], read_text: ReadText) -> list[list[Reading]]:
    """The lines of each text, top to bottom; one in which none is found, as of a single letter, is a line."""
    pictures = [np.repeat(text[:, :, None], 3, axis=2) for text in texts]
    found = read_text(pictures, None) if pictures else []
    boxes = [
        [each.box for each in boxes] or [(0, 0, *text.shape[::-1])] for boxes, text in zip(found, texts, strict=True)
    ]
    cut = [picture[_place(box)] for picture, of in zip(pictures, boxes, strict=True) for box in of]
    read = iter(read_text(cut, True) if cut else [])
    return [_lines([replace(one_line(next(read)), box=box) for box in of]) for of in boxes]


def _place(box: Sequence[int]) -> tuple[slice, slice]:
    """The rows and columns of a box, with some of what is beside it."""
    left, top, right, bottom = box
    beside = (bottom - top) // 3
    return slice(top, bottom), slice(max(0, left - beside), right + beside)


def _lines(readings: Sequence[Reading]) -> list[Reading]:
    """The readings that have text, top to bottom, with the pieces of a line as one."""
    rows: list[list[Reading]] = []
    for each in sorted((each for each in readings if each.text.strip()), key=_middle):
        height = each.box[3] - each.box[1]
        if rows and _middle(each) - _middle(rows[-1][0]) < SAME_ROW * height:
            rows[-1].append(each)
        else:
            rows.append([each])
    return [one_line(sorted(row, key=lambda each: each.box[0])) for row in rows]


def _middle(line: Reading) -> float:
    return (line.box[1] + line.box[3]) / 2


def _one_below_the_other(texts: Sequence[Luma]) -> Luma:
    width = max(text.shape[1] for text in texts)
    return np.concatenate([np.pad(text, ((0, 0), (0, width - text.shape[1]))) for text in texts])
