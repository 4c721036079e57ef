"""The factory: videos whose truth is the truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipl_datasets import speech
from ipl_datasets.factory.captions import display
from ipl_datasets.factory.lettering import layout, paint_text
from ipl_datasets.factory.render import render
from ipl_datasets.factory.scene import Background, Caption, Scene, Sign, Style, frame_ms
from ipl_datasets.factory.soundtrack import Line, record
from ipl_datasets.factory.truth import read_truth, truth_path
from ipl_datasets.factory.typefaces import CJK
from ipl_datasets.factory.variety import varied_films
from ipl_datasets.factory.video import Encoding, is_kept, write_video
from ipl_datasets.sentences import sentences
from ipl_datasets.suppliers import Factory, VariedFactory

from ipl.errors import InputError, StageError
from ipl.mining.media import audio_blocks, frames, probe

RATE = speech.SAMPLE_RATE_HZ


lines_apart = st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 60_000)), min_size=1, max_size=8)


@given(lines_apart, st.sampled_from(["25/2", "25", "24000/1001", "60"]), st.integers(0, 99))
def test_captions_are_up_around_their_speech_and_never_overlap(
    gaps: list[tuple[int, int]], rate: str, seed: int
) -> None:
    lines, at = [], RATE
    for gap, length in gaps:
        at += gap + RATE // 5
        lines.append(Line("text", "somebody", at, at + length))
        at += length
    frame_rate = Fraction(rate)
    total = int(at / RATE * frame_rate) + 1
    captions = display(lines, frame_rate, total, np.random.default_rng(seed))
    one_frame_ms = 1000 / frame_rate
    for line, caption in zip(lines, captions, strict=True):
        early_ms = 1000 * line.start / RATE - frame_ms(caption.first, frame_rate)
        late_ms = frame_ms(caption.end, frame_rate) - 1000 * line.end / RATE
        assert -one_frame_ms - 1 <= early_ms <= 126
        assert late_ms <= 501 + one_frame_ms
        assert caption.first < caption.end
    for one, other in pairwise(captions):
        assert one.end <= max(other.first, one.first + 1)


@given(st.lists(st.text("abcdefg", min_size=1, max_size=12), min_size=1, max_size=12))
@settings(deadline=None, max_examples=30)
def test_layout_keeps_every_word_in_order(words: list[str]) -> None:
    assert " ".join(layout(" ".join(words), Style(), 640, 360)).split() == words


def test_long_captions_are_broken_into_lines_that_fit() -> None:
    lines = layout("every strange farmer carried another heavy mountain yesterday", Style(), 640, 360)
    assert len(lines) == 2
    layer = paint_text(lines, Style(), 640, 360)
    assert layer.left >= 0
    assert layer.left + layer.colour.shape[1] <= 640
    with pytest.raises(InputError, match="does not fit"):
        paint_text(["w" * 200], Style(), 640, 360)
    with pytest.raises(InputError, match="not a font"):
        layout("text", Style(font=Path("nowhere.ttf")), 640, 360)


def test_lines_of_all_captions_stand_at_one_height() -> None:
    without, with_descender = (paint_text([text], Style(), 640, 360) for text in ("nose", "gypsy"))
    assert (without.top, without.colour.shape[0]) == (with_descender.top, with_descender.colour.shape[0])


def test_a_caption_is_in_exactly_its_frames_and_the_picture_moves() -> None:
    def scene(*captions: Caption) -> Scene:
        return Scene(320, 180, Fraction(25), 12, Background(seed=4), Style(), captions)

    bare = [frame.copy() for frame in render(scene())]
    shown = [frame.copy() for frame in render(scene(Caption("hello there", 3, 5), Caption("well", 5, 9)))]
    assert [number for number in range(12) if not np.array_equal(bare[number], shown[number])] == [3, 4, 5, 6, 7, 8]
    assert all(frame.shape == (180, 320, 3) and frame.dtype == np.uint8 for frame in shown)
    assert all(np.mean(one != other) > 0.2 for one, other in pairwise(bare))


def test_an_outline_never_covers_the_letters_of_another_line() -> None:
    one, two = (paint_text(lines, Style(outline_width=0.02), 640, 360) for lines in (["HILL"], ["HILL", "HILL"]))
    white = [int(np.count_nonzero(np.all(layer.colour == 255, axis=2))) for layer in (one, two)]
    assert white[1] == 2 * white[0] > 0


def test_a_text_stands_where_its_style_says_and_is_dressed_as_it_says() -> None:
    def layer(**style: object) -> tuple[int, int]:
        painted = paint_text(["well"], Style(**style), 640, 360)  # type: ignore[arg-type]
        return painted.left, painted.top

    assert layer(place="top")[1] < 40 < 300 < layer()[1]
    assert layer(place="left")[0] < 40 < 250 < layer()[0]
    boxed = paint_text(["well"], Style(box=(9, 9, 9), box_opacity=0.5), 640, 360)
    assert boxed.opacity.min() == 128
    assert tuple(boxed.colour[0, 0]) == (9, 9, 9)


@given(
    st.lists(st.sampled_from(["well", "garden", "another", "I"]), min_size=1, max_size=12),
    st.sampled_from(["left", "bottom", "top"]),
    st.sampled_from([(360, 640), (640, 360)]),
    st.floats(0.05, 0.13),
)
@settings(deadline=None, max_examples=40)
def test_no_text_reaches_out_of_the_picture(words: list[str], place: str, size: tuple[int, int], margin: float) -> None:
    style = Style(place=place, margin=margin, size=0.04, outline_width=0.004, box=(0, 0, 0))  # type: ignore[arg-type]
    layer = paint_text(layout(" ".join(words), style, *size)[:2], style, *size)
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    layer.lay_over(frame)
    assert frame.any()


def test_chinese_is_broken_anywhere_and_two_languages_where_they_meet() -> None:
    style = Style(font=CJK)
    pytest.importorskip("cv2", minversion="5.0")
    lines = layout("今天我们在公园里看见了一只白色的鸟今天我们在公园里", style, 320, 180)
    assert len(lines) == 2
    assert layout("你好\nhello there", style, 320, 180) == ["你好", "hello there"]
    assert np.count_nonzero(paint_text(["今天"], style, 640, 360).opacity > 200) > 100


def test_fading_captions_are_at_half_strength_at_their_boundaries() -> None:
    def shown(style: Style, *captions: Caption) -> list[np.ndarray]:
        scene = Scene(320, 180, Fraction(25), 40, Background(seed=4, grain=0), style, captions)
        return [frame.copy().astype(int) for frame in render(scene)]

    style = Style(fade_s=0.4)
    bare, fading = shown(style), shown(style, Caption("hello there", 15, 25))
    strength = np.array([np.abs(one - other).sum() for one, other in zip(bare, fading, strict=True)], float)
    strength /= strength.max()
    assert np.flatnonzero(strength > 0.5).tolist() == list(range(15, 25))
    assert 0 < strength[12] < strength[14] < 0.55


def test_signs_are_shown_in_their_frames_and_sung_letters_change_colour() -> None:
    def shown(style: Style, captions: tuple[Caption, ...] = (), signs: tuple[Sign, ...] = ()) -> list[np.ndarray]:
        scene = Scene(320, 180, Fraction(10), 12, Background(seed=4, grain=0), style, captions, signs=signs)
        return [frame.copy() for frame in render(scene)]

    bare = shown(Style())
    title = shown(Style(), signs=(Sign("title", "PART TWO", 3, 6),))
    assert [n for n in range(12) if not np.array_equal(bare[n], title[n])] == [3, 4, 5]
    ticker = shown(Style(), signs=(Sign("ticker", "rain in the north", 0, 12),))
    assert all(np.array_equal(one[:150], other[:150]) for one, other in zip(bare, ticker, strict=True))
    assert not np.array_equal(ticker[9][170:], ticker[11][170:])
    clock = shown(Style(), signs=(Sign("clock", "", 0, 12),))
    assert np.abs(clock[9].astype(int) - bare[9]).sum() != np.abs(clock[10].astype(int) - bare[10]).sum()
    sung = shown(Style(sung=(255, 0, 0)), (Caption("la la la la", 0, 12),))
    red = [int(np.count_nonzero((np.abs(frame.astype(int) - (255, 0, 0)) < 4).all(axis=2))) for frame in sung]
    assert red[0] == 0
    assert red[2] < red[6] < red[11]


def test_a_variable_frame_rate_and_a_late_start_keep_the_truth_true(tmp_path: Path) -> None:
    captions = (Caption("HERE", 55, 70), Caption("AND HERE", 97, 113))
    scene = Scene(320, 180, Fraction(25), 150, Background(seed=4, light=0.9, movers=0), Style(), captions)
    encoding = Encoding(variable=True, start_s=2.5)
    write_video(tmp_path / "video.mkv", scene, np.zeros(6 * RATE, np.float32), RATE, encoding)
    assert probe(tmp_path / "video.mkv").start_ms == pytest.approx(2500, abs=30)
    dark = {ms: (picture[130:170].min(axis=2) < 40).mean() for ms, picture in frames(tmp_path / "video.mkv", 25)}
    shown = sorted(ms for ms, share in dark.items() if share > 0.005)
    first = [next(n for n in range(caption.first, 150) if is_kept(n)) for caption in captions]
    end = [next(n for n in range(caption.end, 150) if is_kept(n)) for caption in captions]
    expected = [40 * n for one, other in zip(first, end, strict=True) for n in range(one, other)]
    assert shown == expected


def test_varied_films_come_in_every_kind_and_depend_on_the_seed_alone() -> None:
    films = list(varied_films(12, 4, seed=3))
    assert films == list(varied_films(12, 4, seed=3))
    assert films[:5] == list(varied_films(5, 4, seed=3)), "more films change none of those before"
    assert [each.film for each in films] != [each.film for each in varied_films(12, 4, seed=4)]
    for name, kinds in [("language", 3), ("dress", 4), ("sign", 6), ("scenery", 5), ("gap", 3), ("place", 3)]:
        assert len({each.conditions[name] for each in films}) == kinds
    assert {each.film.captioned for each in films} == {True, False}
    assert all(len(each.film.texts) == 4 for each in films)


def test_a_varied_film_without_subtitles_has_none_in_its_truth(tmp_path: Path) -> None:
    films = list(VariedFactory(videos=3, sentences=2, tallest=240).supply(tmp_path, seed=2))
    for path, varied in zip(films, varied_films(3, 2, 2, 240), strict=True):
        truth = read_truth(path)
        assert bool(truth.cues) == varied.film.captioned
        assert len(truth.speech) == 2
        assert probe(path).height <= 240


def test_the_sound_track_says_where_speech_is() -> None:
    samples, lines = record(["the dog waited", "she sang"], [speech.speaker(1)], np.random.default_rng(1), snr_db=30)
    assert [line.text for line in lines] == ["the dog waited", "she sang"]
    quiet = np.concatenate([samples[: lines[0].start], samples[lines[0].end + 800 : lines[1].start]])
    spoken = np.concatenate([samples[line.start : line.end] for line in lines])
    assert np.sqrt(np.mean(spoken**2)) > 10 * np.sqrt(np.mean(quiet**2))
    music, _ = record(["the dog waited"], [speech.speaker(1)], np.random.default_rng(1), snr_db=30, music_db=10)
    assert np.std(music[:8000]) > 3 * np.std(samples[:8000])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two videos: the first with an .srt beside it, the second with burned-in subtitles."""
    return list(Factory(videos=2, sentences=3, logo=1.0).supply(tmp_path_factory.mktemp("videos"), seed=7))


