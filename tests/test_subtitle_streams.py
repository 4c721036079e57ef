"""Promises of the `subtitle_stream` extractor: subtitles within a media file, in the language that is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ipl_extractors.evidence import READINGS_FILE
from ipl_extractors.ocr import RapidOcr
from ipl_extractors.subtitle_streams import SubtitleStreams, choose_stream

import ipl
from ipl.mining.media import ffmpeg_path, probe
from ipl.mining.probe import SubtitleStream, read_streams
from ipl.mining.subtitle_streams import stream_pictures
from ipl.records import Cue, CueReading, Reading, Reject
from ipl.schemas import READINGS
from ipl.tables import Table

sys.path.insert(0, str(Path(__file__).parent))
from helpers_pgs import SCREEN, sup

SRT = "1\n00:00:01,000 --> 00:00:02,500\n{}\n\n2\n00:00:03,000 --> 00:00:04,000\n{}\n"


def film(path: Path, streams: dict[str, tuple[str, str]], codec: str, *flags: str) -> Path:
    """A film of 5 s with a stream of subtitles for each language."""
    command = [ffmpeg_path(), "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=5"]
    command += ["-f", "lavfi", "-i", "sine=d=5"]
    for language, texts in streams.items():
        file = path.with_name(f"{language}.subs")
        file.write_text(SRT.format(*texts), encoding="utf-8")
        command += ["-f", "srt", "-i", str(file)]
    command += [part for number in range(len(streams) + 2) for part in ("-map", str(number))]
    for number, language in enumerate(streams):
        command += [f"-metadata:s:s:{number}", f"language={language}"]
    subprocess.run([*command, "-c:s", codec, *flags, str(path)], check=True)
    return path


def cues(path: Path, language: str | None = None) -> list[Cue | Reject]:
    return list(SubtitleStreams().extract_cues(probe(path), language, nothing_to_read, path.parent / "work"))


def nothing_to_read(pictures: object, lines: object) -> list[list[Reading]]:
    raise AssertionError("text is read as it is")


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "subrip"), ("a.mkv", "ass"), ("a.mkv", "webvtt"), ("a.mp4", "mov_text")]
)
def test_times_and_text_in_every_container(tmp_path: Path, name: str, codec: str) -> None:
    path = film(tmp_path / name, {"eng": ("<i>Who</i> is\nthere?", "Nobody, it’s me.")}, codec)
    first, second = cues(path)
    assert (first.start_ms, first.end_ms, first.text) == (1000, 2500, "Who is there?")
    assert (second.start_ms, second.end_ms, second.text) == (3000, 4000, "Nobody, it’s me.")
    assert first.track == "subtitle-stream:2"


def test_times_count_from_the_start_of_the_container(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", {"eng": ("One", "Two")}, "subrip")
    late = tmp_path / "late.mkv"
    shift = [ffmpeg_path(), "-v", "error", "-i", str(path), "-map", "0", "-c", "copy", "-output_ts_offset", "60"]
    subprocess.run([*shift, str(late)], check=True)
    assert probe(late).start_ms == 60_000
    assert [each.start_ms for each in cues(late)] == [1000, 3000]


def test_the_asked_language_is_read_and_no_other(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", {"eng": ("One", "Two"), "ger": ("Eins", "Zwei")}, "subrip")
    assert [each.text for each in cues(path)] == ["One", "Two"]
    assert [each.text for each in cues(path, "de")] == ["Eins", "Zwei"]
    assert cues(path, "fr") == []


def test_a_translation_of_what_is_said_is_left_alone(tmp_path: Path) -> None:
    texts = {"eng": ("One", "Two"), "ger": ("Eins", "Zwei")}
    path = film(tmp_path / "a.mkv", texts, "subrip", "-metadata:s:a:0", "language=deu")
    assert [each.text for each in cues(path)] == ["Eins", "Zwei"]
    assert [each.text for each in cues(path, "en")] == ["One", "Two"], "that is what was asked for"
    other = film(tmp_path / "b.mkv", texts, "subrip", "-metadata:s:a:0", "language=jpn")
    assert cues(other) == []


def stream(index: int, language: str | None = None, codec: str = "subrip", **flags: bool) -> SubtitleStream:
    return SubtitleStream(index, codec, language, flags.get("default", False), flags.get("forced", False))


@pytest.mark.parametrize(
    ("streams", "language", "index"),
    [
        ([stream(2, "eng", forced=True), stream(3, "eng")], "en", 3),
        ([stream(2), stream(3, "fre")], "fr", 3),
        ([stream(2), stream(3, "fre")], "de", 2),
        ([stream(2, "eng"), stream(3, "fre", default=True)], None, 3),
        ([stream(2, "eng", "hdmv_pgs_subtitle", default=True), stream(3, "eng")], "en", 3),
        ([stream(2, "eng", "dvb_subtitle"), stream(3, "eng", forced=True)], "en", 2),
        ([stream(2, "fre"), stream(3, "eng", "dvb_subtitle", default=True)], None, 3),
        ([stream(2, "eng", "eia_608")], "en", None),
        ([], None, None),
    ],
)
def test_which_stream_is_read(streams: list[SubtitleStream], language: str | None, index: int | None) -> None:
    chosen = choose_stream(streams, language)
    assert (chosen and chosen.index) == index


def test_a_file_says_what_its_streams_are(tmp_path: Path) -> None:
    flags = ("-disposition:s:0", "forced", "-disposition:s:1", "default")
    path = film(tmp_path / "a.mkv", {"eng": ("One", "Two"), "und": ("Eins", "Zwei")}, "subrip", *flags)
    first, second = read_streams(path).subtitles
    assert first == SubtitleStream(2, "subrip", "eng", is_default=False, is_forced=True)
    assert second == SubtitleStream(3, "subrip", None, is_default=True, is_forced=False)


def test_a_file_cut_short_gives_what_it_has(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", {"eng": ("One", "Two")}, "subrip")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    told = [each for each in cues(cut) if isinstance(each, Cue)]
    assert [each.text for each in told][:1] == ["One"]


def test_mining_takes_them_before_it_looks_for_burned_in_ones(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", {"eng": ("One two three", "Four five six")}, "subrip")
    result = ipl.mine(path, out=tmp_path / "mined", language="en")
    assert result.summary["num_cues"] == 2
    assert result.summary["detector_calls"] == 0


SHOWN = [(1000, 2500, "Who is there?"), (3000, 4000, "Nobody,\nit is me."), (4000, 4600, "No!")]


def film_with_pictures(path: Path, fade: Sequence[int] = ()) -> Path:
    file = path.with_suffix(".sup")
    file.write_bytes(sup(SHOWN, fade))
    command = [ffmpeg_path(), "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=5"]
    command += ["-f", "lavfi", "-i", "sine=d=5", "-copyts", "-i", str(file), "-map", "0", "-map", "1", "-map", "2"]
    subprocess.run([*command, "-c:s", "copy", str(path)], check=True)
    return path


def test_pictures_are_read(tmp_path: Path) -> None:
    path = film_with_pictures(tmp_path / "a.mkv")
    found = list(SubtitleStreams().extract_cues(probe(path), None, RapidOcr().read_text, tmp_path / "work"))
    assert [(each.start_ms, each.end_ms, each.text) for each in found] == [
        (start_ms, end_ms, text.replace("\n", " ")) for start_ms, end_ms, text in SHOWN
    ]
    rows = list(Table(tmp_path / "work" / READINGS_FILE, READINGS, CueReading))
    assert [(row.start_ms, row.text) for row in rows] == [(each.start_ms, each.text) for each in found]
    assert all((tmp_path / "work" / row.crop).is_file() for row in rows)


def test_pictures_and_times_of_a_stream(tmp_path: Path) -> None:
    path = film_with_pictures(tmp_path / "a.mkv")
    (stream,) = read_streams(path).subtitles
    assert (stream.codec, stream.size) == ("hdmv_pgs_subtitle", SCREEN)
    damage: list[str] = []
    shown = list(stream_pictures(path, stream, damage.append))
    assert [(each.start_ms, each.end_ms) for each in shown] == [(start, end) for start, end, _ in SHOWN]
    assert all(each.picture.shape == SCREEN[::-1] and each.picture.max() > 200 for each in shown)
    assert not damage


def test_times_of_pictures_count_from_the_start_of_a_broadcast(tmp_path: Path) -> None:
    path = film_with_pictures(tmp_path / "a.m2ts")
    assert probe(path).start_ms > 1000
    (stream,) = read_streams(path).subtitles
    shown = [(each.start_ms, each.end_ms) for each in stream_pictures(path, stream, print)]
    assert np.allclose(shown, [(start, end) for start, end, _ in SHOWN], atol=60)  # the sound begins a little earlier


def test_pictures_of_a_dvd_are_read(tmp_path: Path) -> None:
    path = tmp_path / "dvd.mkv"
    command = [ffmpeg_path(), "-v", "error", "-i", str(film_with_pictures(tmp_path / "a.mkv")), "-map", "0"]
    subprocess.run([*command, "-c:v", "copy", "-c:a", "copy", "-c:s", "dvdsub", str(path)], check=True)
    found = list(SubtitleStreams().extract_cues(probe(path), None, RapidOcr().read_text, tmp_path / "work"))
    # ffmpeg does not write when they end.
    assert [(each.start_ms, each.text) for each in found] == [
        (start_ms, text.replace("\n", " ")) for start_ms, _, text in SHOWN
    ]


def test_a_text_that_fades_is_one_cue(tmp_path: Path) -> None:
    path = film_with_pictures(tmp_path / "a.mkv", fade=(60, 120, 180))
    (stream,) = read_streams(path).subtitles
    assert len(list(stream_pictures(path, stream, print))) == 4 * len(SHOWN)
    found = list(SubtitleStreams().extract_cues(probe(path), None, RapidOcr().read_text, tmp_path / "work"))
    assert [(each.start_ms, each.end_ms) for each in found] == [(start, end) for start, end, _ in SHOWN]


def test_pictures_that_are_no_text_are_no_cues(tmp_path: Path) -> None:
    path = film_with_pictures(tmp_path / "a.mkv")

    def unsure(pictures: Sequence[np.ndarray], lines: bool | None) -> list[list[Reading]]:
        return [[Reading("l1I|" if lines else "", 0.4, (0, 0, 9, 9))] for _ in pictures]

    assert list(SubtitleStreams().extract_cues(probe(path), None, unsure, tmp_path / "work")) == []


def test_a_stream_with_nothing_in_it_has_no_cues(tmp_path: Path) -> None:
    header = tmp_path / "empty.ass"
    fields = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
    header.write_text(f"[Script Info]\n\n[Events]\nFormat: {fields}\n")
    path = tmp_path / "a.mkv"
    command = [ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-i", str(header)]
    subprocess.run([*command, "-map", "0", "-map", "1", "-c:s", "ass", str(path)], check=True)
    assert len(read_streams(path).subtitles) == 1
    assert cues(path) == []
