"""Films of every kind that subtitles come in: each condition of the pictures, the text and the file is dealt out.

A condition's kinds are dealt like cards: over as many films as it has cards each comes up, whatever the seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from ipl_datasets.factory.captions import Gap
from ipl_datasets.factory.dialogue import english, mandarin
from ipl_datasets.factory.film import Film
from ipl_datasets.factory.scene import Background, Colour, Style
from ipl_datasets.factory.typefaces import CJK, FAMILIES, find_font
from ipl_datasets.factory.video import Encoding

__all__ = ["Varied", "missing_families", "varied_films"]

_CARDS: dict[str, tuple[Any, ...]] = {
    "language": ("en", "en", "en", "cmn", "both"),
    "family": ("carried", "sans", "bold", "serif", "condensed"),
    "fill": ((255, 255, 255), (255, 255, 255), (255, 255, 255), (255, 235, 60), (90, 240, 240), (235, 30, 30)),
    "dress": ("outline", "outline", "outline", "box", "shadow", "dark on light"),
    "place": ("bottom", "bottom", "bottom", "top", "left"),
    "fade_s": (0.0, 0.0, 0.0, 0.2),
    "sung": (None, None, None, None, None, (255, 210, 0)),
    "scenery": ("calm", "moving", "busy", "bright", "shots"),
    "sign": ("none", "logo", "ticker", "clock", "titles", "boards"),
    "picture": ((640, 360), (854, 480), (1280, 720), (640, 360), (1920, 1080), (406, 720), (1280, 720)),
    "rate": ("24000/1001", "25", "30000/1001", "25", "50", "30 variable", "60"),
    "crf": (23, 23, 28, 38),
    "letterbox": (0.0, 0.0, 0.0, 0.1),
    "start_s": (0.0, 0.0, 3.2),
    "gap": ("pause", "pause", "touching", "one frame"),
    "twice": (False, False, False, True),
    "captioned": (True, True, True, True, True, True, True, False),
    "other": ("none", "none", "place", "colour", "size"),
}


@dataclass(frozen=True, slots=True)
class Varied:
    """A film, the file name it should have, and the conditions it was dealt."""

    film: Film
    name: str
    conditions: dict[str, Any]


def missing_families() -> list[str]:
    """Kinds of typefaces that this machine lacks; films that were dealt one of them use the one Pillow carries."""
    return [family for family in FAMILIES if find_font(family) is None]


def varied_films(number: int, sentences: int, seed: int, tallest: int = 1080) -> Iterator[Varied]:
    """Yields `number` films of `sentences` lines each; a pure function of the arguments and the system's fonts."""
    decks = {
        name: _deal(cards, np.random.default_rng([seed, 0xDEC, at])) for at, (name, cards) in enumerate(_CARDS.items())
    }
    for film in range(number):
        dealt = {name: next(deck) for name, deck in decks.items()}
        width, height = dealt["picture"]
        if height > tallest:
            dealt["picture"] = width * tallest // height // 2 * 2, tallest
        yield _film(film, sentences, dealt, np.random.default_rng([seed, 0xF17, film]))


def _deal(cards: Sequence[Any], rng: np.random.Generator) -> Iterator[Any]:
    while True:
        yield from (cards[at] for at in rng.permutation(len(cards)))


