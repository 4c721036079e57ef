"""A CTC model: an encoder of some architecture, and a layer that turns frames into units.

B: utterances · T: frames of 10 ms · T': frames after subsampling · F: mel bands · V: units, blank included
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor, nn

from ipl.asr.config import ModelConfig
from ipl.asr.models.conformer import ConformerEncoder
from ipl.asr.models.conv import ConvEncoder
from ipl.asr.models.deep_speech_2 import DeepSpeech2Encoder
from ipl.asr.models.gru import GruEncoder
from ipl.asr.models.sizes import read_sizes
from ipl.asr.models.transformer import TransformerEncoder
from ipl.asr.models.wav2letter import Wav2LetterEncoder
from ipl.asr.units import Units

__all__ = ["ENCODERS", "CtcModel", "create"]

ENCODERS: dict[str, type[Any]] = {
    "conv": ConvEncoder,
    "gru": GruEncoder,
    "deep_speech_2": DeepSpeech2Encoder,
    "wav2letter": Wav2LetterEncoder,
    "transformer": TransformerEncoder,
    "conformer": ConformerEncoder,
}
"""The name of an architecture to its encoder, which has a `width` and maps ([B, T, F], [B]) to ([B, T', D], [B])."""

MIN_FRAMES = 16


class CtcModel(nn.Module):
    """Features to log probabilities of units. `config` and `units` say all of it but the weights."""

    def __init__(self, config: ModelConfig, units: Units) -> None:
        super().__init__()
        sizes = read_sizes(config.architecture, config.sizes)
        self.config = replace(config, sizes=asdict(sizes))
        self.units = units
        self.encoder = ENCODERS[config.architecture](config.features.num_mels, sizes)
        self.output = nn.Linear(self.encoder.width, len(units))

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Features float32 [B, T, F], num_frames int64 [B] to log_probs float32 [B, T', V], out_frames int64 [B].

        What lies past an utterance's frames, in or out, means nothing. An utterance of 0 frames has 0 frames out.
        """
        if features.shape[1] < MIN_FRAMES:  # shorter than a kernel
            features = nn.functional.pad(features, (0, 0, 0, MIN_FRAMES - features.shape[1]))
        encoded, out_frames = self.encoder(features, num_frames)
        return self.output(encoded).float().log_softmax(dim=-1), out_frames


def create(config: ModelConfig, units: Units, seed: int) -> CtcModel:
    """A new model on the CPU whose weights depend on `seed` alone; InputError where `config` is wrong."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CtcModel(config, units)
