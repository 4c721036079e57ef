"""What people burn into films: real captions, drawn by libass in the styles of its users, over real moving pictures.

The captions are a film's own, in English and French, and so is the sound; the pictures are other clips, again and
again. Letters, line breaks and blurs are those of ffmpeg's `subtitles`. Only the sentences in Mandarin come from the
factory, in the times of the English ones, alone or above them.

Other languages have shorter films: sentences that we wrote ourselves (`tongues.json`), timed by their length.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pysubs2
from drawn import MEADOW, OFFICE, SUBTITLES, displayed, drawn_rows, made_once, write_film
from ipl_datasets.factory.dialogue import mandarin
from ipl_datasets.factory.truth import Truth
from real import films_of_clips
from suite import Made

SECONDS = 204
TONGUES: dict[str, list[str]] = json.loads(Path(__file__).with_name("tongues.json").read_text(encoding="utf-8"))
TONGUE_SECONDS = 62


@dataclass(frozen=True)
class Styled:
    """A film: its captions' language, how libass is told to draw them, and what lies behind them."""

    name: str
    language: str
    style: str
    """ASS style fields; sizes are shares of a picture of 288 rows"""
    clip: str
    width: int
    height: int
    frame_rate: int
    crf: int = 23
    seconds: int = SECONDS


FILMS = (
    Styled("plain", "en", "", OFFICE, 1280, 720, 24),
    Styled("plain-french", "fr", "", MEADOW, 852, 480, 24),
    Styled("yellow", "en", "FontName=DejaVu Sans,Bold=1,PrimaryColour=&H0000E6FF,Outline=2", MEADOW, 1280, 720, 24),
    Styled("box", "fr", "BorderStyle=3,Outline=1,OutlineColour=&H60000000,Shadow=0", OFFICE, 640, 360, 25),
    Styled("italic", "en", "FontName=Liberation Serif,Italic=1,FontSize=18,Outline=1.5", OFFICE, 854, 480, 30, 30),
    Styled("top", "en", "FontName=Nimbus Sans,Alignment=6,Outline=0.8,Shadow=1.2", MEADOW, 1280, 720, 24),
    Styled("soft", "fr", "FontName=Liberation Sans,Bold=1,Outline=1.5,Blur=2,Shadow=0", OFFICE, 1280, 720, 24, 28),
    Styled("upright", "en", "FontName=URW Gothic,Bold=1,FontSize=11,Outline=1.2,MarginV=40", OFFICE, 406, 720, 30),
    Styled("left", "fr", "FontName=Liberation Sans Narrow,Alignment=1,FontSize=17,Outline=1", MEADOW, 640, 360, 25, 30),
    Styled("grey", "en", "FontName=Liberation Sans,PrimaryColour=&H00D0D0D0,FontSize=14", OFFICE, 854, 480, 24),
    Styled("mandarin", "cmn", "FontName=Droid Sans Fallback,FontSize=18,Outline=1.2", MEADOW, 854, 480, 24),
    Styled("fansub", "both", "FontName=Droid Sans Fallback,Bold=1,Outline=1.5,Shadow=0.5", OFFICE, 1280, 720, 24),
)


def _tongue(language: str, font: str, clip: str = OFFICE, **others: Any) -> Styled:
    style = ",".join([f"FontName={font}", *(f"{name}={value}" for name, value in others.items())])
    return Styled(language, language, style, clip, 854, 480, 24, seconds=TONGUE_SECONDS)


TONGUE_FILMS = (
    _tongue("de", "DejaVu Sans", Outline=1.2),
    _tongue("es", "DejaVu Sans", Outline=1.2),
    _tongue("pl", "DejaVu Sans", Outline=1.2),
    _tongue("lt", "DejaVu Sans", Outline=1.2),
    _tongue("vi", "DejaVu Sans", Outline=1.2),
    _tongue("ja", "Droid Sans Fallback", Outline=1.2),
    _tongue("pt", "DejaVu Sans", Outline=1.2),
    _tongue("it", "Liberation Serif", MEADOW, Outline=1, PrimaryColour="&H0000E6FF"),
    _tongue("tr", "Liberation Sans Narrow", MEADOW, Bold=1, Outline=1.2, FontSize=18),
    _tongue("cs", "DejaVu Serif", FontSize=14, Outline=1),
    _tongue("sv", "Liberation Sans", MEADOW, BorderStyle=3, Outline=1, OutlineColour="&H60000000", Shadow=0),
    _tongue("hu", "DejaVu Sans Condensed", Bold=1, Outline=1.5, Alignment=6),
    _tongue("sw", "Liberation Sans", MEADOW, Italic=1, Outline=1),
    _tongue("yo", "DejaVu Sans", Outline=1.2, FontSize=18),
)


