"""One synthetic video, its subtitle file where it has one, and its truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from itertools import count
from math import ceil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pysubs2

from ipl.errors import InputError
from ipl.files import read_json, write_json
from ipl_datasets.factory.captions import Gap, display
from ipl_datasets.factory.lettering import layout
from ipl_datasets.factory.scene import Background, Caption, Scene, Sign, Style, frame_ms
from ipl_datasets.factory.soundtrack import Line, record
from ipl_datasets.factory.truth import Displayed, Truth, read_truth, truth_path, write_truth
from ipl_datasets.factory.video import Encoding, is_kept, write_video
from ipl_datasets.speech import SAMPLE_RATE_HZ, speaker

__all__ = ["Film", "make_film", "style_of"]


@dataclass(frozen=True, slots=True)
class Film:
    """Everything that one video is made from. `speakers` are numbers; `frame_rate` reads `25/2`.

    Titles are displayed one after the other, together with captions spread over the video.
    """

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
    other_style: Style | None = None
    """of every fourth caption: other places, colours, sizes within one film"""
    background: Background | None = None
    """None: the usual one, of `seed`"""
    language: Literal["en", "cmn"] = "en"
    """of the speech"""
    gap: Gap = "pause"
    captioned: bool = True
    """False: no captions at all, neither in the pictures nor beside them"""
    ticker: str | None = None
    clock: bool = False
    titles: tuple[str, ...] = ()
    letterbox: float = 0.0
    encoding: Encoding = field(default_factory=Encoding)


def make_film(film: Film, path: Path) -> Truth:
    """Writes the video to `path`, its truth, and `<stem>.srt` beside it where the captions are not burned in.

    Does nothing where that has been done: a pure function of `film`. Width and height must be even. Raises InputError
    where a text does not fit the picture or other files are in the way, StageError where ffmpeg fails.
    """
    recipe = _as_json(film)
    if done := _found(path, recipe):
        return done
    rng = np.random.default_rng([film.seed, 0xF117])
    speakers = [speaker(number) for number in film.speakers]
    if film.language != "en":
        speakers = [replace(each, voice=f"{film.language}+{each.voice.partition('+')[2]}") for each in speakers]
    spoken = [text.split("\n")[-1] for text in film.texts]  # of two languages at once, the lower one
    samples, lines = record(spoken, speakers, rng, film.snr_db, film.music_db)
    rate = Fraction(film.frame_rate)
    frames = ceil(len(samples) * rate / SAMPLE_RATE_HZ)
    captions = [
        replace(caption, text=text, style=style_of(film, number))
        for number, (caption, text) in enumerate(
            zip(display(lines, rate, frames, rng, film.gap), film.texts, strict=True)
        )
        if film.captioned
    ]
    scene = Scene(
        width=film.width,
        height=film.height,
        frame_rate=rate,
        frames=frames,
        background=film.background or Background(film.seed),
        style=film.style,
        captions=tuple(captions) if film.burned_in else (),
        logo=film.logo,
        signs=tuple(_signs(film, lines, rate, frames)),
        letterbox=film.letterbox,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(_begun_path(path), recipe)  # after a kill it tells that the files are ours to make anew
    write_video(path, scene, samples, SAMPLE_RATE_HZ, film.encoding)
    if not film.burned_in and captions:
        _write_srt(path.with_suffix(".srt"), captions, rate)
    truth = Truth(
        burned_in=film.burned_in,
        frame_rate=film.frame_rate,
        frames=frames,
        sample_rate_hz=SAMPLE_RATE_HZ,
        num_samples=len(samples),
        cues=tuple(_displayed(caption, scene, film) for caption in captions),
        speech=tuple(lines),
        recipe=recipe,
    )
    write_truth(path, truth)  # last: it is the proof that the video is whole
    _begun_path(path).unlink()
    return truth


def _found(path: Path, recipe: dict[str, Any]) -> Truth | None:
    """The truth of a video that is there, whole; None where it is to be made. InputError where others' files are."""
    truth = read_truth(path) if truth_path(path).is_file() else None
    if truth and truth.recipe == recipe:
        return truth if path.is_file() else None
    begun = _begun_path(path)
    if begun.is_file() and read_json(begun) == recipe:
        return None
    for file in (path, path.with_suffix(".srt"), truth_path(path)):
        if file.exists():
            by = "made with another seed, other options or another version" if truth else "not made by this command"
            raise InputError(f"{file}: is there already and was {by}; name a new or empty folder")
    return None


def _begun_path(video: Path) -> Path:
    return truth_path(video).with_suffix(".begun")


def style_of(film: Film, number: int) -> Style:
    """The style of a film's caption, by its number."""
    return film.other_style if film.other_style and number % 4 == 1 else film.style


def _as_json(film: Film) -> dict[str, Any]:
    """The film's description as it comes back from a JSON file."""
    import json

    plain: dict[str, Any] = json.loads(json.dumps(asdict(film), default=str))
    return plain


def _signs(film: Film, lines: Sequence[Line], frame_rate: Fraction, frames: int) -> Iterator[Sign]:
    if film.ticker:
        yield Sign("ticker", film.ticker, 0, frames)
    if film.clock:
        yield Sign("clock", "", 0, frames)
    starts = [line.start / SAMPLE_RATE_HZ * frame_rate for line in lines[:: max(1, len(lines) // 3)]]
    for title, start in zip(film.titles, starts, strict=False):
        yield Sign("title", title, int(start), int(start + 2 * frame_rate))


def _displayed(caption: Caption, scene: Scene, film: Film) -> Displayed:
    lines = (
        layout(caption.text, caption.style or scene.style, scene.width, scene.height)
        if film.burned_in
        else [caption.text]
    )
    first, end = caption.first, caption.end
    if film.encoding.variable:  # it comes and goes with frames that are really there
        first, end = (next(each for each in count(frame) if is_kept(each)) for frame in (first, end))
    start_ms, end_ms = (frame_ms(frame, scene.frame_rate) for frame in (first, end))
    return Displayed(start_ms, end_ms, "\n".join(lines))


def _write_srt(path: Path, captions: Sequence[Caption], frame_rate: Fraction) -> None:
    subtitles = pysubs2.SSAFile()
    for caption in captions:
        start_ms, end_ms = (frame_ms(frame, frame_rate) for frame in (caption.first, caption.end))
        subtitles.append(pysubs2.SSAEvent(start=start_ms, end=end_ms, text=caption.text))
    subtitles.save(str(path))
