"""Audio files from which an excerpt is drawn at random: of noise, or of how rooms answer."""

from __future__ import annotations

from pathlib import Path

import soundfile as sf
import soxr
import torch
from torch import Tensor

from ipl.errors import InputError

__all__ = ["Recordings"]

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3"})


class Recordings:
    """The audio files in a folder and the folders in it, or those that a text file names, a line each.

    Raises InputError where there are none; names in a text file are relative to it.
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            self.files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        elif path.is_file() and path.suffix.lower() not in SUFFIXES:
            lines = path.read_text(encoding="utf-8").splitlines()
            self.files = [path.parent / line.strip() for line in lines if line.strip()]
        else:
            raise InputError(f"{path}: expected a folder of audio files, or a text file that names one a line")
        if not self.files:
            raise InputError(f"{path}: no audio files in it; expected {', '.join(sorted(SUFFIXES))}")

    def draw(self, num_samples: int, sample_rate_hz: int, generator: torch.Generator, from_start: bool) -> Tensor:
        """Up to `num_samples` samples float32 [N] of one file, from its start or from anywhere in it.

        Only the excerpt is read, so that files of hours cost no more than short ones.
        """
        file = self.files[int(torch.randint(len(self.files), (), generator=generator))]
        where = float(torch.rand((), generator=generator))
        try:
            with sf.SoundFile(file) as sound:
                wanted = -(-num_samples * sound.samplerate // sample_rate_hz)
                if not from_start:
                    sound.seek(int(where * max(0, sound.frames - wanted + 1)))
                samples = sound.read(wanted, dtype="float32", always_2d=True).mean(axis=1)
                rate = sound.samplerate
        except (OSError, sf.LibsndfileError, RuntimeError) as error:
            raise InputError(f"{file}: cannot be read as audio: {error}; mend it, or take it away") from error
        if rate != sample_rate_hz:
            samples = soxr.resample(samples, rate, sample_rate_hz)
        return torch.from_numpy(samples[:num_samples])
