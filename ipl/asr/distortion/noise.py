"""Noise under speech, at a given ratio of their powers.

N: samples
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["add_noise", "coloured_noise"]

FLAT_BELOW_HZ = 50.0


def coloured_noise(num_samples: int, sample_rate_hz: int, exponent: float, generator: torch.Generator) -> Tensor:
    """Noise float32 [N] whose power falls with frequency to the power `exponent`: 0 white, 1 pink, 2 brown.

    Below 50 Hz it is flat: there most of its power would lie, where nobody speaks.
    """
    spectrum = torch.fft.rfft(torch.randn(num_samples, generator=generator))
    frequency_hz = torch.arange(len(spectrum)) * (sample_rate_hz / num_samples)
    shape = frequency_hz.clamp(min=FLAT_BELOW_HZ).pow(-exponent / 2)
    noise: Tensor = torch.fft.irfft(spectrum * shape, n=num_samples)
    return noise


def add_noise(samples: Tensor, noise: Tensor, snr_db: float) -> Tensor:
    """Samples [N] with noise under them, `snr_db` decibels weaker on average; too short noise is repeated.

    Silence, on either side, leaves the samples as they are.
    """
    if not len(noise) or not len(samples):
        return samples
    noise = noise.to(samples).repeat(-(-len(samples) // len(noise)))[: len(samples)]
    ratio = samples.square().mean() / noise.square().mean()
    if not 0 < ratio < torch.inf:
        return samples
    return samples + noise * (ratio * 10 ** (-snr_db / 10)).sqrt()
