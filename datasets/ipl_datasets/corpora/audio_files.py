"""Audio files of any kind to what a table carries: kept as they are where possible, else as FLAC."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf

from ipl.errors import MediaError

__all__ = ["SUFFIXES", "AudioFile", "read_audio_file"]

_BY_LIBSNDFILE = frozenset({".aif", ".au", ".caf", ".flac", ".mp3", ".nist", ".oga", ".ogg", ".opus", ".sph", ".wav"})
_BY_FFMPEG = frozenset({".aac", ".ac3", ".aiff", ".amr", ".m4a", ".mka", ".mp2", ".mp4", ".webm", ".wma", ".wv"})
SUFFIXES = _BY_LIBSNDFILE | _BY_FFMPEG
"""Names that say a file is audio; a container of pictures counts for its sound."""

_KEPT = frozenset({"FLAC", "OGG"})


@dataclass(frozen=True, slots=True)
class AudioFile:
    """One channel of sound: `samples` float32 or int16 [N]. `encoded` holds the file where it can be kept as it is."""

    samples: npt.NDArray[np.float32] | npt.NDArray[np.int16]
    sample_rate_hz: int
    encoded: bytes | None


def read_audio_file(path: Path) -> AudioFile:
    """Reads a whole audio file, channels averaged, at its own rate: by libsndfile, else by ffmpeg.

    FLAC and Ogg of one channel keep their bytes. Raises FileNotFoundError, or MediaError where neither library can
    read it, or it is cut short.
    """
    data = path.read_bytes()
    try:
        with sf.SoundFile(io.BytesIO(data)) as file:
            promised, rate = file.frames, file.samplerate
            kept = file.format in _KEPT and file.channels == 1
            samples = file.read(dtype="float32", always_2d=True)
    except (sf.LibsndfileError, RuntimeError):
        return _read_by_ffmpeg(path, len(data))
    if len(samples) < promised:
        raise MediaError(f"{path}: cut short: {len(samples)} of {promised} samples; get it again")
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    return AudioFile(mono, int(rate), data if kept else None)


def _read_by_ffmpeg(path: Path, size: int) -> AudioFile:
    from ipl.mining.media import audio_blocks, probe

    if not size:
        raise MediaError(f"{path}: empty file (0 bytes)")
    info = probe(path)
    if not info.has_audio:
        raise MediaError(f"{path}: has pictures only, no sound; expected speech")
    rate = info.audio_sample_rate_hz
    blocks = [np.zeros(0, np.int16), *audio_blocks(path, rate)]
    return AudioFile(np.concatenate(blocks), rate, None)
