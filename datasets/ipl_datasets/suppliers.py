"""Built-in suppliers: where media files to mine come from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import ipl
from ipl.errors import InputError
from ipl.progress import progress, say
from ipl_datasets.sentences import sentences

__all__ = ["Factory", "VariedFactory"]


@ipl.plugin("factory")
class Factory:
    """Makes videos of spoken sentences, with burned-in subtitles or a subtitle file, and keeps their truth."""

    videos: int = 4
    """how many videos"""
    sentences: int = 12
    """how many sentences in each"""
    burned_in: float = 0.5
    """share of the videos with burned-in subtitles; the others have an .srt file beside them"""
    speakers: int = 8
    """how many speakers there are; each video has two of them"""
    first_speaker: int = 0
    """number of the first of them; the corpus `spoken_sentences` counts the same people"""
    snr_db: float = 25.0
    """mean distance of the noise below the speech; each video lies up to 5 dB off it"""
    music: float = 0.25
    """share of the videos with music below the speech"""
    logo: float = 0.5
    """share of the videos with a text in the corner that is no subtitle"""
    width: int = 640
    """of the picture, in pixels; even"""
    height: int = 360
    """of the picture, in pixels; even"""
    frame_rate: str = "25/2"
    """frames per second, a whole number or a fraction"""
    container: Literal["mp4", "mkv"] = "mp4"
    """kind of file"""

    def __post_init__(self) -> None:
        for name, least in (("videos", 1), ("sentences", 1), ("speakers", 1), ("first_speaker", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}, expected {least} or more")
        for name in ("burned_in", "music", "logo"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)}, expected a share from 0 to 1")
        if not re.fullmatch(r"[1-9]\d*(/[1-9]\d*)?", self.frame_rate):
            raise InputError(f"frame_rate is {self.frame_rate!r}, expected frames per second like '25' or '30000/1001'")
        if min(self.width, self.height) < 64 or self.width % 2 or self.height % 2:
            raise InputError(f"{self.width}x{self.height}: expected an even width and height of 64 or more")

    @ipl.hookimpl
    def supply(self, out_dir: Path, seed: int) -> Iterator[Path]:
        """Yields the videos as they are made; those that are there already, whole and of equal options, stay.

        Other files of their names stay too, and are an InputError. The truth lies in `out_dir/truth`, for measuring.
        """
        import numpy as np

        from ipl_datasets.factory.film import Film, make_film
        from ipl_datasets.factory.scene import Style

        texts = sentences("videos", seed)
        with progress("making videos", self.videos, "videos") as advance:
            for number in range(self.videos):
                rng = np.random.default_rng([seed, 0xFAC7, number])
                film = Film(
                    texts=tuple(islice(texts, self.sentences)),
                    seed=int(rng.integers(2**31)),
                    speakers=tuple(self.first_speaker + int(n) for n in rng.integers(self.speakers, size=2)),
                    burned_in=_is_chosen(number, self.burned_in),
                    width=self.width,
                    height=self.height,
                    frame_rate=self.frame_rate,
                    snr_db=self.snr_db + float(rng.uniform(-5, 5)),
                    music_db=float(rng.uniform(18, 26)) if rng.random() < self.music else None,
                    logo="IPL TV" if rng.random() < self.logo else None,
                    style=Style(size=float(rng.uniform(0.065, 0.085))),
                )
                path = out_dir / f"video-{number:03d}.{self.container}"
                make_film(film, path)
                advance(1)
                yield path


@ipl.plugin("varied_factory")
class VariedFactory:
    """Makes videos whose burned-in subtitles come in every kind, to measure reading, and keeps their truth."""

    videos: int = 8
    """how many videos"""
    sentences: int = 9
    """how many lines in each"""
    tallest: int = 1080
    """height in pixels that no picture exceeds; less is faster to make"""

    def __post_init__(self) -> None:
        for name, least in (("videos", 1), ("sentences", 1), ("tallest", 240)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}, expected {least} or more")

    @ipl.hookimpl
    def supply(self, out_dir: Path, seed: int) -> Iterator[Path]:
        """Yields the videos as they are made; those that are there already, whole and of equal options, stay.

        Other files of their names stay too, and are an InputError. The truth lies in `out_dir/truth`, for measuring.
        """
        from ipl_datasets.factory.film import make_film
        from ipl_datasets.factory.variety import missing_families, varied_films

        if missing := missing_families():
            say(f"this machine has no {', '.join(missing)} typeface: their films use the one that Pillow carries")
        with progress("making videos", self.videos, "videos") as advance:
            for varied in varied_films(self.videos, self.sentences, seed, self.tallest):
                path = out_dir / varied.name
                make_film(varied.film, path)
                advance(1)
                yield path


def _is_chosen(number: int, share: float) -> bool:
    """Spreads a share evenly over numbers from 0.

    >>> [_is_chosen(number, 0.5) for number in range(4)]
    [False, True, False, True]
    """
    return int((number + 1) * share) > int(number * share)
