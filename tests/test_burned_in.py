"""Promises of reading burned-in subtitles: the band, the changes, the words, the evidence."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pluggy
import pytest
from ipl_extractors.band_frame import Look
from ipl_extractors.band_search import BandSearch
from ipl_extractors.burned_in import BurnedIn
from ipl_extractors.display import Display
from ipl_extractors.evidence import READINGS_FILE
from ipl_extractors.lexicon import Lexicon
from ipl_extractors.ocr import RapidOcr, Tesseract
from ipl_extractors.reading import BandReader
from ipl_extractors.rows import Anchor
from ipl_extractors.weave import weaves
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.fuzz import ratio

from ipl.hookspecs import CueExtractor
from ipl.mining.media import ffmpeg_path, probe
from ipl.records import Cue, CueReading, Reading
from ipl.schemas import READINGS
from ipl.tables import Table

sys.path.insert(0, str(Path(__file__).parent))
from helpers_reading import texts_of

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
Shown = tuple[float, float, str]
WIDTH, HEIGHT, RATE = 640, 360, 10
CUES: list[Shown] = [
    (1.0, 3.0, "The first thing they saw"),
    (3.0, 5.0, "was a light on the hill."),
    (6.0, 7.5, "No."),
    (8.0, 10.0, "Nobody had lit it\nfor a hundred years."),
]


DARK = "#141414"


def paint(
    cues: Sequence[Shown],
    second: float,
    logo: str | None = None,
    top: bool = False,
    fill: str = "white",
    bright: bool = False,
) -> Image.Image:
    """A picture with drifting stripes behind its text. DARK has no outline.

    What begins with ^ stands at the top, with < at the left, with > at the right.
    """
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    wave = 90 + 60 * np.sin((x + 40 * second) / 37) * np.cos((y - 25 * second) / 29)
    image = Image.fromarray(np.stack([wave, wave * 0.8, 160 - wave * 0.5], axis=2).astype(np.uint8))
    if bright:
        image = image.point(lambda value: 215 + value // 8)
    outline = 0 if fill == DARK else 2
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=26)
    for start, end, text in cues:
        if start <= second < end:
            first = 20 if top or text.startswith("^") else HEIGHT - 20 - 34 * (text.count("\n") + 1)
            left, anchor = {"<": (40, "la"), ">": (WIDTH - 40, "ra")}.get(text[0], (WIDTH / 2, "ma"))
            for number, line in enumerate(text.lstrip("^<>").split("\n")):
                at = (left, first + 34 * number)
                draw.text(at, line, font=font, anchor=anchor, fill=fill, stroke_width=outline, stroke_fill="black")
    if logo and logo.startswith("_"):  # down where the lines end
        draw.text(
            (WIDTH / 2 + 165, HEIGHT - 54), logo[1:], font=font, fill="white", stroke_width=2, stroke_fill="black"
        )
    elif logo and logo.startswith("=") and 0.5 < second < 4.6:  # a title that reaches into the band for a while
        draw.text((WIDTH / 2 - 30, HEIGHT - 96), logo[1:], font=font, fill="white", stroke_width=2, stroke_fill="black")
    elif logo and logo.startswith("~"):  # a board of the scene, which drifts
        place = draw.textbbox(at := (70 + 7 * second, HEIGHT - 56), logo[1:], font=font)
        draw.rectangle(place, fill="black")
        draw.text(at, logo[1:], font=font, fill="white")
    elif logo and not logo.startswith("="):
        draw.text((WIDTH - 90, 12), logo, font=font, fill="white")
    return image


def film(
    path: Path,
    cues: Sequence[Shown],
    seconds: float,
    logo: str | None = None,
    top: bool = False,
    fill: str = "white",
    bright: bool = False,
) -> Path:
    command = [ffmpeg_path(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}"]
    command += ["-r", str(RATE), "-i", "-", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)]
    pictures = b"".join(paint(cues, n / RATE, logo, top, fill, bright).tobytes() for n in range(int(seconds * RATE)))
    subprocess.run(command, input=pictures, check=True)
    return path


def read(path: Path, work_dir: Path) -> list[Cue]:
    return list(BurnedIn().extract_cues(probe(path), None, RapidOcr().read_text, work_dir))


@pytest.mark.parametrize("top", [False, True])
def test_cues_are_found_read_and_timed(tmp_path: Path, top: bool) -> None:
    found = read(film(tmp_path / "a.mp4", CUES, 11, logo="CH 5", top=top), tmp_path / "work")
    assert [cue.text for cue in found] == [text for _, _, text in CUES]
    for cue, (start, end, _) in zip(found, CUES, strict=True):
        assert (cue.start_ms, cue.end_ms) == (1000 * start, 1000 * end), "boundaries are those of frames"
        assert cue.track.startswith("burned-in:")
        assert cue.confidence is not None
        assert cue.confidence > 0.8
        assert Image.open(tmp_path / "work" / f"{cue.start_ms}.jpg").width == WIDTH

    readings = list(Table(tmp_path / "work" / READINGS_FILE, READINGS, CueReading))
    keys = [(each.start_ms, each.end_ms, each.track) for each in readings if each.number == 0]
    assert keys == [(cue.start_ms, cue.end_ms, cue.track) for cue in found], "each cue has its readings"
    assert {(each.start_ms, each.text) for each in readings} >= {(cue.start_ms, cue.text) for cue in found}
    assert all((tmp_path / "work" / str(each.crop)).is_file() for each in readings)


@pytest.mark.parametrize("sway", [(0, 0), (1, 1), (2, 3)], ids=["steady", "a little", "much"])
def test_what_is_written_on_a_film_that_weaves_is_read_and_timed(tmp_path: Path, sway: tuple[int, int]) -> None:
    straight = film(tmp_path / "a.mp4", CUES, 11)
    across, down = (f"8+round({far}*sin({often}*n))" for far, often in zip(sway, (1.7, 2.3), strict=True))
    weaving = tmp_path / "b.mp4"
    moved = f"crop=w=iw-16:h=ih-16:x={across}:y={down}:exact=1,pad=w=iw+16:h=ih+16:x=8:y=8"
    subprocess.run([ffmpeg_path(), "-v", "error", "-i", str(straight), "-vf", moved, str(weaving)], check=True)
    search = BandSearch(probe(weaving), RapidOcr().read_text)
    (band,) = search.bands()
    assert search.weaves(band) == any(sway)
    assert weaves(probe(weaving), band.box, Look(band.line_height), search.sightings(band)) == any(sway)
    found = read(weaving, tmp_path / "work")
    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in found] == [
        (1000 * start, 1000 * end, text) for start, end, text in CUES
    ]


def test_the_sources_language_comes_to_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    class Asked(Lexicon):
        def __init__(self, language: str | None) -> None:
            asked.append(language)
            super().__init__(language)

    monkeypatch.setattr("ipl_extractors.reading.Lexicon", Asked)
    manager = pluggy.PluginManager("ipl")
    manager.add_hookspecs(CueExtractor)
    manager.register(BurnedIn())
    media = probe(film(tmp_path / "a.mp4", CUES, 5))
    list(manager.hook.extract_cues(media=media, language="de", read_text=RapidOcr().read_text, work_dir=tmp_path))
    assert asked == ["de"]


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="the program tesseract is not on PATH")
def test_another_reader_finds_the_same_cues(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", CUES, 11)
    found = list(BurnedIn().extract_cues(probe(path), None, Tesseract().read_text, tmp_path / "work"))
    assert [(cue.start_ms, cue.end_ms) for cue in found] == [(1000 * start, 1000 * end) for start, end, _ in CUES]
    assert ratio(" ".join(cue.text for cue in found), " ".join(text for _, _, text in CUES)) > 90, "it reads less well"


@pytest.mark.parametrize("fill", ["#e01010", "#3030ff"])
def test_letters_of_a_pure_colour_are_followed_by_it(tmp_path: Path, fill: str) -> None:
    found = read(film(tmp_path / "a.mp4", CUES, 11, fill=fill), tmp_path / "work")
    assert [(cue.start_ms, cue.text) for cue in found] == [(1000 * start, text) for start, _, text in CUES]


@pytest.mark.parametrize("fill", ["white", DARK])
def test_letters_on_a_bright_scene_are_told_from_their_outline(tmp_path: Path, fill: str) -> None:
    path = film(tmp_path / "a.mp4", CUES, 11, fill=fill, bright=True)
    assert [band.lettering.dark for band in BandSearch(probe(path), RapidOcr().read_text).bands()] == [fill == DARK]
    assert [(cue.start_ms, cue.text) for cue in read(path, tmp_path / "work")] == [
        (1000 * start, text) for start, _, text in CUES
    ]


def test_lines_that_move_to_the_top_are_a_track_of_their_own(tmp_path: Path) -> None:
    cues = [*CUES, (11.0, 13.0, "^Up here they shone"), (13.0, 15.0, "^for all the town to see"),
            (15.5, 17.0, "Down there it was dark."), (17.0, 19.0, "^We never knew")]  # fmt: skip
    found = read(film(tmp_path / "a.mp4", cues, 20), tmp_path / "work")
    assert [(cue.start_ms, cue.text) for cue in found] == [
        (1000 * start, text.removeprefix("^")) for start, _, text in cues
    ]
    tracks = {cue.track for cue in found}
    assert {cue.track for cue in found if cue.start_ms in (11000, 13000, 17000)} < tracks
    assert len(tracks) == 2


def test_lines_of_other_speakers_at_the_sides_are_of_the_same_track(tmp_path: Path) -> None:
    cues = [*CUES, (11.0, 13.0, "<I was not there,"), (13.0, 15.0, ">Where were you then?"),
            (15.5, 17.5, "<Down at the old mill."), (18.0, 20.0, ">And who saw you?")]  # fmt: skip
    found = read(film(tmp_path / "a.mp4", cues, 21), tmp_path / "work")
    assert [(cue.start_ms, cue.text) for cue in found] == [(1000 * start, text.lstrip("<>")) for start, _, text in cues]
    assert len({cue.track for cue in found}) == 1


def test_a_logo_that_touches_the_lines_is_not_read_with_them(tmp_path: Path) -> None:
    found = read(film(tmp_path / "a.mp4", CUES, 11, logo="_TV"), tmp_path / "work")
    assert [cue.text for cue in found] == [text for _, _, text in CUES]


def test_a_board_that_drifts_beside_the_lines_is_not_read_with_them(tmp_path: Path) -> None:
    found = read(film(tmp_path / "a.mp4", CUES, 11, logo="~EXIT"), tmp_path / "work")
    assert [cue.text for cue in found] == [text for _, _, text in CUES]


def test_a_title_across_the_middle_of_the_width_is_no_line(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", CUES, 11, logo="=Compatibility")
    assert [cue.text for cue in read(path, tmp_path / "work")] == [text for _, _, text in CUES]


def test_a_video_with_a_logo_alone_has_no_cues(tmp_path: Path) -> None:
    assert read(film(tmp_path / "a.mp4", [], 8, logo="CH 5"), tmp_path / "work") == []


@pytest.mark.parametrize(
    "cues", [[(0.8, 2.8, "Look at that!")], [(0.4, 1.6, "Who is it?"), (2.0, 3.4, "Nobody that I know.")]]
)
def test_a_clip_of_some_seconds_has_a_line_or_two(tmp_path: Path, cues: list[Shown]) -> None:
    found = read(film(tmp_path / "a.mp4", cues, 4), tmp_path / "work")
    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in found] == [
        (round(1000 * start), round(1000 * end), text) for start, end, text in cues
    ]


def test_a_line_that_stays_while_the_first_frames_change_is_no_logo(tmp_path: Path) -> None:
    last = "which nobody will ever read."
    first = ["He wrote a letter", "They made some plans", "I know a good story"]
    cues = [(4.0 * n, 4.0 * n + 4, f"{words}\n{last}") for n, words in enumerate(first)]
    cues += [(13.0, 16.0, "Why do you\nask me?"), (19.0, 22.0, "Nobody came\nback home.")]
    (band,) = BandSearch(probe(film(tmp_path / "a.mp4", cues, 30)), RapidOcr().read_text).bands()
    assert band.marks == ()


def test_the_reader_is_asked_when_the_text_changes_not_for_every_sample(tmp_path: Path) -> None:
    asked = []

    def count(pictures: Sequence[np.ndarray], lines: bool | None) -> list[list[Reading]]:
        asked.append((len(pictures), lines))
        return RapidOcr().read_text(pictures, lines)

    path = film(tmp_path / "a.mp4", [(1.0, 9.0, "One line that stays"), (9.0, 17.0, "and another one")], 18)
    assert len(list(BurnedIn().extract_cues(probe(path), None, count, tmp_path))) == 2
    assert sum(number for number, lines in asked if lines) <= 4
    assert sum(number for number, lines in asked if not lines) <= 14  # the probes, most of all


def test_on_a_real_clip(tmp_path: Path) -> None:
    clip = DATA / "video" / "perspective-video" / "perspective-video-with-captions.mp4"
    if not clip.exists():
        pytest.skip(f"the real clip is not here: {clip.resolve()}")
    texts = [cue.text for cue in read(clip, tmp_path)]
    assert texts[0] == "Web accessibility perspectives. Keyboard\ncompatibility. Not being able to use your"
    assert texts[1] == "computer because your mouse doesn't work,\nis frustrating."
    assert texts[2] == "Many people use only the keyboard to\nnavigate websites. Either through"


@pytest.mark.parametrize(("below", "lines"), [(24, ["He went home."]), (50, ["He went home.", "He went hone."])])
def test_what_is_read_of_a_part_of_a_line_is_no_line(below: int, lines: list[str]) -> None:
    strokes = np.zeros((100, 300), bool)
    strokes[10:20, 50:250] = strokes[below : below + 10, 50:250] = True
    luma = np.where(strokes, 255, 0).astype(np.uint8)
    display = Display(0, 1000, strokes, luma, luma, luma, luma)
    texts = iter([("He went home.", 0.99), ("He went hone.", 0.9), ("He went hone.", 0.9), ("He went hone.", 0.9)])

    def read_text(pictures: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        return [[Reading(*next(texts), (0, 0, 0, 0))] for _ in pictures]

    (text,) = texts_of(BandReader(Look(28), read_text, 0.7, 0.95), [display])
    assert text.best()[0].split("\n") == lines


@pytest.mark.parametrize(
    ("read", "number"),
    [
        (["He went.:0.99"], 1),
        (["He went.:0.9", "He went.:0.8"], 2),
        (["He went.:0.9", "He vent.:0.9", "He went.:0.9"], 3),
        (["He went.:0.9", "He went.:0.5", "He went.:0.9"], 3),
    ],
)
def test_a_doubtful_line_is_read_until_two_pictures_agree(read: list[str], number: int) -> None:
    strokes = np.zeros((40, 300), bool)
    strokes[10:30, 50:250] = True
    luma = np.where(strokes, 255, 0).astype(np.uint8)
    told = iter(read)

    def read_text(pictures: Sequence[np.ndarray], lines: bool | None) -> list[list[Reading]]:
        said = [next(told).split(":") for _ in pictures]
        return [[Reading(text, float(score), (0, 0, 0, 0))] for text, score in said]

    displays = [Display(0, 1000, strokes, luma, luma, luma, luma)]
    (text,) = texts_of(BandReader(Look(28), read_text, 0.7, 0.95), displays)
    assert text.best()[0] == "He went."
    assert len(text.readings) == number


def test_a_letter_of_a_logo_beside_a_line_is_not_read() -> None:
    strokes, always = np.zeros((100, 300), bool), np.zeros((100, 300), bool)
    strokes[40:60, 50:250] = strokes[40:60, 254:264] = True
    always[40:60, 254:266] = True
    luma = np.where(strokes, 255, 0).astype(np.uint8)
    widths = []

    def read_text(pictures: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        widths.extend(picture.shape[1] for picture in pictures)
        return [[Reading("He went home.", 0.99, (0, 0, 0, 0))] for _ in pictures]

    reader = BandReader(Look(28, Anchor("centre", 150)), read_text, 0.7, 0.95)
    assert len(texts_of(reader, [Display(0, 1000, strokes, luma, luma, luma, luma)], always)) == 1
    assert widths == [254 - (50 - round(0.6 * 28))]