def _film(number: int, sentences: int, dealt: dict[str, Any], rng: np.random.Generator) -> Varied:
    width, height = dealt["picture"]
    rate, _, variable = dealt["rate"].partition(" ")
    if height * _per_second(rate) > 1080 * 30:
        rate = dealt["rate"] = "30"  # a minute of 1080p60 would take minutes to make
    seed = int(rng.integers(2**31))
    sign = dealt["sign"]
    style = _style(dealt, width, height, rng)
    words = tuple(str(word) for word in rng.choice(["CAFE", "EXIT 12", "BAKERY", "No Parking", "OPEN"], 3))
    film = Film(
        texts=tuple(_texts(dealt, sentences, rng)),
        seed=seed,
        speakers=(int(rng.integers(100)), int(rng.integers(100))),
        burned_in=True,
        width=width,
        height=height,
        frame_rate=rate,
        snr_db=float(rng.uniform(15, 35)),
        music_db=None,
        logo="IPL TV" if sign == "logo" else None,
        style=style,
        other_style=_other(dealt, style),
        background=_background(dealt["scenery"], seed, words if sign == "boards" else ()),
        language="cmn" if dealt["language"] == "cmn" else "en",
        gap=cast(Gap, dealt["gap"]),
        captioned=dealt["captioned"],
        ticker="Markets close higher +++ Rain in the north +++ Trains are late" if sign == "ticker" else None,
        clock=sign == "clock",
        titles=("THE LONG ROAD", "PART TWO", "THREE YEARS LATER") if sign == "titles" else (),
        letterbox=dealt["letterbox"],
        encoding=Encoding("veryfast", dealt["crf"], bool(variable), dealt["start_s"]),
    )
    return Varied(film, f"varied-{number:03d}.{'mkv' if dealt['start_s'] else 'mp4'}", dealt)


def _per_second(rate: str) -> float:
    """Frames per second of `25` or `30000/1001`."""
    over, _, under = rate.partition("/")
    return int(over) / int(under or 1)


def _texts(dealt: dict[str, Any], number: int, rng: np.random.Generator) -> Iterator[str]:
    lines = {"en": english, "cmn": mandarin}.get(dealt["language"], _both)(rng)
    if dealt["twice"]:
        lines = chain.from_iterable((line, line) if at % 3 == 0 else (line,) for at, line in enumerate(lines))
    return islice(lines, number)


def _both(rng: np.random.Generator) -> Iterator[str]:
    for upper, lower in zip(mandarin(rng), english(rng), strict=False):
        yield f"{upper}\n{lower}"


def _style(dealt: dict[str, Any], width: int, height: int, rng: np.random.Generator) -> Style:
    font: Path | Literal["cjk"] | None = CJK
    if dealt["language"] == "en":
        font = None if dealt["family"] == "carried" else find_font(dealt["family"])
    fill: Colour = dealt["fill"]
    size = float(rng.uniform(0.05, 0.08))
    if width < height:  # upright: lengths go by the height, but the lines by the width
        size *= 0.6
    dress: dict[str, dict[str, Any]] = {
        "outline": {"outline_width": 0.1 * size},
        "box": {"outline_width": 0.0, "box": (0, 0, 0), "box_opacity": float(rng.uniform(0.5, 1.0))},
        "shadow": {"outline_width": 0.04 * size, "shadow": 0.08 * size},
        "dark on light": {"outline_width": 0.0, "box": (235, 235, 235), "box_opacity": 0.9, "fill": (20, 20, 20)},
    }
    sung: Colour | None = dealt["sung"] and ((200, 40, 20) if dealt["dress"] == "dark on light" else dealt["sung"])
    return Style(
        **{
            "font": font,
            "size": size,
            "fill": fill,
            "place": dealt["place"],
            "margin": 0.11 if dealt["sign"] == "ticker" else float(rng.uniform(0.05, 0.09)),
            "fade_s": dealt["fade_s"],
            "sung": sung,
            **dress[dealt["dress"]],
        }
    )


def _other(dealt: dict[str, Any], style: Style) -> Style | None:
    """What differs within the film."""
    if dealt["other"] == "place" and dealt["sign"] not in ("logo", "clock"):  # where these stand
        return replace(style, place="bottom" if style.place == "top" else "top", margin=0.05)
    if dealt["other"] == "colour" and dealt["dress"] != "dark on light":
        return replace(style, fill=(255, 255, 255) if style.fill != (255, 255, 255) else (255, 220, 90))
    return replace(style, size=0.8 * style.size) if dealt["other"] == "size" else None


def _background(scenery: str, seed: int, words: tuple[str, ...]) -> Background:
    kinds: dict[str, dict[str, Any]] = {
        "calm": {"drift_px_per_s": 5.0, "movers": 1},
        "moving": {"drift_px_per_s": 120.0, "movers": 5},
        "busy": {"shapes": 400, "movers": 6},
        "bright": {"light": 0.8},
        "shots": {"shot_s": 2.7},
    }
    return Background(seed, words=words, **kinds[scenery])
