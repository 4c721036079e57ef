"""Training audio that sounds worse than it was recorded: in other rooms, with noise, louder or softer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["DistortionOptions"]


@dataclass(frozen=True, kw_only=True)
class DistortionOptions:
    """Which utterances are distorted, and how much. What is drawn depends on seed, epoch and utterance alone."""

    noise_share: float = 0.0
    """share of utterances that get noise, drawn anew each epoch; features of these are computed each time anew"""
    noise_from: Path | None = None
    """folder of recordings of noise, or a text file that names one a line; null makes up noise between white and
    brown"""
    noise_snr_db: tuple[float, float] = (5.0, 20.0)
    """how much stronger than the noise the speech is: least and most, in decibels"""
    reverberation_share: float = 0.0
    """share of utterances that are heard in another room, drawn anew each epoch; likewise computed each time anew"""
    reverberation_from: Path | None = None
    """folder of impulse responses of rooms, or a text file that names one a line; null makes up rooms"""
    reverberation_seconds: tuple[float, float] = (0.1, 0.5)
    """time in which the echo of a made-up room falls by 60 decibels: least and most"""
    gain_db: float = 0.0
    """every utterance is made louder or softer by up to so many decibels; models that take the mean out of their
    features hear no difference"""

    def __post_init__(self) -> None:
        for name in ("noise_share", "reverberation_share"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "0 to 1")
        for name in ("noise_snr_db", "reverberation_seconds"):
            pair = getattr(self, name)
            _check(name, pair, len(pair) == 2 and pair[0] <= pair[1], "least and most")
        _check("reverberation_seconds", self.reverberation_seconds, self.reverberation_seconds[0] > 0, "more than 0")
        _check("gain_db", self.gain_db, self.gain_db >= 0, "0 or more")


def _check(name: str, value: object, right: bool, expected: str) -> None:
    if not right:
        raise ValueError(f"{name}: found {value}, expected {expected}")