def test_videos_come_with_subtitles_of_either_kind_and_their_truth(made: list[Path]) -> None:
    with_file, burned_in = made
    assert [path.name for path in made] == ["video-000.mp4", "video-001.mp4"]
    assert not read_truth(with_file).burned_in
    assert read_truth(burned_in).burned_in
    assert not burned_in.with_suffix(".srt").exists()
    subtitles = pysubs2.load(str(with_file.with_suffix(".srt")))
    cues = read_truth(with_file).cues
    assert [(each.start, each.end, each.text) for each in subtitles] == [
        (cue.start_ms, cue.end_ms, cue.text) for cue in cues
    ]
    texts = [line.text for path in made for line in read_truth(path).speech]
    assert texts == list(islice(sentences("videos", 7), 6))


def test_video_and_truth_agree_on_sound(made: list[Path]) -> None:
    for path in made:
        truth = read_truth(path)
        info = probe(path)
        assert (info.width, info.height, info.start_ms) == (640, 360, 0)
        assert info.duration_ms == pytest.approx(1000 * truth.frames / Fraction(truth.frame_rate), abs=80)
        heard = np.concatenate(list(audio_blocks(path, RATE))).astype(np.float64)
        assert len(heard) == pytest.approx(truth.num_samples, abs=2048)
        # The track, made once more, lies under the sound of the file to the sample: AAC's delay is gone.
        recipe = truth.recipe
        who = [speech.speaker(number) for number in recipe["speakers"]]
        rng = np.random.default_rng([recipe["seed"], 0xF117])
        track, lines = record(recipe["texts"], who, rng, recipe["snr_db"], recipe["music_db"])
        assert tuple(lines) == truth.speech
        start, length = lines[0].start, lines[-1].end - lines[0].start
        likeness = [
            heard[start + lag : start + lag + length] @ track[start : start + length] for lag in range(-99, 100)
        ]
        assert abs(int(np.argmax(likeness)) - 99) <= 1


