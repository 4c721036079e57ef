"""Promises of choosing between tracks: the one that follows the voice, the one in the language that is spoken."""

from __future__ import annotations

import numpy as np
import pytest

from ipl.mining.tracks import follows_voice, spoken_cues
from ipl.records import Cue, Span


def speech(seed: int, number: int = 60) -> list[Span]:
    """Stretches of voice with pauses of many lengths."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(600, 4000, (number, 2))
    ends = np.cumsum(lengths.ravel()).reshape(-1, 2)
    return [Span(int(start), int(end)) for start, end in ends]


def track(name: str, spans: list[Span], text: str = "Who goes there?") -> list[Cue]:
    return [Cue("film", span.start_ms, span.end_ms, text, name) for span in spans]


def shown(voice: list[Span], seed: int) -> list[Span]:
    """Displays of subtitles: a little early, and lingering."""
    rng = np.random.default_rng(seed)
    return [Span(each.start_ms - int(rng.integers(0, 150)), each.end_ms + int(rng.integers(0, 500))) for each in voice]


@pytest.mark.parametrize("seed", range(8))
def test_what_comes_and_goes_with_the_voice_is_the_subtitle(seed: int) -> None:
    voice = speech(seed)
    signs = [span for span in speech(seed + 100) if span.end_ms < voice[-1].end_ms]
    assert follows_voice(shown(voice, seed), voice) > 4 > abs(follows_voice(signs, voice))


@pytest.mark.parametrize("seed", range(4))
def test_lines_that_stand_elsewhere_now_and_then_are_spoken_too(seed: int) -> None:
    voice = speech(seed)
    cues = shown(voice, seed)
    above = {number for number in range(len(cues)) if number % 5 == 2}
    both = track("bottom", [cue for n, cue in enumerate(cues) if n not in above])
    both += track("top", [cue for n, cue in enumerate(cues) if n in above])
    spoken, rejects = spoken_cues(sorted(both, key=lambda cue: cue.start_ms), voice, None)
    assert len(spoken) == len(cues)
    assert rejects == []


def test_of_two_languages_at_once_the_one_that_was_asked_for_is_spoken() -> None:
    voice = speech(1)
    both = track("a:cjk", voice, "谁在那里？") + track("a:latin", voice)
    for language, expected in (("cmn", "a:cjk"), ("en", "a:latin"), ("zh-CN", "a:cjk")):
        spoken, rejects = spoken_cues(both, voice, language)
        assert {cue.track for cue in spoken} == {expected}
        assert {reject.reason for reject in rejects} == {"another track"}
        assert len(rejects) == len(voice)
    spoken, rejects = spoken_cues(both, voice, None)
    assert len({cue.track for cue in spoken}) == 1
    assert "shown together with" in str(rejects[0].detail)


@pytest.mark.parametrize("seed", range(4))
def test_signs_beside_subtitles_are_not_spoken(seed: int) -> None:
    voice = speech(seed)
    signs = [Span(span.start_ms + 20_000, span.end_ms + 20_000) for span in voice[10:50:4]]
    if follows_voice(signs, voice) > 0.9:
        pytest.skip("these signs happen to fall on voice")
    cues = track("bottom", shown(voice, seed)) + track("board", signs, "EXIT")
    spoken, rejects = spoken_cues(cues, voice, None)
    assert {cue.track for cue in spoken} == {"bottom"}
    assert len(rejects) == len(signs)


def test_a_lone_track_and_tracks_under_music_are_left_to_the_aligner() -> None:
    voice = speech(2)
    signs = track("board", speech(3))
    assert spoken_cues(signs, voice, "en") == (signs, [])
    music = [Span(0, 10**7)]
    both = track("bottom", shown(voice, 2)[::2]) + track("top", shown(voice, 2)[1::2])
    assert spoken_cues(both, music, None)[1] == []
