"""All suites by name: those of the factory, the real clips, and known text over real footage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

import formats
import further_genres
import genres
import more_genres
import other_genres
from ipl_datasets.factory.typefaces import FAMILIES, find_font
from real import real_clips
from real_burned import burned_films
from real_styled import script_films, spoken_films, styled_films, tongue_films
from suite import SUITES, Made, make

__all__ = ["FILMS", "typefaces"]

FILMS: dict[str, Callable[[Path, Collection[int]], Iterator[Made]]] = {
    **{name: partial(make, suite) for name, suite in SUITES.items()},
    "real": real_clips,
    "real-burned": burned_films,
    "real-styled": styled_films,
    "tongues": tongue_films,
    "scripts": script_films,
    "spoken": spoken_films,
    "genres": partial(genres.genre_films, genres.FILMS),
    "more-genres": partial(genres.genre_films, more_genres.FILMS),
    "further-genres": partial(genres.genre_films, further_genres.FILMS),
    "formats": formats.format_films,
    "other-genres": partial(genres.genre_films, other_genres.FILMS),
}


def typefaces() -> str:
    """The system's fonts that the letters come from: they differ from machine to machine, and so do the films."""
    found = ((family, find_font(family)) for family in FAMILIES)
    return "typefaces: " + ", ".join(f"{family} {font.stem if font else 'missing'}" for family, font in found)