def test_video_and_truth_agree_on_pictures(made: list[Path]) -> None:
    truth = read_truth(made[1])
    rate = Fraction(truth.frame_rate)
    white = {}
    for time_ms, frame in frames(made[1], float(rate)):
        band = frame[300:345, 100:540]
        white[time_ms] = np.mean(np.all(band > 225, axis=2))
    for cue in truth.cues:
        inside = [share for time, share in white.items() if cue.start_ms <= time < cue.end_ms]
        assert len(inside) == round((cue.end_ms - cue.start_ms) * rate / 1000)
    shown = [time for time in white if any(cue.start_ms <= time < cue.end_ms for cue in truth.cues)]
    bare = [time for time in white if time not in shown]
    assert min(white[time] for time in shown) > 1.5 * max(white[time] for time in bare)


def test_making_videos_again_changes_nothing_and_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    factory = Factory(videos=2, sentences=1, burned_in=0.0, frame_rate="5")
    first, second = factory.supply(tmp_path, seed=1)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (first, second)}
    recipe = read_truth(second).recipe  # as if killed before the second was whole
    truth_path(second).unlink()
    truth_path(second).with_suffix(".begun").write_text(json.dumps(recipe))
    second.write_bytes(b"half")
    assert list(factory.supply(tmp_path, seed=1)) == [first, second]
    assert first.stat().st_mtime_ns == before[first][1]
    assert second.read_bytes() == before[second][0], "equal options give equal bytes"
    assert [path.name for path in truth_path(first).parent.iterdir() if path.suffix == ".begun"] == []
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


