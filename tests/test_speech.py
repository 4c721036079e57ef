"""Synthetic speech and sentences, and the corpus that is made of them."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipl_datasets import espeak, speech
from ipl_datasets.corpora import SpokenSentences
from ipl_datasets.sentences import PARTS, sentences, vocabulary

from ipl.audio import decode
from ipl.errors import InputError

RATE = speech.SAMPLE_RATE_HZ


def test_speech_is_a_pure_function_of_its_arguments() -> None:
    # f5 and whisper breathe: their noise is seeded by the clock unless it is told not to be
    for voice in ("en-us", "en+f5", "en-us+whisper"):
        first, rate_hz = espeak.synthesize("the old dog ran home", voice)
        espeak.synthesize("something else between", "en+m3", speed_wpm=200, pitch=80)
        again, _ = espeak.synthesize("the old dog ran home", voice)
        assert rate_hz == 22_050
        assert 0.5 < len(first) / rate_hz < 4
        assert np.array_equal(first, again)


def test_speech_is_the_same_in_another_process() -> None:
    code = (
        "import hashlib; from ipl_datasets.espeak import synthesize;"
        "print(hashlib.sha256(synthesize('a red boat', 'en+f3')[0].tobytes()).hexdigest())"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)]
    assert runs[0] == runs[1]


def test_speech_options_change_what_is_heard() -> None:
    def length(**options: int) -> int:
        return len(espeak.synthesize("they walked behind the house", **options)[0])

    assert length(speed_wpm=120) > 1.2 * length(speed_wpm=200)
    low, high = (espeak.synthesize("they walked", pitch=pitch)[0] for pitch in (10, 90))
    assert _pitch_hz(high) > 1.2 * _pitch_hz(low)


def _pitch_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * samples))  # squaring brings out the fundamental
    hz = np.fft.rfftfreq(len(samples), 1 / 22_050)
    voiced = (hz > 60) & (hz < 400)
    return float(np.sum(hz[voiced] * spectrum[voiced] ** 2) / np.sum(spectrum[voiced] ** 2))


def test_nothing_to_say_is_silence_and_an_unknown_voice_an_error() -> None:
    assert len(espeak.synthesize("")[0]) < 22_050
    with pytest.raises(InputError, match="no voice 'klingonese'"):
        espeak.synthesize("hello", "klingonese")
    assert len(espeak.synthesize("hello")[0]), "an error must not spoil what comes after it"


def test_espeak_finds_its_data_below_a_long_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import espeakng_loader

    deep = tmp_path / ("x" * 90) / ("y" * 90) / "espeak-ng-data"
    deep.parent.mkdir(parents=True)
    deep.symlink_to(espeakng_loader.get_data_path())
    expected, _ = espeak.synthesize("a boat")
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(deep))
    espeak._data_path.cache_clear()
    try:
        assert np.array_equal(espeak.synthesize("a boat")[0], expected)
    finally:
        espeak._data_path.cache_clear()


@settings(deadline=None, max_examples=10)
@given(st.floats(0, 40), st.integers(0, 2**32))
def test_noise_lies_where_it_is_asked_for(snr_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clean = np.sin(np.arange(RATE) / 7).astype(np.float32)
    noise = speech.add_noise(clean, snr_db, rng) - clean
    measured = 10 * np.log10(np.mean(clean**2) / np.mean(noise**2))
    assert measured == pytest.approx(snr_db, abs=0.1)


def test_trim_leaves_no_silence_around() -> None:
    samples = np.concatenate([np.zeros(100), [0.5, 0, -0.5], np.full(50, 1e-4)]).astype(np.float32)
    assert speech.trim(samples).tolist() == [0.5, 0, -0.5]
    assert len(speech.trim(np.zeros(10, np.float32))) == 0


def test_parts_share_no_sentence_and_hold_thousands() -> None:
    told = {part: list(islice(sentences(part, seed=1), 3000)) for part in PARTS}
    everything = [sentence for part in told.values() for sentence in part]
    assert len(set(everything)) == len(everything) == 15_000
    assert all(3 <= len(sentence.split()) <= 8 for sentence in everything)
    assert {word for sentence in everything for word in sentence.split()} == set(vocabulary())
    other = set(islice(sentences("test", seed=2), 3000))
    assert not other & {sentence for part in PARTS if part != "test" for sentence in told[part]}


def test_sentences_depend_on_seed_and_part_only() -> None:
    assert list(islice(sentences("dev", 5), 50)) == list(islice(sentences("dev", 5), 50))
    assert list(islice(sentences("dev", 5), 50)) != list(islice(sentences("dev", 6), 50))
    with pytest.raises(InputError, match="did you mean 'pool'"):
        next(sentences("pol", 1))  # type: ignore[arg-type]


def test_spoken_sentences_make_utterances() -> None:
    corpus = SpokenSentences(part="dev", utterances=12, seed=3, speakers=4, first_speaker=8)
    made = list(corpus.read_corpus())
    assert made == list(corpus.read_corpus())
    assert [each.text for each in made] == list(islice(sentences("dev", 3), 12))
    assert {each.speaker for each in made} == {f"speaker-{number:03d}" for number in range(8, 12)}
    assert len({each.utt_id for each in made}) == 12
    for each in made:
        samples, rate_hz = decode(each.audio)
        assert (rate_hz, len(samples)) == (each.sample_rate_hz, each.num_samples) == (RATE, len(samples))
        assert 0.01 < np.abs(samples).max() <= 1
        assert (each.start_ms, each.end_ms) == (0, 1000 * len(samples) // RATE)


@pytest.mark.parametrize("option", [{"speakers": 0}, {"utterances": -1}])
def test_spoken_sentences_refuse_senseless_options(option: dict[str, int]) -> None:
    with pytest.raises(InputError, match="expected"):
        SpokenSentences(part="dev", **option)  # type: ignore[arg-type]
