"""Changes to training audio that keep its text: speed, and SpecAugment. Each is a pure function of its seed.

Rooms, noise and gain are in `ipl.asr.distortion`.

N: samples · B: utterances · T: frames · F: mel bands
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import soxr
import torch
from torch import Tensor

__all__ = ["AugmentConfig", "change_speed", "random_for", "spec_augment"]


@dataclass(frozen=True)
class AugmentConfig:
    """How much SpecAugment hides; the defaults suit little data."""

    frequency_masks: int = 2
    frequency_mask_bands: int = 15
    time_masks: int = 2
    time_mask_frames: int = 20
    time_mask_share: float = 0.1


def random_for(seed: int, epoch: int, name: str) -> torch.Generator:
    """A generator that depends on the arguments alone; `name` is an `utt_id`, or names a step of a rank.

    >>> first, again = random_for(1, 2, "a"), random_for(1, 2, "a")
    >>> bool(torch.rand(1, generator=first) == torch.rand(1, generator=again))
    True
    """
    digest = hashlib.blake2b(f"{seed}/{epoch}/{name}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def change_speed(samples: Tensor, sample_rate_hz: int, factor: float) -> Tensor:
    """Plays samples [N] `factor` times as fast, pitch included: [N / factor] (Ko et al., Interspeech 2015)."""
    if factor == 1.0 or samples.shape[0] == 0:
        return samples
    return torch.from_numpy(soxr.resample(samples.numpy(), sample_rate_hz * factor, sample_rate_hz, quality="MQ"))


def spec_augment(features: Tensor, num_frames: Tensor, generator: torch.Generator, config: AugmentConfig) -> Tensor:
    """Hides random bands and stretches of features [B, T, F] behind each band's mean (SpecAugment, arXiv 1904.08779).

    The mean is the utterance's own, and zero only where features are normalised by utterance: zeros in others would be
    quieter than any silence. A time mask covers at most `time_mask_share` of an utterance's num_frames [B], past which
    features have to be zero.
    """
    batch, length, bands = features.shape
    limits = torch.minimum(
        (num_frames.cpu() * config.time_mask_share).floor(), torch.tensor(float(config.time_mask_frames))
    )
    over_time = _masks(length, num_frames.cpu().float(), limits, config.time_masks, generator)  # [B, T]
    all_bands = torch.full((batch,), float(bands))
    widths = torch.full((batch,), float(config.frequency_mask_bands))
    over_bands = _masks(bands, all_bands, widths, config.frequency_masks, generator)  # [B, F]
    means = features.sum(dim=1) / num_frames.clamp(min=1)[:, None].to(features.device)  # [B, F]
    return torch.where((over_time[:, :, None] | over_bands[:, None, :]).to(features.device), means[:, None], features)


def _masks(size: int, ends: Tensor, widest: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """True where one of `count` masks lies: bool [B, size]; each lies before ends [B], no wider than widest [B]."""
    draws = torch.rand(2, len(ends), count, 1, generator=generator)
    widths = (draws[0] * (widest[:, None, None] + 1)).floor()
    starts = (draws[1] * (ends[:, None, None] - widths + 1).clamp(min=0)).floor()
    places = torch.arange(size)
    return ((places >= starts) & (places < starts + widths)).any(dim=1)