SMALL_FACTORY = Factory(videos=1, sentences=1, burned_in=0.0, frame_rate="5", width=64, height=64)


@pytest.mark.parametrize(
    ("supplier", "name"),
    [
        (SMALL_FACTORY, "video-000.mp4"),
        (SMALL_FACTORY, "video-000.srt"),
        (VariedFactory(videos=1, sentences=1, tallest=240), next(varied_films(1, 1, 1)).name),
    ],
)
def test_files_that_the_factory_did_not_make_stay(supplier: Factory | VariedFactory, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"my own")
    with pytest.raises(InputError, match=rf"{name}: is there already and was not made by this command; name a new"):
        list(supplier.supply(tmp_path, seed=1))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"my own"]


def test_videos_of_another_seed_or_other_options_stay(tmp_path: Path) -> None:
    (video,) = SMALL_FACTORY.supply(tmp_path, seed=1)
    before = video.read_bytes()
    for factory, seed in ((SMALL_FACTORY, 2), (replace(SMALL_FACTORY, width=96), 1)):
        with pytest.raises(InputError, match="and was made with another seed, other options or another version; name"):
            list(factory.supply(tmp_path, seed=seed))
    assert video.read_bytes() == before


def test_a_video_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    scene = Scene(64, 64, Fraction(5), 5, Background(seed=1))
    with pytest.raises(StageError, match=r"ffmpeg failed \(\d+\): .*No such file") as error:
        write_video(tmp_path / "no_such_folder" / "video.mp4", scene, np.zeros(RATE, np.float32), RATE)
    assert "\n" not in str(error.value)


def test_truth_of_something_else_is_an_input_error(tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    with pytest.raises(InputError, match="no such file"):
        read_truth(video)
    truth_path(video).parent.mkdir()
    truth_path(video).write_text("{}")
    with pytest.raises(InputError, match="not the truth"):
        read_truth(video)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Factory(burned_in=1.5),
        lambda: Factory(frame_rate="0"),
        lambda: Factory(width=639),
        lambda: Factory(sentences=0),
        lambda: Factory(videos=0),
        lambda: VariedFactory(videos=0),
    ],
)
def test_the_factory_refuses_senseless_options(make: Callable[[], Factory | VariedFactory]) -> None:
    with pytest.raises(InputError, match="expected"):
        make()


def test_the_same_line_twice_has_a_frame_without_between() -> None:
    lines = [Line("Again?", "somebody", RATE, 2 * RATE), Line("Again?", "somebody", 2 * RATE + 10, 3 * RATE)]
    for gap in ("pause", "touching", "one frame"):
        one, other = display(lines, Fraction(25), 100, np.random.default_rng(1), gap)  # type: ignore[arg-type]
        assert one.end == other.first - 1
