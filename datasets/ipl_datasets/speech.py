"""Speakers without end, made of espeak-ng's voices, and rooms for them to speak in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from ipl_datasets.espeak import Samples, synthesize

__all__ = ["SAMPLE_RATE_HZ", "Speaker", "add_noise", "add_room", "say", "speaker", "trim"]

SAMPLE_RATE_HZ = 16_000

_ACCENTS = ("en-us", "en-us", "en", "en-gb-x-rp")
_VARIANTS = ("m1", "f2", "m3", "f1", "m7", "f4", "m2", "f5", "m5", "f3", "m4", "m6")
_SILENCE = 10 ** (-45 / 20)
_LEVEL = 10 ** (-23 / 20)


@dataclass(frozen=True, slots=True)
class Speaker:
    """One voice. `stretch` shifts all formants: 1.05 sounds like a smaller head."""

    name: str
    voice: str
    speed_wpm: int
    pitch: int
    pitch_range: int
    stretch: float


def speaker(number: int) -> Speaker:
    """The speaker of that number, from 0: the same one always, and a different one for each number.

    >>> speaker(3) == speaker(3), speaker(3) == speaker(15)
    (True, False)
    """
    rng = np.random.default_rng([number, 0x5BEA])
    return Speaker(
        name=f"speaker-{number:03d}",
        voice=f"{_ACCENTS[rng.integers(len(_ACCENTS))]}+{_VARIANTS[number % len(_VARIANTS)]}",
        speed_wpm=int(rng.integers(140, 185)),
        pitch=int(rng.integers(35, 66)),
        pitch_range=int(rng.integers(35, 66)),
        stretch=float(rng.uniform(0.95, 1.06)),
    )


def say(text: str, who: Speaker, rng: np.random.Generator) -> Samples:
    """Speaks `text` a little differently each time; returns float32 [N] at SAMPLE_RATE_HZ, no silence around it."""
    samples, rate_hz = synthesize(
        text,
        who.voice,
        round(who.speed_wpm * rng.uniform(0.92, 1.1)),
        int(np.clip(who.pitch + rng.integers(-5, 6), 0, 99)),
        who.pitch_range,
    )
    resampled = soxr.resample(samples, rate_hz * who.stretch, SAMPLE_RATE_HZ)
    return _level(trim(resampled.astype(np.float32)))


def trim(samples: Samples) -> Samples:
    """Cuts off both ends what is more than 45 dB below the peak."""
    loud = np.flatnonzero(_is_loud(samples))
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]


def _is_loud(samples: Samples) -> npt.NDArray[np.bool_]:
    magnitude = np.abs(samples)
    loud: npt.NDArray[np.bool_] = magnitude > _SILENCE * magnitude.max(initial=0.0)
    return loud


def _level(samples: Samples) -> Samples:
    """Scales speech to -23 dB (RMS), which leaves room for its peaks."""
    rms = float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    return samples * np.float32(_LEVEL / rms) if rms else samples


def add_noise(samples: Samples, snr_db: float, rng: np.random.Generator) -> Samples:
    """Adds noise, between white and pink, `snr_db` below the RMS level of the samples that are not silent."""
    active = samples[_is_loud(samples)]
    if not len(active):
        return samples
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    tilt = rng.uniform(0.0, 0.5)  # amplitude falls as frequency ** -tilt: 0 is white, 0.5 is pink
    noise = np.fft.irfft(spectrum * np.maximum(np.arange(len(spectrum)), 1.0) ** -tilt, len(samples))
    level = np.sqrt(np.mean(active**2)) * 10 ** (-snr_db / 20)
    noisy: Samples = (samples + noise * (level / np.sqrt(np.mean(noise**2)))).astype(np.float32)
    return noisy


def add_room(samples: Samples, rng: np.random.Generator, decay_ms: float = 60.0) -> Samples:
    """Adds a few early echoes that fall by 60 dB within `decay_ms`; the length stays."""
    heard = samples.copy()
    for delay_ms in rng.uniform(3.0, decay_ms / 2, size=6):
        delay = int(delay_ms * SAMPLE_RATE_HZ / 1000)
        if delay < len(samples):
            heard[delay:] += np.float32(0.5 * 10 ** (-3 * delay_ms / decay_ms)) * samples[:-delay]
    return heard
