"""Promises of the `subtitle_file` extractor: which file, which encoding, which words, which times."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipl_extractors.rolling import unrolled
from ipl_extractors.subtitle_files import SubtitleFile, find_subtitle_file, read_cues
from ipl_extractors.subtitle_text import spoken_text

from ipl.errors import MediaError
from ipl.records import Cue, MediaInfo, Reject, Span

SRT = "1\n00:00:01,000 --> 00:00:02,500\n{}\n\n2\n00:00:03,000 --> 00:00:04,000\n{}\n"


def media(folder: Path, frame_rate: float = 25.0) -> MediaInfo:
    return MediaInfo(folder / "talk.mp4", 10_000, 0, has_audio=True, has_video=True, frame_rate=frame_rate)


def cues_of(folder: Path, name: str, content: str | bytes) -> list[Cue | Reject]:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_cues(file, media(folder))


def texts(cues: list[Cue | Reject]) -> list[str | None]:
    return [cue.text for cue in cues]


def test_times_text_and_track(tmp_path: Path) -> None:
    first, second = cues_of(tmp_path, "talk.srt", SRT.format("<i>Hello</i>\nthere.", "Good &amp; bye {\\an8}now."))
    assert (first.start_ms, first.end_ms, first.text) == (1000, 2500, "Hello there.")
    assert (second.start_ms, second.end_ms, second.text) == (3000, 4000, "Good & bye now.")
    assert first.track == "subtitle-file:talk.srt"


def youtube(lines: Sequence[str]) -> str:
    """Automatic captions of two seconds a line: each word with its time, and the line before above it."""
    blocks, before = ["WEBVTT\nKind: captions\nLanguage: en"], " "
    for number, line in enumerate(lines):
        first, *others = line.split()
        words = first + "".join(
            f"<00:00:{2 * number + 1:02d}.{100 + n}><c> {word}</c>" for n, word in enumerate(others)
        )
        start, end = (f"00:00:{second:02d}" for second in (2 * number, 2 * number + 1))
        blocks.append(f"{start}.160 --> {end}.990 align:start position:0%\n{before}\n{words}")
        blocks.append(f"{end}.990 --> 00:00:{2 * number + 2:02d}.160 align:start position:0%\n{line}\n ")
        before = line
    return "\n\n".join(blocks) + "\n"


def test_what_youtube_shows_again_is_said_once(tmp_path: Path) -> None:
    lines = ["hello and welcome", "to the show", "today", "we look at", "[Music]", "birds and trees", "bye"]
    cues = cues_of(tmp_path, "talk.en.vtt", youtube(lines))
    spoken = [line for line in lines if line != "[Music]"]
    assert texts(cues) == spoken
    assert [cue.start_ms for cue in cues] == [160 + 2000 * lines.index(line) for line in spoken]
    assert cues[0].end_ms == cues[1].start_ms


LINES = st.lists(st.lists(st.sampled_from(["one", "two", "ten"]), min_size=2, max_size=4), min_size=5, max_size=9)


def one_after_the_other(number: int, length_ms: int = 1000) -> list[Span]:
    return [Span(1000 * n, 1000 * n + length_ms) for n in range(number)]


@given(LINES)
def test_lines_that_roll_up_come_out_as_they_came(lines: list[list[str]]) -> None:
    said = [f"{number} {' '.join(words)}" for number, words in enumerate(lines)]
    spans = one_after_the_other(len(said))
    shown = [said[0], *("\n".join(pair) for pair in pairwise(said))]
    assert [(each.span, each.text) for each in unrolled(spans, shown)] == list(zip(spans, said, strict=True))
    rows = one_after_the_other(len(said), 2000)
    assert [each.text for each in unrolled(rows, said)] == said
    assert all(one.span.end_ms == other.span.start_ms for one, other in pairwise(unrolled(rows, said)))


@given(LINES)
def test_lines_that_take_turns_come_out_as_they_came(lines: list[list[str]]) -> None:
    said = [f"{number} {' '.join(words)}" for number, words in enumerate(lines)]
    shown = [said[0], *("\n".join(pair[:: 1 if number % 2 else -1]) for number, pair in enumerate(pairwise(said)))]
    spans = one_after_the_other(len(said))
    assert [(each.span, each.text) for each in unrolled(spans, shown)] == list(zip(spans, said, strict=True))


@given(LINES, st.booleans())
def test_what_is_really_said_again_stays(lines: list[list[str]], are_apart: bool) -> None:
    said = [" ".join(words) + "." for words in lines]
    said = [each for each in said for _ in range(2)]
    spans = one_after_the_other(len(said), 500 if are_apart else 1000)
    assert [(each.span, each.text) for each in unrolled(spans, said)] == list(zip(spans, said, strict=True))


@pytest.mark.parametrize(
    "spans",
    [
        [Span(0, 3000), Span(200, 3000), Span(3000, 6000), Span(3200, 6000), Span(6000, 9000), Span(6200, 9000)],
        [Span(0, 30000), Span(200, 4000), Span(3500, 8000), Span(7500, 12000), Span(11000, 15000)],
        [Span(0, 4000), *(Span(300 * n, 300 * n + 900) for n in range(1, 8))],
    ],
)
def test_texts_that_are_displayed_together_keep_their_times(spans: list[Span]) -> None:
    texts_ = [f"Number {number}" for number in range(len(spans))]
    assert [each.span for each in unrolled(spans, texts_)] == spans


def test_readings_that_differ_in_a_letter_are_the_same_and_other_words_are_not() -> None:
    spans = one_after_the_other(4)
    shown = [
        "that we started",
        "that we staried\nto look for it",
        "to lock for it\nall over again",
        "all aver again\nand",
    ]
    assert [each.text for each in unrolled(spans, shown, 75)][1:] == ["to look for it", "all over again", "and"]
    for counted in (["You can go", "You can't go"], ["10 seconds to go", "1 seconds to go"]):
        texts_ = [*counted, *counted]
        assert [each.text for each in unrolled(spans, texts_, 75)] == texts_


def test_a_note_that_is_not_closed_takes_no_other_words_shown_with_it(tmp_path: Path) -> None:
    content = "1\n00:00:01,000 --> 00:00:03,000\n♪ Somewhere\n\n2\n00:00:01,000 --> 00:00:03,000\nCome with me.\n"
    assert texts(cues_of(tmp_path, "talk.srt", content)) == ["Come with me."]


def test_a_cue_behind_lines_of_blanks_is_read(tmp_path: Path) -> None:
    content = "WEBVTT\n\n1\n00:01.000 --> 00:02.000\nOne.\n\n \n3\n00:03.000 --> 00:04.000\nTwo.\n"
    assert texts(cues_of(tmp_path, "talk.vtt", content)) == ["One.", "Two."]


@pytest.mark.parametrize(
    ("encoding", "first", "second"),
    [
        ("utf-8", "Ünïcode", "日本語"),
        ("utf-8-sig", "Ünïcode", "日本語"),
        ("utf-16", "Ünïcode", "日本語"),
        ("utf-16-le", "No mark here", "but it is plain"),
        ("utf-16-be", "No mark here", "but it is plain"),
        ("utf-32", "Ünïcode", "日本語"),
        ("gbk", "今天天气很好，我们一起去公园散步吧。", "好的，我马上就来，请等我一下。"),
        ("latin-1", "C'était déjà l'été, à la fenêtre.", "Où êtes-vous allés après le dîner ?"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, first: str, second: str) -> None:
    assert texts(cues_of(tmp_path, "talk.srt", SRT.format(first, second).encode(encoding))) == [first, second]


def test_the_language_tells_code_pages_apart(tmp_path: Path) -> None:
    lines = ["Dzień dobry, jak się masz?", "Wszystko w porządku, dziękuję."]
    (tmp_path / "talk.srt").write_bytes(SRT.format(*lines).encode("cp1250"))
    assert texts(list(SubtitleFile().extract_cues(media(tmp_path), "pl"))) == lines


def test_a_stated_encoding_is_obeyed(tmp_path: Path) -> None:
    (tmp_path / "talk.srt").write_bytes(SRT.format("да", "нет").encode("cp1251"))
    extractor = SubtitleFile(encoding="cp1251")
    assert texts(list(extractor.extract_cues(media(tmp_path), None))) == ["да", "нет"]
    with pytest.raises(MediaError, match=r"talk\.srt: unknown encoding 'klingon'"):
        list(SubtitleFile(encoding="klingon").extract_cues(media(tmp_path), None))


def test_webvtt_names_notes_styles_and_times_in_words_stay_out(tmp_path: Path) -> None:
    content = (
        "WEBVTT - a title\n\nSTYLE\n::cue { color: red }\n\n"
        "intro\n00:01.000 --> 00:02.000 line:0\n<v Ann>One <00:01.500><c>two</c>\n\n"
        "NOTE not to be read\nnor this\n\nlast one\n01:00:03.000 --> 01:00:04.000\nCounting:\n3\n"
    )
    first, second = cues_of(tmp_path, "talk.vtt", content)
    assert (first.start_ms, first.text) == (1000, "One two")
    assert (second.start_ms, second.text) == (3_603_000, "Counting: 3")


def test_ass_comments_and_drawings_stay_out(tmp_path: Path) -> None:
    content = (
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\i1}later{\\i0}\\Non\n"
        "Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,a remark\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}\n"
        "Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,sooner\n"
    )
    assert texts(cues_of(tmp_path, "talk.ass", content)) == ["sooner", "later on"]


def test_microdvd_counts_frames_of_the_video(tmp_path: Path) -> None:
    (cue,) = cues_of(tmp_path, "talk.sub", "{25}{50}{y:i}one|two\n")
    assert (cue.start_ms, cue.end_ms, cue.text) == (1000, 2000, "one two")


def test_lines_shown_at_one_time_are_one_cue(tmp_path: Path) -> None:
    content = SRT.format("above", "later") + "\n3\n00:00:01,000 --> 00:00:02,500\nbelow\n"
    assert texts(cues_of(tmp_path, "talk.srt", content)) == ["above below", "later"]


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("[MUSIC]", ""),
        ("(laughs) Yes.", "Yes."),
        ("♪ La la\nla ♪", ""),
        ("♪ La la la", ""),
        ("MARY ANN: No.\nDR. WHO: Maybe.", "No. Maybe."),
        ("- Who?\n- Me.", "Who? Me."),
        ("...", ""),
        ("At 12:30, Note: fine.", "At 12:30, Note: fine."),
    ],
)
def test_only_what_is_spoken_is_kept(written: str, spoken: str) -> None:
    assert spoken_text(written) == spoken


def test_sounds_are_kept_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "talk.srt").write_text(SRT.format("[MUSIC]", "♪ la ♪"), encoding="utf-8")
    assert texts(list(SubtitleFile(sounds=True).extract_cues(media(tmp_path), None))) == ["[MUSIC]", "♪ la ♪"]
    assert list(SubtitleFile().extract_cues(media(tmp_path), None)) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty subtitle file"),
        (b"\xef\xbb\xbf \n\n", "empty subtitle file"),
        (b"just some words\nand more of them\n", "no subtitle format that is known"),
        (b"WEBVTT\n\n", "without any cue"),
        (b"\x00\x00\x01\xba\x44\x00\x04", "VobSub"),
        (bytes(range(256)) * 4, "not text"),
        (b"\xff\xfe1\x00\n\x00\x00\xd8", "is no utf-16"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(MediaError, match=rf"talk\.srt: .*{message}") as caught:
        cues_of(tmp_path, "talk.srt", content)
    assert "\n" not in str(caught.value)


def test_cues_with_an_unreadable_time_are_rejects_and_leave_their_neighbours_alone(tmp_path: Path) -> None:
    broken = "\n2\n00:00:0x,000 --> 00:00:04,000\nbroken\n"
    backwards = "\n3\n00:00:06,000 --> 00:00:05,000\nbackwards\n"
    text = f"1\n00:00:01,000 --> 00:00:02,000\na\n{broken}{backwards}\n4\n00:00:07,000 --> 00:00:08,000\nb\n"
    a, b, *rejects = cues_of(tmp_path, "talk.srt", text)
    assert texts([a, b]) == ["a", "b"]
    assert [(each.reason, each.text) for each in rejects if isinstance(each, Reject)] == [
        ("unreadable time", "00:00:0x,000 --> 00:00:04,000 broken"),
        ("ends before start", "backwards"),
    ]


@pytest.mark.parametrize(
    ("names", "language", "chosen"),
    [
        (["talk.srt"], None, "talk.srt"),
        (["talk.srt", "talk.en.srt"], "en", "talk.en.srt"),
        (["talk.srt", "talk.fr.srt"], "en", "talk.srt"),
        (["talk.fr.srt"], "en", None),
        (["talk.fr.srt"], None, "talk.fr.srt"),
        (["talk.eng.srt", "talk.fr.srt"], "en-GB", "talk.eng.srt"),
        (["talk.en.forced.srt", "talk.en.srt"], "en", "talk.en.srt"),
        (["talk.vtt", "talk.SRT"], None, "talk.SRT"),
        (["talk2.srt", "talk.txt", "other.srt"], None, None),
    ],
)
def test_which_file_goes_with_the_video(
    tmp_path: Path, names: list[str], language: str | None, chosen: str | None
) -> None:
    for name in names:
        (tmp_path / name).touch()
    found = find_subtitle_file(tmp_path / "talk.mp4", language)
    assert (found.name if found else None) == chosen


@given(st.text(max_size=80))
def test_spoken_text_is_one_clean_line_and_settles(text: str) -> None:
    once = spoken_text(text)
    assert once == " ".join(once.split())
    assert not set(once) & set("♪[]") or "[" in text or "]" in text
