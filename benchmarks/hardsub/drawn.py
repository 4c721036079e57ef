"""Films that libass draws, as people's players and editors do: over a clip, with the sound of another."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import ffmpeg
import numpy as np
import pysubs2
from ipl_datasets.factory.scene import frame_ms
from ipl_datasets.factory.truth import Displayed, Truth, read_truth, truth_path, write_truth
from real import CLIPS, SAMPLE_RATE_HZ, encoding

from ipl.mining.media import ffmpeg_path

SUBTITLES = CLIPS.parent / "captions_shared_culture"
OFFICE, MEADOW = "perspective-video/perspective-video.mp4", "rabbit-video/video-with-voiceover.mp4"
Filter = tuple[str, dict[str, Any]]
"""The name of one of ffmpeg's, and its options."""
STANDS_OUT = 40
"""By so much of 255 a drawn pixel differs from the grey below it."""


class Film(Protocol):
    """What lies behind what is drawn, and how it is encoded."""

    @property
    def clip(self) -> str:
        """The clip's path below `CLIPS`; it is shown again and again."""

    @property
    def width(self) -> int:
        """In pixels."""

    @property
    def height(self) -> int:
        """In pixels."""

    @property
    def frame_rate(self) -> int:
        """Frames per second."""

    @property
    def crf(self) -> int:
        """How much it is compressed."""

    @property
    def seconds(self) -> int:
        """Its length."""


def made_once(
    path: Path,
    film: Film,
    cues: tuple[Displayed, ...],
    recipe: dict[str, Any],
    draw: Callable[[], tuple[int, int]],
) -> Truth:
    """The truth of a film, which is made if it is not there by this recipe; `draw` tells the rows it was drawn on."""
    recipe = json.loads(json.dumps(recipe))  # as it is read again: what it has of tuples comes back as lists
    if path.is_file() and truth_path(path).is_file():
        done = read_truth(path)
        if {**done.recipe, "rows": None} == {**recipe, "rows": None}:
            return done
    path.parent.mkdir(parents=True, exist_ok=True)
    truth = Truth(
        burned_in=True,
        frame_rate=str(film.frame_rate),
        frames=film.seconds * film.frame_rate,
        sample_rate_hz=SAMPLE_RATE_HZ,
        num_samples=film.seconds * SAMPLE_RATE_HZ,
        cues=cues,
        speech=(),
        recipe={**recipe, "rows": draw()},
    )
    write_truth(path, truth)
    return truth


def displayed(lines: Iterable[pysubs2.SSAEvent], frame_rate: int) -> tuple[Displayed, ...]:
    """Lines as they are seen: from the first frame that shows one to the first that does not."""
    rate = Fraction(frame_rate)

    def first_frame_ms(time_ms: int) -> int:
        return frame_ms(math.ceil(time_ms * rate / 1000), rate)

    return tuple(Displayed(first_frame_ms(each.start), first_frame_ms(each.end), each.plaintext) for each in lines)


def write_film(
    film: Film,
    subtitles: Path,
    path: Path,
    style: str = "",
    brightness: float = 0.0,
    *,
    is_padded: bool = False,
    after: Sequence[Filter] = (),
) -> None:
    """Encodes the clip, by so much brighter (-1 to 1), with the captions drawn over it; whole or not at all.

    A clip that `is_padded` is shown whole, as wide as the film, over a blurred one that fills it. Filters come `after`
    all is drawn.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    pictures = ffmpeg.input(str(CLIPS / film.clip), stream_loop=-1).video.filter("fps", film.frame_rate)
    if is_padded:
        parts = pictures.filter_multi_output("split")
        whole, pictures = parts[0], parts[1]
    pictures = pictures.filter("scale", film.width, film.height, force_original_aspect_ratio="increase")
    pictures = pictures.filter("crop", film.width, film.height).filter("setsar", 1)
    if is_padded:
        pictures = pictures.filter("gblur", 20).overlay(whole.filter("scale", film.width, -2), y="(H-h)/2")
    if brightness:
        pictures = pictures.filter("eq", brightness=brightness)
    pictures = _drawn(pictures, subtitles, style)
    for name, options in after:
        pictures = pictures.filter(name, **options)
    sound = ffmpeg.input(str(SUBTITLES / "asharedculture_soundtrack.mp3")).audio
    output = ffmpeg.output(pictures, sound, f"file:{partial}", **encoding(film.crf, film.seconds))
    output.global_args("-v", "error").overwrite_output().run(cmd=ffmpeg_path())
    partial.replace(path)


def _drawn(pictures: Any, subtitles: Path, style: str) -> Any:
    return pictures.filter("subtitles", str(subtitles), **({"force_style": style} if style else {}))


def drawn_rows(film: Film, subtitles: Path, style: str = "") -> tuple[int, int]:
    """The highest and the lowest row of the picture that any of the captions covers, drawn over grey."""
    grey = ffmpeg.input(f"color=gray:s={film.width}x{film.height}:r=2:d={film.seconds}", format="lavfi")
    output = _drawn(grey, subtitles, style).output("pipe:", format="rawvideo", pix_fmt="gray")
    data, _ = output.global_args("-v", "error").run(cmd=ffmpeg_path(), capture_stdout=True)
    pictures = np.frombuffer(data, np.uint8).reshape(-1, film.height, film.width)
    behind = pictures[0, 0, 0]
    stands_out = np.maximum(pictures, behind) - np.minimum(pictures, behind) > STANDS_OUT
    inked = np.flatnonzero(stands_out.any(axis=(0, 2)))
    assert len(inked), f"{subtitles}: nothing is drawn"
    return int(inked[0]), int(inked[-1]) + 1
