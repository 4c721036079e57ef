"""Audio to log-mel filterbanks, with Kaldi's maths, in torch on any device.

N: samples · T: frames of 10 ms · F: mel bands · W: samples in a window · K: frequency bins · B: utterances

The maths follows Kaldi's `feature-fbank.cc`, `feature-window.cc` and `mel-computations.cc` with dither 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ipl import audio
from ipl.asr.config import FeatureConfig
from ipl.errors import MediaError

__all__ = ["STEP_MS", "WINDOW_MS", "compute", "fbank", "normalise", "pad", "read_samples"]

WINDOW_MS = 25
STEP_MS = 10
PRE_EMPHASIS = 0.97
LOWEST_HZ = 20.0
INT16_SCALE = 32768.0
SPEECH_MEAN, SPEECH_DEVIATION = 14.0, 4.0
"""Of log energies of speech: 15.0 and 3.9 in spoken digits, 13.7 and 3.8 in LibriSpeech, 14.4 and 4.1 in Mboshi."""
SMALLEST_ENERGY = torch.finfo(torch.float32).eps


def read_samples(encoded: bytes, config: FeatureConfig, where: str = "audio") -> Tensor:
    """Decodes audio to samples, float32 [N] in -1..1, at the model's sample rate.

    Raises MediaError where it is no audio, or holds samples that are no numbers, as a damaged float file does.
    """
    decoded, _ = audio.decode(encoded, config.sample_rate_hz, where)
    samples = torch.from_numpy(decoded)
    if not samples.isfinite().all():
        raise MediaError(f"{where}: holds samples that are infinite or not a number; convert it to 16-bit FLAC anew")
    return samples


def compute(samples: Tensor, config: FeatureConfig) -> Tensor:
    """The features [T, F] that a model of this configuration hears, of samples [N] at the model's rate."""
    if config.kind == "samples":
        whole = normalise(samples.to(torch.float32)[:, None], config.normalise)[:, 0]
        return nn.functional.pad(whole, (0, -len(whole) % config.num_mels)).reshape(-1, config.num_mels)
    return normalise(fbank(samples, config.sample_rate_hz, config.num_mels), config.normalise)


def fbank(samples: Tensor, sample_rate_hz: int, num_mels: int = 80) -> Tensor:
    """Log-mel filterbanks float32 [T, F] of samples [N] in -1..1; T is 0 for audio shorter than a window."""
    window_size, step = sample_rate_hz * WINDOW_MS // 1000, sample_rate_hz * STEP_MS // 1000
    if samples.shape[0] < window_size:
        return samples.new_zeros((0, num_mels), dtype=torch.float32)
    frames = (samples.to(torch.float32) * INT16_SCALE).unfold(0, window_size, step)  # [T, W]
    frames = frames - frames.mean(dim=1, keepdim=True)
    before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    frames = (frames - PRE_EMPHASIS * before) * _povey_window(window_size, samples.device)
    fft_size = 2 ** math.ceil(math.log2(window_size))
    power = torch.fft.rfft(frames, n=fft_size).abs().square()[:, :-1]  # [T, K]; Kaldi leaves out the last bin
    energies: Tensor = power @ _mel_bank(sample_rate_hz, fft_size, num_mels, samples.device)
    return energies.clamp(min=SMALLEST_ENERGY).log()


@lru_cache(maxsize=8)
def _povey_window(size: int, device: torch.device) -> Tensor:
    """Hann's window to the power 0.85, [W]."""
    return torch.hann_window(size, periodic=False, dtype=torch.float64).pow(0.85).to(device, torch.float32)


@lru_cache(maxsize=8)
def _mel_bank(sample_rate_hz: int, fft_size: int, num_mels: int, device: torch.device) -> Tensor:
    """Triangles on the mel scale, [K, F], from 20 Hz to half the sample rate."""
    low, high = _mel(torch.tensor([LOWEST_HZ, sample_rate_hz / 2], dtype=torch.float64))
    width = (high - low) / (num_mels + 1)
    left = low + width * torch.arange(num_mels, dtype=torch.float64)  # [F]
    bins = _mel(torch.arange(fft_size // 2, dtype=torch.float64) * sample_rate_hz / fft_size)[:, None]  # [K, 1]
    up, down = (bins - left) / width, (left + 2 * width - bins) / width
    return torch.minimum(up, down).clamp(min=0).to(device, torch.float32)


def _mel(hz: Tensor) -> Tensor:
    return 1127.0 * torch.log1p(hz / 700.0)


def normalise(features: Tensor, mode: str) -> Tensor:
    """Takes an utterance's mean (and with `mean-variance` its deviation) out of each band of features [T, F].

    With `fixed` it is the mean and deviation of speech at large, whatever the utterance.
    """
    if mode == "none" or features.shape[0] == 0:
        return features
    if mode == "fixed":
        return (features - SPEECH_MEAN) / SPEECH_DEVIATION
    centred = features - features.mean(dim=0)
    if mode == "mean":
        return centred
    return centred / centred.square().mean(dim=0).sqrt().clamp(min=1e-3)


def pad(features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stacks features [T, F] of B utterances, zeros after the shorter: features [B, T, F], num_frames int64 [B]."""
    num_frames = torch.tensor([each.shape[0] for each in features], device=features[0].device)
    return pad_sequence(list(features), batch_first=True), num_frames
