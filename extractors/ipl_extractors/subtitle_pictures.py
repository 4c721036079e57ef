"""Cues from subtitles that are pictures within a media file, as of a DVD, a Blu-ray or a broadcast.

They lie over nothing, so that the reader finds and reads their lines without any of what burned-in ones take. A text
that fades is several pictures of the same letters, of which the clearest is read.
Shapes: H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from ipl.hookspecs import ReadText
from ipl.mining.probe import SubtitleStream
from ipl.mining.subtitle_streams import ShownPicture, stream_pictures
from ipl.mining.timeline import length_ms
from ipl.records import Cue, CueReading, MediaInfo, Reading, Span
from ipl.worker import report
from ipl_extractors.evidence import crop_name, readings_of, save_crop, write_readings
from ipl_extractors.probes import one_line
from ipl_extractors.readings import Vote
from ipl_extractors.rolling import unrolled
from ipl_extractors.strokes import Luma, runs
from ipl_extractors.subtitle_text import spoken_text

__all__ = ["picture_cues"]

BATCH = 24
"""So many pictures are read together."""
MARGIN_PX = 16
"""How much black is around what is read: readers need some."""
APART = 0.08
"""Texts that are farther apart, as a share of the screen's height, are read by themselves."""
SAME_ROW = 0.5
"""Pieces are of one line whose middles are closer than this share of their height."""
SAME_LETTERS, BRIGHT = 0.8, 0.5
"""Two pictures show the same letters, one of them fainter, whose pixels of this brightness, as a share of the most that
each has, are the same but for a fifth of them."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a picture, and how surely; where the picture is kept."""

    span: Span
    text: str
    score: float
    crop: str


def picture_cues(
    media: MediaInfo,
    stream: SubtitleStream,
    read_text: ReadText,
    work_dir: Path,
    on_damage: Callable[[str], None],
    *,
    sounds: bool,
    min_score: float,
) -> Iterator[Cue]:
    """Yields the cues of a stream of pictures in order, and leaves evidence (`ipl_extractors.evidence`).

    Lines that roll up belong to the cue that they came with. `sounds` keeps what is not spoken; what scores lower than
    `min_score`, 0 to 1, is no cue.
    """
    crops: set[str] = set()
    read: list[_Read] = []
    shown = _without_fades(stream_pictures(media.path, stream, on_damage))
    while some := list(islice(shown, BATCH)):
        texts = [_texts(each.picture) for each in some]
        found = iter(_lines_of([part for parts in texts for part in parts], read_text))
        for each, parts in zip(some, texts, strict=True):
            lines = [line for _ in parts for line in next(found)]
            score = min((line.score for line in lines), default=0.0)
            if lines and score >= min_score:
                crop = crop_name(each.start_ms, crops)
                crops.add(crop)
                save_crop(_one_below_the_other(parts), work_dir / crop)
                text = "\n".join(line.text for line in lines)
                read.append(_Read(Span(each.start_ms, each.end_ms), text, score, crop))
        report(some[-1].end_ms, media.duration_ms)
    rows: list[CueReading] = []
    for new in unrolled([each.span for each in read], [each.text for each in read]):
        own = read[new.number]
        text = " ".join(new.text.split()) if sounds else spoken_text(new.text)
        if text:
            span = new.span
            cue = Cue(media.path.name, span.start_ms, span.end_ms, text, f"subtitle-stream:{stream.index}", own.score)
            rows += readings_of(cue, [Vote(text, own.score, length_ms(span))], own.crop)
            yield cue
    if rows:
        write_readings(rows, work_dir)


def _without_fades(shown: Iterable[ShownPicture]) -> Iterator[ShownPicture]:
    """The pictures, with those that touch and have the same letters as one: the brightest of them."""
    last: ShownPicture | None = None
    for each in shown:
        if last is not None and last.end_ms == each.start_ms and _have_same_letters(last.picture, each.picture):
            clearest = max(last.picture, each.picture, key=lambda picture: int(picture.max()))
            last = ShownPicture(last.start_ms, each.end_ms, clearest)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last


def _have_same_letters(one: Luma, other: Luma) -> bool:
    letters, others = (picture > BRIGHT * picture.max() for picture in (one, other))
    return bool(np.count_nonzero(letters & others) >= SAME_LETTERS * np.count_nonzero(letters | others))


def _texts(picture: Luma) -> list[Luma]:
    """Cuts out what is shown, top to bottom: what stands at the top of a screen and at its bottom is two texts."""
    inked = np.flatnonzero(picture.any(axis=1))
    texts = []
    for rows in runs(inked, APART * len(picture)):
        text = picture[rows[0] : rows[-1] + 1]
        columns = np.flatnonzero(text.any(axis=0))
        texts.append(np.pad(text[:, columns[0] : columns[-1] + 1], MARGIN_PX))
    return texts


def _lines_of(texts: Sequence[Luma], read_text: ReadText) -> list[list[Reading]]:
    """The lines of each text, top to bottom; one in which none is found, as of a single letter, is a line."""
    pictures = [np.repeat(text[:, :, None], 3, axis=2) for text in texts]
    found = read_text(pictures, None) if pictures else []
    wholes = [(0, 0, text.shape[1], text.shape[0]) for text in texts]
    boxes = [[each.box for each in of] or [whole] for of, whole in zip(found, wholes, strict=True)]
    cut = [picture[_place(box)] for picture, of in zip(pictures, boxes, strict=True) for box in of]
    read = iter(read_text(cut, True) if cut else [])
    return [_rows([replace(one_line(next(read)), box=box) for box in of]) for of in boxes]


def _place(box: Sequence[int]) -> tuple[slice, slice]:
    """The rows and columns of a box, with some of what is beside it."""
    left, top, right, bottom = box
    beside = (bottom - top) // 3
    return slice(top, bottom), slice(max(0, left - beside), right + beside)


def _rows(readings: Sequence[Reading]) -> list[Reading]:
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
