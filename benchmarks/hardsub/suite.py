"""The frozen suites. A change of a seed, of a number or of the factory's films makes another benchmark."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ipl_datasets.factory.film import make_film, style_of
from ipl_datasets.factory.lettering import layout, paint_text
from ipl_datasets.factory.scene import Style
from ipl_datasets.factory.truth import Displayed, Truth
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
    "second": Suite(seed=2000, films=24, sentences=9, tallest=480),
    "third": Suite(seed=9000, films=24, sentences=9),
    "fourth": Suite(seed=9100, films=24, sentences=9, tallest=720),
    "fifth": Suite(seed=9200, films=24, sentences=9, tallest=720),
    "sixth": Suite(seed=9300, films=24, sentences=9, tallest=720),
    "seventh": Suite(seed=9400, films=24, sentences=9, tallest=720),
    "eighth": Suite(seed=9500, films=24, sentences=9, tallest=720),
    "ninth": Suite(seed=9600, films=24, sentences=9, tallest=720),
    "tenth": Suite(seed=9800, films=24, sentences=9, tallest=720),
    "eleventh": Suite(seed=9700, films=24, sentences=9, tallest=720),
    "twelfth": Suite(seed=9900, films=24, sentences=9, tallest=720),
    "thirteenth": Suite(seed=9950, films=24, sentences=9, tallest=720),
    "fourteenth": Suite(seed=10100, films=24, sentences=9, tallest=720),
    "fifteenth": Suite(seed=10200, films=24, sentences=9, tallest=720),
    "sixteenth": Suite(seed=10300, films=24, sentences=9, tallest=720),
    "seventeenth": Suite(seed=10700, films=24, sentences=9, tallest=720),
    "eighteenth": Suite(seed=10800, films=24, sentences=9, tallest=720),
    "nineteenth": Suite(seed=10900, films=24, sentences=9, tallest=720),
    "twentieth": Suite(seed=12000, films=48, sentences=4, tallest=720),
    "twenty-first": Suite(seed=12100, films=48, sentences=4, tallest=720),
    "twenty-second": Suite(seed=11000, films=24, sentences=9, tallest=720),
    "twenty-third": Suite(seed=12200, films=48, sentences=4, tallest=720),
    "twenty-fourth": Suite(seed=11100, films=24, sentences=9, tallest=720),
    "twenty-fifth": Suite(seed=11200, films=24, sentences=9, tallest=720),
    "twenty-sixth": Suite(seed=11300, films=24, sentences=9, tallest=720),
    "twenty-seventh": Suite(seed=11500, films=24, sentences=9, tallest=720),
    "twenty-eighth": Suite(seed=11600, films=24, sentences=9, tallest=720),
    "twenty-ninth": Suite(seed=11700, films=24, sentences=9, tallest=720),
    "thirtieth": Suite(seed=11800, films=24, sentences=9, tallest=720),
    "clips": Suite(seed=12300, films=40, sentences=1, tallest=720),
    "clip-pairs": Suite(seed=12400, films=40, sentences=2, tallest=720),
    "more-clips": Suite(seed=12500, films=40, sentences=1, tallest=720),
    "more-clip-pairs": Suite(seed=12600, films=40, sentences=2, tallest=720),
    "held-out": Suite(seed=11400, films=24, sentences=9, tallest=720),
    "long": Suite(seed=5000, films=2, sentences=120, tallest=720),
}


@dataclass(frozen=True)
class Made:
    """A film of a suite on disk, what it was dealt, what is really in it, and the rows its captions stand on."""

    path: Path
    conditions: dict[str, Any]
    truth: Truth
    rows: tuple[int, int] | None
    other_rows: tuple[int, int] | None = None
    """those of the captions that stand elsewhere, where there are any"""


def make(suite: Suite, folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """Makes what is not there yet, and yields all films of a suite, or only those of some numbers."""
    varied_all = enumerate(varied_films(suite.films, suite.sentences, suite.seed, suite.tallest))
    chosen = [varied for number, varied in varied_all if not only or number in only]
    with progress("making films", len(chosen), "films") as advance:
        for varied in chosen:
            path = folder / varied.name
            truth = seen(make_film(varied.film, path), partial(style_of, varied.film))
            advance(1, path.name)
            film = varied.film
            rows = [
                rows_of(film.texts, style, film.width, film.height) if style and truth.cues else None
                for style in (film.style, film.other_style)
            ]
            yield Made(path, varied.conditions, truth, rows[0], rows[1])


def seen(truth: Truth, style_of: Callable[[int], Style]) -> Truth:
    """The truth as the pictures show it: the same text twice at one place without a frame between looks like once.

    `style_of` gives a cue's style by its number.
    """
    cues: list[Displayed] = []
    for number, cue in enumerate(truth.cues):
        is_same = bool(cues) and cues[-1].text == cue.text and cues[-1].end_ms == cue.start_ms
        if is_same and style_of(number) == style_of(number - 1):
            cues[-1] = replace(cues[-1], end_ms=cue.end_ms)
        else:
            cues.append(cue)
    return replace(truth, cues=tuple(cues))


def rows_of(texts: Iterable[str], style: Style, width: int, height: int) -> tuple[int, int]:
    """The highest and the lowest row of the picture that any of the texts covers."""
    layers = [paint_text(layout(text, style, width, height), style, width, height) for text in texts]
    return min(layer.top for layer in layers), max(layer.top + layer.colour.shape[0] for layer in layers)
