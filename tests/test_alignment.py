"""Promises of the timeline, of text normalisation and of the aligner `voice`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipl_extractors.aligners import VoiceSnapping

from ipl.mining.text import count_letters, spoken_text
from ipl.mining.timeline import account, clip, covered_ms, gaps, intersection, length_ms, overlap_ms, union
from ipl.records import Cue, MediaInfo, Pair, Reject, Span

WHOLE = Span(0, 200)


def _spans(last_ms: int = 220) -> st.SearchStrategy[list[Span]]:
    moments = st.integers(-20, last_ms)
    return st.lists(st.builds(lambda a, b: Span(min(a, b), max(a, b)), moments, moments), max_size=12)


def _covered(spans: Sequence[Span]) -> set[int]:
    return {moment for span in spans for moment in range(span.start_ms, span.end_ms)}


@given(_spans())
def test_union_covers_the_same_time_without_touching(spans: list[Span]) -> None:
    merged = union(spans)
    assert _covered(merged) == _covered(spans)
    assert all(one.end_ms < other.start_ms for one, other in itertools.pairwise(merged))
    assert covered_ms(spans) == len(_covered(spans))


@given(_spans(), _spans())
def test_gaps_and_intersection_are_set_difference_and_set_intersection(some: list[Span], others: list[Span]) -> None:
    assert _covered(gaps(some, WHOLE)) == set(range(200)) - _covered(some)
    assert _covered(intersection(some, others)) == _covered(some) & _covered(others)


@given(_spans(), _spans())
def test_clip_stays_within_and_overlap_is_its_length(some: list[Span], others: list[Span]) -> None:
    for one, other in zip(some, others, strict=False):
        inside = clip(one, other)
        assert other.start_ms <= inside.start_ms <= inside.end_ms <= other.end_ms
        assert length_ms(inside) == overlap_ms(one, other)


@given(_spans(), _spans(), _spans(), _spans())
def test_kept_and_rejected_time_add_up_to_the_whole(
    kept: list[Span], rejected: list[Span], voiced: list[Span], shown: list[Span]
) -> None:
    pairs = [clip(span, WHOLE) for span in union(kept)]
    rejects = [
        Reject("s", each.start_ms, each.end_ms, "align", "no voice", f"text {number}")
        for number, each in enumerate(rejected)
    ]
    remainders = [
        (Reject("s", 0, 0, "mine", "beside its speech"), intersection(voiced, shown)),
        (Reject("s", 0, 0, "mine", "no cue"), voiced),
        (Reject("s", 0, 0, "mine", "silence"), []),
    ]
    rows = list(account(WHOLE, pairs, rejects, remainders))
    moments = [moment for row in (*rows, *pairs) for moment in range(row.start_ms, row.end_ms)]
    assert sorted(moments) == list(range(200))  # every millisecond, and none twice
    assert sorted(row.text for row in rows if row.text) == sorted(str(each.text) for each in rejects)  # no text lost


@pytest.mark.parametrize(
    ("displayed", "spoken"),
    [
        ("One\ntwo", "One two"),
        ("{\\an8}{\\i1}Up here{\\i0}\\Nsecond", "Up here second"),
        ("<font color='#fff'>red</font> <v Ann>Hi</v> <00:00:01.000><c>you</c>", "red Hi you"),
        ("- Yes.\n-No.\n– Maybe", "Yes. No. Maybe"),
        ("-5 degrees", "-5 degrees"),
        (">> Reporter here", "Reporter here"),
        ("♪ la la ♪", "la la"),
        ("♪♪", ""),
        ("[door slams] Who? (whispers) You", "Who? You"),
        ("（拍手）こんにちは\n世界", "こんにちは世界"),
        ("สวัสดี\nโลก", "สวัสดีโลก"),
        ("안녕\n세계", "안녕 세계"),
        ("中文\nEnglish", "中文 English"),
        ("Tom &amp; Jerry &lt;3", "Tom & Jerry <3"),
        ("3 < 5 and 7 > 5", "3 < 5 and 7 > 5"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200bb\ufeff\u202ac\u202c", "abc"),
        ("e\u0301te\u0301", "été"),
        ("  spaced\t out\u3000 ", "spaced out"),
        ("", ""),
        ("...", "..."),
    ],
)
def test_spoken_text_leaves_out_what_is_not_said(displayed: str, spoken: str) -> None:
    assert spoken_text(displayed) == spoken


@given(st.text())
def test_spoken_text_is_one_line_and_letters_are_never_made(displayed: str) -> None:
    text = spoken_text(displayed)
    assert len(text.splitlines()) <= 1
    assert text == text.strip()
    bare = spoken_text(displayed, punctuation=False)
    assert count_letters(bare) == count_letters(text) or "'" in bare


MEDIA = MediaInfo(Path("film.mp4"), 60_000, 0, has_audio=True, has_video=True)


def _cue(start_ms: int, end_ms: int, text: str = "so it was said", confidence: float | None = None) -> Cue:
    return Cue("film", start_ms, end_ms, text, "film.srt", confidence)


def _align(cues: Sequence[Cue], voice: Sequence[Span], **options: object) -> list[Pair | Reject]:
    return list(VoiceSnapping(**options).align(MEDIA, cues, voice))  # type: ignore[arg-type]


def _times(found: Sequence[Pair | Reject]) -> list[tuple[int, int]]:
    return [(each.start_ms, each.end_ms) for each in found if isinstance(each, Pair)]


def _reasons(found: Sequence[Pair | Reject]) -> list[str]:
    return sorted(each.reason for each in found if isinstance(each, Reject))


def test_display_snaps_to_the_voice_and_keeps_a_little_silence() -> None:
    (pair,) = _align([_cue(1000, 4000)], [Span(1100, 3500)])
    assert isinstance(pair, Pair)
    assert (pair.start_ms, pair.end_ms) == (1000, 3600)
    assert pair.display == Span(1000, 4000)
    assert _times(_align([_cue(1000, 4000)], [Span(1100, 3500)], padding_ms=0)) == [(1100, 3500)]


def test_speech_may_start_before_and_end_after_its_display() -> None:
    assert _times(_align([_cue(1000, 3000)], [Span(700, 3300)], padding_ms=0)) == [(700, 3300)]


def test_voice_that_goes_on_beyond_reach_is_cut_at_the_display() -> None:
    found = _align([_cue(1000, 3000)], [Span(0, 9000)])
    assert _times(found) == [(1000, 3000)]
    assert isinstance(found[0], Pair)
    assert found[0].confidence == pytest.approx(0.8**2)


def test_neighbours_are_parted_at_the_pause() -> None:
    # The first cue is still shown when the second's speech starts; the pause at 2600 to 2800 tells them apart.
    found = _align([_cue(1000, 3000), _cue(3000, 5000)], [Span(1000, 2600), Span(2800, 4800)], padding_ms=0)
    assert _times(found) == [(1000, 2600), (2800, 4800)]


def test_neighbours_without_a_pause_are_parted_where_the_second_appears() -> None:
    found = _align([_cue(1000, 3000), _cue(3000, 5000)], [Span(1000, 4800)])
    assert _times(found) == [(900, 3000), (3000, 4900)]


def test_a_first_word_of_someone_else_is_left_out() -> None:
    found = _align([_cue(1000, 3000)], [Span(1000, 2400), Span(2900, 3400)], padding_ms=0)
    assert _times(found) == [(1000, 2400)]


@pytest.mark.parametrize(
    ("cue", "voice", "reason"),
    [
        (_cue(1000, 2000), [Span(5000, 9000)], "no voice"),
        (_cue(1000, 2000), [], "no voice"),
        (_cue(70_000, 71_000), [Span(0, 60_000)], "no voice"),
        (_cue(1000, 2000), [Span(1500, 1700)], "too short"),
        (_cue(1000, 1000), [Span(500, 1700)], "too short"),
        (_cue(1000, 40_000), [Span(1000, 40_000)], "too long"),
        (_cue(1000, 2000, "many letters " * 20), [Span(1000, 2000)], "rate of characters"),
        (_cue(1000, 9000, "no"), [Span(1000, 9000)], "rate of characters"),
        (_cue(1000, 2000, "♪ ..."), [Span(1000, 2000)], "empty text"),
    ],
)
def test_rejects_say_why(cue: Cue, voice: list[Span], reason: str) -> None:
    found = _align([cue], voice)
    assert _reasons(found) == [reason]
    assert found[0].text == cue.text


def test_cues_displayed_together_are_rejected_and_doubled_ones_kept_once() -> None:
    voice = [Span(0, 20_000)]
    assert _reasons(_align([_cue(1000, 3000, "one line"), _cue(1200, 3000, "other line")], voice)) == ["overlaps"] * 2
    found = _align([_cue(1000, 3000), _cue(1000, 3000)], voice)
    assert _reasons(found) == ["doubled"]
    assert len(_times(found)) == 1


def test_confidence_falls_with_each_finding() -> None:
    voice = [Span(1000, 3000), Span(5000, 7000), Span(9000, 9600)]
    sure, unsure, barely = _align(
        [_cue(1000, 3000), _cue(5000, 7000, confidence=0.5), _cue(9000, 13_000, "hmm now")], voice, padding_ms=0
    )
    assert isinstance(sure, Pair)
    assert isinstance(unsure, Pair)
    assert isinstance(barely, Pair)
    assert sure.confidence == pytest.approx(1.0)
    assert unsure.confidence == pytest.approx(0.5)
    assert barely.confidence is not None
    assert barely.confidence < 0.3


_words = st.sampled_from(["so it was said", "and then", "♪", "no", "well well well, who is it", ""])
_cues = st.lists(
    st.builds(lambda a, length, text: _cue(a, a + length, text), st.integers(0, 61_000), st.integers(0, 4000), _words),
    max_size=15,
)
_voice = st.lists(st.builds(lambda a, b: Span(a, a + b), st.integers(0, 59_000), st.integers(1, 6000)), max_size=15)


@given(_cues, _voice, st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 300))
def test_every_cue_is_a_pair_or_a_reject_and_pairs_keep_apart(
    cues: list[Cue], voice: list[Span], early_ms: int, late_ms: int, padding_ms: int
) -> None:
    options = {"max_early_ms": early_ms, "max_late_ms": late_ms, "padding_ms": padding_ms}
    found = _align(cues, union(clip(span, Span(0, 60_000)) for span in voice), **options)
    assert len(found) == len(cues)
    pairs = [each for each in found if isinstance(each, Pair)]
    assert all(0 <= pair.start_ms < pair.end_ms <= 60_000 for pair in pairs)
    assert all(one.end_ms <= other.start_ms for one, other in itertools.pairwise(pairs))
    assert all(pair.confidence is not None and 0 <= pair.confidence <= 1 for pair in pairs)
    for pair in pairs:
        assert pair.start_ms >= pair.display.start_ms - early_ms - padding_ms
        assert pair.end_ms <= pair.display.end_ms + late_ms + padding_ms
