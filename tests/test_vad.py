"""Promises of voice detection: spans in order, inside the sound, whatever the blocks; and on real speech."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr
from hypothesis import given
from hypothesis import strategies as st
from ipl_extractors.vad import Webrtcvad, voice_spans

from ipl.errors import InputError
from ipl.records import Span

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"


def buzz(seconds: float, rate: int = 16_000) -> np.ndarray:
    """A vowel-like sound: a pulse train of 120 Hz through three resonances."""
    time = np.arange(int(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * 120 * k * time) / (1 + abs(120 * k - 700) / 300) for k in range(1, 25))
    return (8000 * voice / np.abs(voice).max()).astype(np.int16)


@given(
    st.lists(st.booleans(), max_size=200), st.sampled_from([10, 20, 30]),
    st.integers(0, 300), st.integers(0, 300), st.integers(0, 200),
)  # fmt: skip
def test_spans_are_ordered_apart_inside_and_hold_all_long_voice(
    decisions: list[bool], frame_ms: int, pause: int, voice: int, padding: int
) -> None:
    spans = list(voice_spans(decisions, frame_ms, pause, voice, padding))
    total = frame_ms * len(decisions)
    assert all(0 <= span.start_ms < span.end_ms <= total for span in spans)
    assert all(one.end_ms < other.start_ms for one, other in pairwise(spans))
    covered = np.zeros(total, bool)
    for span in spans:
        covered[span.start_ms : span.end_ms] = True
    if voice <= frame_ms:
        assert all(covered[i * frame_ms : (i + 1) * frame_ms].all() for i, decided in enumerate(decisions) if decided)
    if not any(decisions):
        assert not spans


@given(st.lists(st.integers(0, 9_000), max_size=12))
def test_blocks_of_any_length_give_the_same_spans(lengths: list[int]) -> None:
    sound = np.concatenate([np.zeros(16_000, np.int16), buzz(1.0), np.zeros(8_000, np.int16)])
    edges = np.clip(np.cumsum([0, *lengths]), 0, len(sound))
    blocks = [sound[a:b] for a, b in zip(edges, [*edges[1:], len(sound)], strict=True)]
    assert list(Webrtcvad().detect_voice(blocks, 16_000)) == list(Webrtcvad().detect_voice([sound], 16_000))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_every_rate_is_heard(rate: int) -> None:
    silence = np.zeros(rate, np.int16)
    (span,) = Webrtcvad().detect_voice([silence, buzz(1.0, rate), silence], rate)
    assert span.start_ms == pytest.approx(1000, abs=150)
    assert span.end_ms == pytest.approx(2000, abs=200)


@pytest.mark.parametrize("seconds", [1.0, 1.01, 1.019])
def test_voice_up_to_the_end_of_the_sound_is_whole(seconds: float) -> None:
    (span,) = Webrtcvad().detect_voice([np.zeros(16_000, np.int16), buzz(seconds)], 16_000)
    assert span.end_ms == 1000 + len(buzz(seconds)) // 16


def test_no_sound_and_silence_hold_no_voice() -> None:
    assert list(Webrtcvad().detect_voice([], 16_000)) == []
    assert list(Webrtcvad().detect_voice([np.zeros(0, np.int16)], 16_000)) == []
    assert list(Webrtcvad().detect_voice([np.zeros(160_000, np.int16)], 16_000)) == []


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="sample rate 0 Hz"):
        list(Webrtcvad().detect_voice([], 0))


def test_spans_come_while_the_sound_goes_on() -> None:
    heard = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal heard
        while heard < 100:
            heard += 1
            yield np.concatenate([buzz(0.5), np.zeros(16_000, np.int16)])

    next(Webrtcvad().detect_voice(endless(), 16_000))
    assert heard <= 3


def test_on_words_whose_boundaries_were_set_by_hand() -> None:
    folder = DATA / "lt_timecoded"
    if not folder.exists():
        pytest.skip(f"real speech is not here: {folder.resolve()}")
    right = voice = speech = 0
    for file in sorted((folder / "raw").glob("*.flac"))[:4]:
        sound, rate = sf.read(file, dtype="int16", always_2d=True)
        sound = soxr.resample(sound[:, 0], rate, 16_000) if rate != 16_000 else sound[:, 0]
        words = [line.split()[:2] for line in file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()]
        truth = _mask([Span(round(1000 * float(a)), round(1000 * float(b))) for a, b in words], len(sound))
        found = _mask(list(Webrtcvad().detect_voice([sound], 16_000)), len(sound))
        right, voice, speech = right + (truth & found).sum(), voice + found.sum(), speech + truth.sum()
    assert right / voice > 0.8  # precision
    assert right / speech > 0.88  # recall


def _mask(spans: list[Span], num_samples: int) -> np.ndarray:
    mask = np.zeros(num_samples // 16, bool)
    for span in spans:
        mask[span.start_ms : span.end_ms] = True
    return mask
