"""Speech as a room gives it back: convolved with the room's impulse response.

N: samples · M: samples of an impulse response
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["made_up_room", "reverberate"]

FIRST_ECHO_MS = 2
DIRECT_DB = (0.0, 10.0)
"""How much stronger than all its echoes the direct sound of a made-up room is."""


def made_up_room(seconds: float, sample_rate_hz: int, generator: torch.Generator) -> Tensor:
    """An impulse response float32 [M] whose echo falls by 60 decibels in `seconds`.

    After the direct sound comes Gaussian noise that dies away exponentially, the statistical model of late echoes of
    Polack (thesis, Le Mans 1988).
    """
    size = max(1, round(seconds * sample_rate_hz))
    time_s = torch.arange(size) / sample_rate_hz
    echo: Tensor = torch.randn(size, generator=generator) * 10 ** (-3 * time_s / seconds)
    echo[: 1 + sample_rate_hz * FIRST_ECHO_MS // 1000] = 0
    low, high = DIRECT_DB
    direct_db = low + (high - low) * float(torch.rand((), generator=generator))
    echo = echo / echo.norm().clamp(min=1e-9) * 10 ** (-direct_db / 20)
    echo[0] = 1
    return echo


def reverberate(samples: Tensor, response: Tensor) -> Tensor:
    """Samples [N] in the room of an impulse response [M], as loud as before; the direct sound stays where it was."""
    if not len(samples) or not response.any():
        return samples
    response = response.to(samples)
    direct = int(response.abs().argmax())
    size = len(samples) + len(response) - 1
    spectrum = torch.fft.rfft(samples, n=size) * torch.fft.rfft(response, n=size)
    heard: Tensor = torch.fft.irfft(spectrum, n=size)[direct : direct + len(samples)]
    loudness: Tensor = samples.square().mean().sqrt() / heard.square().mean().sqrt().clamp(min=1e-12)
    return heard * loudness
