"""A CTC model: an encoder of some architecture, and a layer that turns frames into units.

A hybrid has an attention decoder on the same encoder beside it (`ipl.asr.models.decoder`).

B: utterances · T: frames of 10 ms · T': frames after subsampling · F: mel bands · V: units, blank included
D: width of the encoder · U: units of a text
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor, nn

from ipl.asr.config import ModelConfig
from ipl.asr.models.conformer import ConformerEncoder
from ipl.asr.models.conv import ConvEncoder
from ipl.asr.models.decoder import AttentionDecoder
from ipl.asr.models.deep_speech_2 import DeepSpeech2Encoder
from ipl.asr.models.gru import GruEncoder
from ipl.asr.models.sizes import PretrainedSizes, read_sizes
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
        sizes: Any = PretrainedSizes() if config.pretrained else read_sizes(config.architecture, config.sizes)
        self.config = replace(config, sizes=asdict(sizes))
        self.units = units
        self.encoder = _encoder(config, sizes)
        self.output = nn.Linear(self.encoder.width, len(units))
        self.ctc_weight, self.decoder = 1.0, None
        if getattr(sizes, "decoder_layers", 0):
            self.ctc_weight, self.decoder = sizes.ctc_weight, AttentionDecoder(len(units), sizes)

    def forward(
        self, features: Tensor, num_frames: Tensor, targets: Tensor | None = None, num_units: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Features float32 [B, T, F], num_frames int64 [B] to log_probs float32 [B, T', V], out_frames int64 [B].

        What lies past an utterance's frames, in or out, means nothing. An utterance of 0 frames has 0 frames out.
        With texts, one after the other in targets int64 [sum of U] and num_units int64 [B], a hybrid adds the losses of
        its decoder, [B]: a training step is one call, whatever the model is wrapped in.
        """
        encoded, out_frames = self.encode(features, num_frames)
        log_probs = self.ctc(encoded)
        if self.decoder is None or targets is None or num_units is None:
            return log_probs, out_frames
        return log_probs, out_frames, self.decoder.losses(encoded, out_frames, targets, num_units)

    def encode(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, T, F], num_frames [B] to encoded [B, T', D], out_frames [B]."""
        if features.shape[1] < MIN_FRAMES:  # shorter than a kernel
            features = nn.functional.pad(features, (0, 0, 0, MIN_FRAMES - features.shape[1]))
        return self.encoder(features, num_frames)  # type: ignore[no-any-return]

    def ctc(self, encoded: Tensor) -> Tensor:
        """Encoded [B, T', D] to log_probs float32 [B, T', V]."""
        return self.output(encoded).float().log_softmax(dim=-1)  # type: ignore[no-any-return]

    def joint_losses(self, ctc: Tensor, attention: Sequence[Tensor]) -> dict[str, Tensor]:
        """The losses to learn from under `loss`, and their parts, of CTC's [B] and what `forward` added to its two.

        The loss is ctc_weight * ctc + (1 - ctc_weight) * attention (Watanabe et al., 2017); all are 0 where ctc is,
        whose text is too long for its frames.
        """
        if not attention:
            return {"loss": ctc}
        said = torch.where(ctc == 0, 0, attention[0])
        return {"loss": self.ctc_weight * ctc + (1 - self.ctc_weight) * said, "ctc": ctc, "attention": said}


def _encoder(config: ModelConfig, sizes: Any) -> Any:
    if not config.pretrained:
        return ENCODERS[config.architecture](config.features.num_mels, sizes)
    from ipl.asr.models.pretrained import encoder_of

    return encoder_of(config.pretrained)


def create(config: ModelConfig, units: Units, seed: int) -> CtcModel:
    """A new model on the CPU whose weights depend on `seed` alone; InputError where `config` is wrong."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CtcModel(config, units)
