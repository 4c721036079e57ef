"""Known text burned over real moving pictures: the factory's lettering on the footage that has no captions of its own.

Two rounds of a clip make a film, with the clip's own sound. Texts, styles and times are a function of the seeds below.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import ffmpeg
import numpy as np
from ipl_datasets.factory.captions import Gap
from ipl_datasets.factory.dialogue import english, mandarin
from ipl_datasets.factory.lettering import layout
from ipl_datasets.factory.overlays import ShownCaption
from ipl_datasets.factory.paint import Picture
from ipl_datasets.factory.scene import Background, Caption, Scene, Style, frame_ms
from ipl_datasets.factory.truth import Displayed, Truth, read_truth, truth_path, write_truth
from ipl_datasets.factory.typefaces import CJK, find_font
from real import CLIPS, SAMPLE_RATE_HZ, encoding, films_of_clips
from suite import Made, rows_of

from ipl.errors import StageError
from ipl.mining.media import Box, ffmpeg_path, frames

ROUNDS = 2
LETTER_S = 0.07
LEAST_S, LONGEST_S = 0.6, 4.5


@dataclass(frozen=True)
class Footage:
    """A part of a clip, scaled to a height."""

    clip: str
    frame_rate: int
    frames: int
    width: int
    height: int
    crop: Box | None = None


@dataclass(frozen=True)
class Burned:
    """A film: what the text is, how it looks, what lies behind it."""

    name: str
    seed: int
    footage: Footage
    style: Style
    language: Literal["en", "cmn", "both", "letters"] = "en"
    gap: Gap = "pause"
    crf: int = 23


OFFICE = Footage("perspective-video/perspective-video.mp4", 24, 395, 1280, 720)
OFFICE_SMALL = Footage("perspective-video/perspective-video.mp4", 24, 395, 640, 360)
OFFICE_UPRIGHT = Footage("perspective-video/perspective-video.mp4", 24, 395, 406, 720, Box(620, 0, 1026, 720))
MEADOW = Footage("rabbit-video/video-with-voiceover.mp4", 24, 330, 852, 480, Box(160, 90, 1120, 630))
MEADOW_OLD = Footage("rabbit-video/video.mp4", 15, 205, 480, 360)
"""320x240 at 15 frames a second, scaled up: blurred, as old recordings are"""


WHITE = Style(font=find_font("sans"), size=0.065, outline_width=0.0065)
FILMS = (
    Burned("office-white", 101, OFFICE, WHITE),
    Burned(
        "office-yellow",
        102,
        OFFICE_SMALL,
        Style(find_font("bold"), 0.07, (255, 235, 60), outline_width=0.007, widest=0.45),
    ),
    Burned(
        "office-box",
        103,
        OFFICE_SMALL,
        Style(find_font("serif"), 0.06, outline_width=0.0, box=(0, 0, 0)),
        gap="touching",
    ),
    Burned("office-both", 104, OFFICE, Style(CJK, 0.055, outline_width=0.006), "both", "one frame"),
    Burned("office-letters", 105, OFFICE_SMALL, WHITE, "letters"),
    Burned("office-upright", 106, OFFICE_UPRIGHT, Style(find_font("bold"), 0.035, outline_width=0.004)),
    Burned(
        "meadow-white",
        111,
        MEADOW,
        Style(find_font("condensed"), 0.07, outline_width=0.007, widest=0.55),
        gap="one frame",
        crf=32,
    ),
    Burned("meadow-mandarin", 112, MEADOW, Style(CJK, 0.07, (255, 255, 255), outline_width=0.007), "cmn"),
    Burned("meadow-shadow-top", 113, MEADOW, Style(None, 0.065, outline_width=0.003, shadow=0.005, place="top")),
    Burned("meadow-fades", 114, MEADOW, Style(find_font("sans"), 0.06, (90, 240, 240), fade_s=0.25)),
    Burned("old-white", 121, MEADOW_OLD, Style(find_font("sans"), 0.075, outline_width=0.008)),
    Burned("old-mandarin", 122, MEADOW_OLD, Style(CJK, 0.08, (255, 235, 60), outline_width=0.008), "cmn", "touching"),
)


def burned_films(folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """Makes what is not there yet, and yields all films, or those of some numbers; none where the clips are missing."""
    return films_of_clips(FILMS, folder, only, _made)


def _made(film: Burned, path: Path) -> Made:
    truth = _make(film, path)
    size = film.footage.width, film.footage.height
    conditions = {"footage": film.name.split("-")[0], "language": film.language, "gap": film.gap}
    return Made(path, conditions, truth, rows_of([cue.text for cue in truth.cues], film.style, *size))


def _make(film: Burned, path: Path) -> Truth:
    recipe: dict[str, Any] = json.loads(json.dumps(asdict(film), default=str))
    if path.is_file() and truth_path(path).is_file() and (done := read_truth(path)).recipe == recipe:
        return done
    footage = film.footage
    rate = Fraction(footage.frame_rate)
    total = ROUNDS * footage.frames
    captions = tuple(_captions(film, total, np.random.default_rng([film.seed, 0xB02])))
    scene = Scene(footage.width, footage.height, rate, total, Background(0), film.style, captions)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, film, _pictures(scene, footage))
    truth = Truth(
        burned_in=True,
        frame_rate=str(rate),
        frames=total,
        sample_rate_hz=SAMPLE_RATE_HZ,
        num_samples=int(total / rate * SAMPLE_RATE_HZ),
        cues=tuple(
            Displayed(
                frame_ms(each.first, rate),
                frame_ms(each.end, rate),
                "\n".join(layout(each.text, film.style, footage.width, footage.height)),
            )
            for each in captions
        ),
        speech=(),
        recipe=recipe,
    )
    write_truth(path, truth)
    return truth


def _captions(film: Burned, total: int, rng: np.random.Generator) -> Iterator[Caption]:
    """Texts one after the other until the film is full, each as long as it takes to read."""
    rate, at = film.footage.frame_rate, round(0.5 * film.footage.frame_rate)
    for text in _texts(film.language, rng):
        seconds = min(LONGEST_S, LEAST_S + LETTER_S * len(text) * (3 if film.language == "cmn" else 1))
        end = at + round(seconds * rng.uniform(0.7, 1.1) * rate)
        if end > total - rate:
            return
        yield Caption(text, at, end)
        at = end + {"touching": 0, "one frame": 1, "pause": round(rng.uniform(0.2, 1.5) * rate)}[film.gap]


def _texts(language: str, rng: np.random.Generator) -> Iterator[str]:
    if language == "letters":
        letters = ("I?", "A", "No.", "OK", "X", "7", "Oh!", "Go!", "B", "Me?", "3", "Hm.", "So?", "K")
        for number in rng.permutation(len(letters)):
            yield letters[number]
    elif language == "both":
        for upper, lower in zip(mandarin(rng), english(rng), strict=False):
            yield f"{upper}\n{lower}"
    else:
        yield from mandarin(rng) if language == "cmn" else english(rng)


def _pictures(scene: Scene, footage: Footage) -> Iterator[Picture]:
    """The footage, ROUNDS times, with the captions laid over it."""
    half_fade = round(float(scene.frame_rate) * scene.style.fade_s / 2)
    shown = [(caption.first - half_fade, ShownCaption(caption, scene)) for caption in scene.captions]
    number = 0
    for _ in range(ROUNDS):
        pictures = frames(CLIPS / footage.clip, footage.frame_rate, footage.crop, footage.height, on_damage=print)
        for count, (_, picture) in enumerate(pictures):
            if count == footage.frames:
                break
            frame = picture[:, : footage.width].copy()
            for first, caption in shown:
                if first <= number < caption.end:
                    caption.lay_over(frame, number)
            yield frame
            number += 1


def _write(path: Path, film: Burned, pictures: Iterator[Picture]) -> None:
    """Encodes pictures with the clip's own sound; whole or not at all."""
    footage = film.footage
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    size = f"{footage.width}x{footage.height}"
    raw = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", s=size, framerate=footage.frame_rate)
    sound = ffmpeg.input(str(CLIPS / footage.clip), stream_loop=ROUNDS - 1).audio
    output = ffmpeg.output(
        raw,
        sound,
        f"file:{partial}",
        **encoding(film.crf, ROUNDS * footage.frames / footage.frame_rate),
    )
    process = output.global_args("-v", "error").overwrite_output().run_async(cmd=ffmpeg_path(), pipe_stdin=True)
    try:
        for picture in pictures:
            process.stdin.write(np.ascontiguousarray(picture).data)
    finally:
        process.stdin.close()
        code = process.wait()
    if code:
        raise StageError(f"{path}: ffmpeg failed with exit code {code}; see what it printed above")
    partial.replace(path)
