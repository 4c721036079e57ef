"""The frozen suites. A change of a seed, of a number or of the factory's films makes another benchmark."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipl_datasets.factory.film import Film, make_film
from ipl_datasets.factory.lettering import layout, paint_text
from ipl_datasets.factory.truth import Truth
from ipl_datasets.factory.variety import varied_films

from ipl.progress import progress


@dataclass(frozen=True)
class Suite:
    """So many films of so many lines from one seed."""

    seed: int
    films: int
    sentences: int
    tallest: int = 1080


SUITES = {
    "small": Suite(seed=1, films=2, sentences=3, tallest=360),
    "tuning": Suite(seed=1000, films=24, sentences=9),
    "held-out": Suite(seed=9000, films=24, sentences=9),
}


@dataclass(frozen=True)
class Made:
    """A film of a suite on disk, what it was dealt, what is really in it, and the rows its captions stand on."""

    path: Path
    conditions: dict[str, Any]
    truth: Truth
    rows: tuple[int, int] | None


def make(suite: Suite, folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """Makes what is not there yet, and yields all films of a suite, or only those of some numbers."""
    varied_all = enumerate(varied_films(suite.films, suite.sentences, suite.seed, suite.tallest))
    chosen = [varied for number, varied in varied_all if not only or number in only]
    with progress("making films", len(chosen), "films") as advance:
        for varied in chosen:
            path = folder / varied.name
            truth = make_film(varied.film, path)
            advance(1, path.name)
            yield Made(path, varied.conditions, truth, _rows(varied.film) if truth.cues else None)


def _rows(film: Film) -> tuple[int, int]:
    """The highest and the lowest row of the picture that any caption covers."""
    size = film.width, film.height
    layers = [paint_text(layout(text, film.style, *size), film.style, *size) for text in film.texts]
    return min(layer.top for layer in layers), max(layer.top + layer.colour.shape[0] for layer in layers)