SCRIPT_FILMS = (
    _tongue("ru", "Liberation Sans", Outline=1.2),
    _tongue("vi", "Liberation Serif", MEADOW, Bold=1, Outline=1.2, FontSize=18),
    _tongue("el", "DejaVu Sans", MEADOW, Outline=1.2),
    _tongue("ka", "DejaVu Sans", Outline=1.2, PrimaryColour="&H0000E6FF"),
    _tongue("ar", "Noto Naskh Arabic", Outline=1.2, FontSize=20, Encoding=-1),
    _tongue("he", "DejaVu Sans", MEADOW, Bold=1, Outline=1.2, Encoding=-1),
    _tongue("hi", "Noto Sans Devanagari", Outline=1.2, FontSize=18),
    _tongue("bn", "Noto Sans Bengali", MEADOW, Outline=1.2, FontSize=18),
    _tongue("ta", "Noto Sans Tamil", Outline=1.2),
    _tongue("th", "Noto Sans Thai", MEADOW, Outline=1.2, FontSize=20),
    _tongue("am", "Noto Sans Ethiopic", BorderStyle=3, Outline=1, OutlineColour="&H60000000", Shadow=0),
)
"""Of languages that the default text reader has not the letters of."""


def styled_films(folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """Makes what is not there yet, and yields all films, or those of some numbers; none where the clips are missing."""
    return films_of_clips(FILMS, folder, only, _made, SUBTITLES)


def tongue_films(folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """The same of films in other languages."""
    return films_of_clips(TONGUE_FILMS, folder, only, _made, SUBTITLES)


def script_films(folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """The same of languages in other scripts."""
    return films_of_clips(SCRIPT_FILMS, folder, only, _made, SUBTITLES)


SPOKEN_FILMS = (
    Styled("words", "words", "FontName=Liberation Sans,Bold=1,Outline=1.5", OFFICE, 854, 480, 24, seconds=120),
    Styled("words-left", "words", "FontName=DejaVu Sans,Alignment=1,Outline=1", MEADOW, 1280, 720, 24, seconds=120),
    Styled("rows", "rows", "FontName=Liberation Sans,Bold=1,Outline=1.5", OFFICE, 854, 480, 24, seconds=120),
    Styled("rows-top", "rows", "FontName=Nimbus Sans,Alignment=6,Outline=1", MEADOW, 1280, 720, 30, seconds=120),
)


def spoken_films(folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """The same of captions that are written word by word, or roll up: each line comes below the one before it."""
    return films_of_clips(SPOKEN_FILMS, folder, only, _made, SUBTITLES)


def _made(film: Styled, path: Path) -> Made:
    truth = _make(film, path)
    return Made(path, {"style": film.name, "language": film.language}, truth, tuple(truth.recipe["rows"]))


def _make(film: Styled, path: Path) -> Truth:
    said = _spoken(TONGUES[film.language]) if film.language in TONGUES else _captions(film.language)
    lines = {"words": _word_by_word, "rows": _rolling}.get(film.language, lambda given: given)(said)
    cues = displayed((line for line in said if line.start < 1000 * film.seconds), film.frame_rate)
    recipe = {**asdict(film), "captions": lines.to_string("srt")}

    def draw() -> tuple[int, int]:
        subtitles = path.with_suffix(".srt")
        lines.save(str(subtitles))
        write_film(film, subtitles, path, film.style)
        return drawn_rows(film, subtitles, film.style)

    return made_once(path, film, cues, recipe, draw)


def _captions(language: str) -> pysubs2.SSAFile:
    lines = pysubs2.load(str(SUBTITLES / f"cc-{'fr' if language == 'fr' else 'en'}.vtt"))
    if language in ("cmn", "both"):
        for line, text in zip(lines, mandarin(np.random.default_rng(7)), strict=False):
            line.text = text if language == "cmn" else f"{text}\\N{line.text}"
    return lines


def _spoken(sentences: list[str]) -> pysubs2.SSAFile:
    """Sentences one after the other, each for as long as it takes to say it, some with a gap of a frame or more."""
    lines, rng, start_ms = pysubs2.SSAFile(), np.random.default_rng(3), 800
    for sentence in sentences:
        end_ms = start_ms + int(900 + 60 * len(sentence) ** 0.9 + rng.integers(0, 600))
        if end_ms < 1000 * (TONGUE_SECONDS - 1):
            lines.append(pysubs2.SSAEvent(start=start_ms, end=end_ms, text=sentence.replace("\n", "\\N")))
        start_ms = end_ms + int(rng.choice([0, 42, 400, 900]))
    return lines


def _word_by_word(said: pysubs2.SSAFile) -> pysubs2.SSAFile:
    """Each line with a word more at a time, all displayed for as long."""
    shown = pysubs2.SSAFile()
    for line in said:
        words = line.plaintext.split()
        for number in range(len(words)):
            start, end = (line.start + (line.end - line.start) * at // len(words) for at in (number, number + 1))
            shown.append(pysubs2.SSAEvent(start=start, end=end, text=" ".join(words[: number + 1])))
    return shown


def _rolling(said: pysubs2.SSAFile) -> pysubs2.SSAFile:
    """Each line below the one before it."""
    shown = pysubs2.SSAFile()
    for before, line in pairwise([pysubs2.SSAEvent(), *said]):
        texts = (each.plaintext.replace("\n", " ") for each in (before, line))
        shown.append(pysubs2.SSAEvent(start=line.start, end=line.end, text="\\N".join(filter(None, texts))))
    return shown
