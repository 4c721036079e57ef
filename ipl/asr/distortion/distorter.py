"""Draws what happens to an utterance, and does it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ipl.asr.distortion import DistortionOptions
from ipl.asr.distortion.noise import add_noise, coloured_noise
from ipl.asr.distortion.recordings import Recordings
from ipl.asr.distortion.rooms import made_up_room, reverberate

__all__ = ["Distorter"]

LONGEST_ECHO_SECONDS = 2
BROWNEST = 2.0


class Distorter:
    """Puts utterances into rooms, noise under them, and their level up or down, in that order."""

    def __init__(self, options: DistortionOptions, sample_rate_hz: int) -> None:
        self.options, self.sample_rate_hz = options, sample_rate_hz
        self.noises = Recordings(options.noise_from) if options.noise_from else None
        self.rooms = Recordings(options.reverberation_from) if options.reverberation_from else None

    def draw(self, generator: torch.Generator) -> Callable[[Tensor], Tensor] | None:
        """What is done to samples [N] of an utterance, on any device; None where it stays as it is.

        All that is drawn comes from `generator`, here or when the function is called, which may be once.
        """
        in_room, with_noise = torch.rand(2, generator=generator).tolist()
        steps = [
            *([self._room] if in_room < self.options.reverberation_share else []),
            *([self._noise] if with_noise < self.options.noise_share else []),
            *([self._gain] if self.options.gain_db else []),
        ]
        if not steps:
            return None

        def distort(samples: Tensor) -> Tensor:
            for step in steps if len(samples) else []:
                samples = step(samples, generator)
            return samples

        return distort

    def _room(self, samples: Tensor, generator: torch.Generator) -> Tensor:
        if self.rooms:
            size = LONGEST_ECHO_SECONDS * self.sample_rate_hz
            return reverberate(samples, self.rooms.draw(size, self.sample_rate_hz, generator, from_start=True))
        seconds = _between(self.options.reverberation_seconds, generator)
        return reverberate(samples, made_up_room(seconds, self.sample_rate_hz, generator))

    def _noise(self, samples: Tensor, generator: torch.Generator) -> Tensor:
        snr_db = _between(self.options.noise_snr_db, generator)
        if self.noises:
            noise = self.noises.draw(len(samples), self.sample_rate_hz, generator, from_start=False)
        else:
            noise = coloured_noise(len(samples), self.sample_rate_hz, _between((0.0, BROWNEST), generator), generator)
        return add_noise(samples, noise, snr_db)

    def _gain(self, samples: Tensor, generator: torch.Generator) -> Tensor:
        gain_db = _between((-self.options.gain_db, self.options.gain_db), generator)
        return samples * 10 ** (gain_db / 20)


def _between(limits: tuple[float, float], generator: torch.Generator) -> float:
    return limits[0] + (limits[1] - limits[0]) * float(torch.rand((), generator=generator))
