"""Encoded audio to samples and back: FLAC and Ogg Opus bytes, as tables carry them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from ipl.errors import MediaError

__all__ = ["decode", "encode_flac"]

Samples = npt.NDArray[np.float32]


def decode(audio: bytes, sample_rate_hz: int | None = None, where: str = "audio") -> tuple[Samples, int]:
    """Decodes an encoded file to one channel, float32 [N] in -1..1, and its sample rate.

    Channels are averaged. With `sample_rate_hz` the samples are resampled to it (soxr, high quality).
    Raises MediaError where the bytes are not audio.
    """
    try:
        samples, rate = sf.read(io.BytesIO(audio), dtype="float32", always_2d=True)
    except (sf.LibsndfileError, RuntimeError) as error:
        what = getattr(error, "error_string", str(error)).rstrip(".")  # without the address of our buffer
        raise MediaError(
            f"{where}: cannot be decoded as audio ({len(audio)} bytes): {what}; expected FLAC, Ogg or WAV"
        ) from error
    mono: Samples = samples.mean(axis=1, dtype=np.float32) if samples.shape[1] != 1 else samples[:, 0]
    if sample_rate_hz is not None and sample_rate_hz != rate:
        mono, rate = soxr.resample(mono, rate, sample_rate_hz).astype(np.float32), sample_rate_hz
    return mono, int(rate)


def encode_flac(samples: npt.NDArray[Any], sample_rate_hz: int) -> bytes:
    """Encodes one channel (float [N] in -1..1, or int16 [N]) as 16-bit FLAC.

    No samples become the header of a WAV file: libsndfile neither writes nor reads a FLAC file without a frame.

    >>> samples, rate = decode(encode_flac(np.zeros(160), 16_000))
    >>> len(samples), rate
    (160, 16000)
    >>> samples, rate = decode(encode_flac(np.zeros(0), 16_000))
    >>> len(samples), rate
    (0, 16000)
    """
    buffer = io.BytesIO()
    sf.write(buffer, samples, sample_rate_hz, format="FLAC" if len(samples) else "WAV", subtype="PCM_16")
    return buffer.getvalue()
