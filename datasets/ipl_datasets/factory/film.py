"""One synthetic video, its subtitle file where it has one, and its truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pysubs2

from ipl_datasets.factory.captions import display
from ipl_datasets.factory.paint import layout
from ipl_datasets.factory.scene import Background, Caption, Scene, Style, frame_ms
from ipl_datasets.factory.soundtrack import record
from ipl_datasets.factory.truth import Displayed, Truth, read_truth, truth_path, write_truth
from ipl_datasets.factory.video import write_video
from ipl_datasets.speech import SAMPLE_RATE_HZ, speaker

__all__ = ["Film", "make_film"]


@dataclass(frozen=True, slots=True)
class Film:
    """Everything that one video is made from. `speakers` are numbers; `frame_rate` reads `25/2`."""

    texts: tuple[str, ...]
    seed: int
    speakers: tuple[int, ...]
    burned_in: bool
    width: int
    height: int
    frame_rate: str
    snr_db: float
    music_db: float | None
    logo: str | None
    style: Style


def make_film(film: Film, path: Path) -> Truth:
    """Writes the video to `path`, its truth, and `<stem>.srt` beside it where the captions are not burned in.

    Does nothing where that has been done: a pure function of `film`. Width and height must be even. Raises InputError
    where a text does not fit the picture, StageError where ffmpeg fails.
    """
    recipe = _as_json(film)
    if path.is_file() and truth_path(path).is_file() and (done := read_truth(path)).recipe == recipe:
        return done
    rng = np.random.default_rng([film.seed, 0xF117])
    samples, lines = record(film.texts, [speaker(n) for n in film.speakers], rng, film.snr_db, film.music_db)
    rate = Fraction(film.frame_rate)
    frames = ceil(len(samples) * rate / SAMPLE_RATE_HZ)
    captions = display(lines, rate, frames, rng)
    scene = Scene(
        width=film.width,
        height=film.height,
        frame_rate=rate,
        frames=frames,
        background=Background(film.seed),
        style=film.style,
        captions=tuple(captions) if film.burned_in else (),
        logo=film.logo,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, scene, samples, SAMPLE_RATE_HZ)
    if not film.burned_in:
        _write_srt(path.with_suffix(".srt"), captions, rate)
    truth = Truth(
        burned_in=film.burned_in,
        frame_rate=film.frame_rate,
        frames=frames,
        sample_rate_hz=SAMPLE_RATE_HZ,
        num_samples=len(samples),
        cues=tuple(_displayed(caption, scene, film.burned_in) for caption in captions),
        speech=tuple(lines),
        recipe=recipe,
    )
    write_truth(path, truth)  # last: it is the proof that the video is whole
    return truth


def _as_json(film: Film) -> dict[str, Any]:
    """The film's description as it comes back from a JSON file."""
    import json

    plain: dict[str, Any] = json.loads(json.dumps(asdict(film), default=str))
    return plain


def _displayed(caption: Caption, scene: Scene, burned_in: bool) -> Displayed:
    lines = layout(caption.text, scene.style, scene.width, scene.height) if burned_in else [caption.text]
    start_ms, end_ms = (frame_ms(frame, scene.frame_rate) for frame in (caption.first, caption.end))
    return Displayed(start_ms, end_ms, "\n".join(lines))


def _write_srt(path: Path, captions: Sequence[Caption], frame_rate: Fraction) -> None:
    subtitles = pysubs2.SSAFile()
    for caption in captions:
        start_ms, end_ms = (frame_ms(frame, frame_rate) for frame in (caption.first, caption.end))
        subtitles.append(pysubs2.SSAEvent(start=start_ms, end=end_ms, text=caption.text))
    subtitles.save(str(path))
