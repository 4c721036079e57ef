"""Sentences to one track of speech: pauses between them, noise and music below, and where each is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ipl_datasets.espeak import Samples
from ipl_datasets.speech import SAMPLE_RATE_HZ, Speaker, add_noise, add_room, say

__all__ = ["Line", "record"]

_LEAD_S = 0.8
_PAUSE_S = (0.35, 1.4)
_CHORD_S = 1.5


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence as spoken: from sample `start` up to, not including, sample `end`, at SAMPLE_RATE_HZ."""

    text: str
    speaker: str
    start: int
    end: int


def record(
    texts: Sequence[str],
    speakers: Sequence[Speaker],
    rng: np.random.Generator,
    snr_db: float = 25.0,
    music_db: float | None = None,
) -> tuple[Samples, list[Line]]:
    """Speaks `texts` in turn, each by one of `speakers`; returns float32 [N] at SAMPLE_RATE_HZ and the lines.

    Noise lies `snr_db` below the speech, music `music_db` below it (None: no music).
    """
    pieces = [np.zeros(int(_LEAD_S * SAMPLE_RATE_HZ), np.float32)]
    lines: list[Line] = []
    at = len(pieces[0])
    for text in texts:
        who = speakers[int(rng.integers(len(speakers)))]
        spoken = say(text, who, rng)
        lines.append(Line(text, who.name, at, at + len(spoken)))
        pause = np.zeros(int(rng.uniform(*_PAUSE_S) * SAMPLE_RATE_HZ), np.float32)
        pieces += [spoken, pause]
        at += len(spoken) + len(pause)
    samples = add_noise(add_room(np.concatenate(pieces), rng), snr_db, rng)
    if music_db is not None:
        level = np.sqrt(np.mean(np.concatenate([samples[line.start : line.end] for line in lines]) ** 2))
        samples = samples + _music(len(samples), rng) * np.float32(level * 10 ** (-music_db / 20))
    return np.clip(samples, -1, 1).astype(np.float32), lines


def _music(length: int, rng: np.random.Generator) -> Samples:
    """Slow chords of a few harmonics that swell and fade, RMS 1; float32 [length]."""
    chord = int(_CHORD_S * SAMPLE_RATE_HZ)
    time_s = np.arange(chord) / SAMPLE_RATE_HZ
    swell = np.sin(np.pi * np.arange(chord) / chord)
    chords = []
    for _ in range(-(-length // chord)):
        root_hz = 110 * 2 ** (rng.integers(0, 12) / 12)
        tones = [
            np.sin(2 * np.pi * root_hz * interval * harmonic * time_s) / harmonic
            for interval in (1.0, 1.25, 1.5)
            for harmonic in (1, 2, 3)
        ]
        chords.append(swell * np.sum(tones, axis=0))
    track: Samples = np.concatenate(chords)[:length].astype(np.float32)
    track /= np.sqrt(np.mean(track**2))
    return track
