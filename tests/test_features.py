"""Features against Kaldi's maths written out plainly, and augmentation as a pure function of its seed."""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ipl.asr.augmentation import AugmentConfig, change_speed, random_for, spec_augment
from ipl.asr.config import FeatureConfig
from ipl.asr.features import compute, fbank, normalise, pad, read_samples
from ipl.audio import encode_flac
from ipl.errors import MediaError


def noise(seconds: float, sample_rate_hz: int = 16_000, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(int(seconds * sample_rate_hz), generator=generator)


def kaldi_fbank(samples: npt.NDArray[np.float64], rate: int, num_mels: int) -> npt.NDArray[np.float64]:
    """Kaldi's fbank in double precision, loop by loop: `feature-window.cc`, then `mel-computations.cc`."""
    size, step = rate * 25 // 1000, rate * 10 // 1000
    fft_size = 1 << (size - 1).bit_length()
    window = (0.5 - 0.5 * np.cos(2 * math.pi * np.arange(size) / (size - 1))) ** 0.85

    def mel(hz: float) -> float:
        return 1127.0 * math.log(1.0 + hz / 700.0)

    width = (mel(rate / 2) - mel(20.0)) / (num_mels + 1)
    bank = np.zeros((fft_size // 2, num_mels))
    for band in range(num_mels):
        left = mel(20.0) + band * width
        for fft_bin in range(fft_size // 2):
            at = mel(fft_bin * rate / fft_size)
            if left < at < left + 2 * width:
                bank[fft_bin, band] = (at - left) / width if at <= left + width else (left + 2 * width - at) / width
    rows = []
    for start in range(0, len(samples) - size + 1, step):
        frame = samples[start : start + size] * 32768.0
        frame = frame - frame.mean()
        for place in range(size - 1, 0, -1):
            frame[place] -= 0.97 * frame[place - 1]
        frame[0] -= 0.97 * frame[0]
        power = np.abs(np.fft.rfft(frame * window, fft_size)) ** 2
        rows.append(np.log(np.maximum(power[:-1] @ bank, np.finfo(np.float32).eps)))
    return np.array(rows)


@pytest.mark.parametrize(("rate", "num_mels"), [(16_000, 80), (8_000, 40)])
@pytest.mark.parametrize("gain", [1.0, 1e-4])
def test_filterbanks_are_kaldis(rate: int, num_mels: int, gain: float) -> None:
    samples = (noise(0.5, rate) + 0.1) * gain  # an offset, which must not matter
    expected = kaldi_fbank(samples.double().numpy(), rate, num_mels)
    assert np.abs(fbank(samples, rate, num_mels).numpy() - expected).max() < 1e-3


@pytest.mark.parametrize(("num_samples", "frames"), [(0, 0), (1, 0), (399, 0), (400, 1), (559, 1), (560, 2)])
def test_only_whole_windows_are_frames(num_samples: int, frames: int) -> None:
    found = compute(torch.ones(num_samples), FeatureConfig())
    assert found.shape == (frames, 80)
    assert torch.isfinite(found).all()


def test_normalising_takes_out_level_and_scale() -> None:
    features = fbank(noise(1), 16_000)
    assert normalise(features, "none") is features
    assert torch.allclose(normalise(features, "fixed")[3:7], normalise(features[3:7], "fixed"))  # any frame by itself
    assert normalise(features, "mean").mean(dim=0).abs().max() < 1e-4
    assert (normalise(features, "mean-variance").std(dim=0, correction=0) - 1).abs().max() < 1e-3
    quieter = normalise(fbank(noise(1) * 0.1, 16_000), "mean-variance")
    assert (quieter - normalise(features, "mean-variance")).abs().max() < 1e-2


def test_audio_of_any_rate_is_heard_at_the_models() -> None:
    seconds = torch.arange(8_000) / 8_000
    encoded = encode_flac((0.3 * torch.sin(2 * math.pi * 440 * seconds)).numpy(), 8_000)
    samples = read_samples(encoded, FeatureConfig(sample_rate_hz=16_000))
    assert samples.shape == (16_000,)
    loudest = torch.fft.rfft(samples).abs().argmax()
    assert abs(int(loudest) - 440) <= 1
    with pytest.raises(MediaError, match="utt-7"):
        read_samples(b"not audio", FeatureConfig(), "utt-7")


def test_samples_that_are_no_numbers_are_refused() -> None:
    buffer = io.BytesIO()
    sf.write(buffer, np.array([0.0, np.nan, 0.5], dtype=np.float32), 16_000, format="WAV", subtype="FLOAT")
    with pytest.raises(MediaError, match="not a number"):
        read_samples(buffer.getvalue(), FeatureConfig())


def test_padding_keeps_lengths() -> None:
    features, num_frames = pad([torch.ones(3, 80), torch.zeros(0, 80), torch.ones(5, 80)])
    assert features.shape == (3, 5, 80)
    assert num_frames.tolist() == [3, 0, 5]
    assert features.sum().item() == 8 * 80


def test_speed_changes_length_and_pitch() -> None:
    seconds = torch.arange(16_000) / 16_000
    tone = torch.sin(2 * math.pi * 400 * seconds)
    fast = change_speed(tone, 16_000, 1.25)
    assert abs(len(fast) - 12_800) <= 1
    assert abs(int(torch.fft.rfft(fast, 16_000).abs().argmax()) - 500) <= 2
    assert change_speed(tone, 16_000, 1.0) is tone
    assert change_speed(torch.zeros(0), 16_000, 0.9).shape == (0,)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 200), min_size=1, max_size=4))
def test_masks_stay_within_their_limits(seed: int, lengths: list[int]) -> None:
    config = AugmentConfig(frequency_masks=1, time_masks=1)
    features, _ = pad([10 + torch.randn(length, 80) for length in (*lengths, 2)])
    before, lengths = features.clone(), [*lengths, 2]
    masked = spec_augment(features, torch.tensor(lengths), random_for(seed, 0, "step"), config)
    for one, own, length in zip(masked, features, lengths, strict=True):
        hidden = one != own
        bands, frames = hidden[:length].all(dim=0).sum(), hidden.all(dim=1)
        assert length == 0 or frames[:length].all() or bands <= config.frequency_mask_bands
        assert bands == 80 or frames.sum() <= min(config.time_mask_frames, 0.1 * length)
        means = own[:length].mean(dim=0).expand_as(one[:length])
        assert torch.allclose(one[:length][hidden[:length]], means[hidden[:length]])  # what is hidden is no silence
    assert torch.equal(features, before)  # the input stays as it was
