"""Encoders of pretrained networks from Hugging Face transformers, which hear samples instead of filterbanks.

wav2vec 2.0 (arXiv 2006.11477), HuBERT (arXiv 2106.07447), WavLM (arXiv 2110.13900), MMS (arXiv 2305.13516), the encoder
of Whisper (arXiv 2212.04356). Making one needs the package transformers: the extra `huggingface`.

B: utterances · T: frames of 10 ms · W: samples of a frame · N: samples, T W · T': frames after subsampling · D: width
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from ipl.asr.models.layers import frame_mask
from ipl.errors import InputError

__all__ = ["KINDS", "encoder_of", "transformers"]

KINDS = ("wav2vec2", "hubert", "wavlm", "whisper")
"""Values of `model_type` in a checkpoint's config.json."""
SHORTEST = 400
"""Samples that the convolutions of wav2vec 2.0 need for one frame."""


def transformers() -> Any:
    """The package, told to be silent; InputError where it is not installed."""
    try:
        found: Any = import_module("transformers")
    except ImportError as error:
        raise InputError(
            "a model of Hugging Face needs the package transformers; install it: pip install 'ipl[huggingface]'"
        ) from error
    found.logging.set_verbosity_error()
    found.logging.disable_progress_bar()
    return found


def encoder_of(pretrained: Mapping[str, Any]) -> nn.Module:
    """An encoder with random weights, of the contents of a checkpoint's config.json; InputError for other networks."""
    values = dict(pretrained)
    kind = values.pop("model_type", None)
    if kind not in KINDS:
        raise InputError(f"model of Hugging Face: found model_type {kind!r}, expected one of {', '.join(KINDS)}")
    # Hidden frames and layers left out are drawn by numpy's own generator there; the first is done here instead.
    values |= {"apply_spec_augment": False, "layerdrop": 0.0, "encoder_layerdrop": 0.0}
    config = transformers().AutoConfig.for_model(kind, **values)
    return WhisperEncoder(config) if kind == "whisper" else Wav2Vec2Encoder(config)


class Wav2Vec2Encoder(nn.Module):
    """Samples [B, T, W] to [B, T', D]: convolutions, which stay as they were pretrained, and a Transformer.

    In training, stretches of frames are hidden as in the paper, as many and as long as the checkpoint's config says.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.width = config.hidden_size
        self.hidden_share, self.hidden_frames = config.mask_time_prob, config.mask_time_length
        # Over each channel's whole length, so over padding too where several utterances lie side by side.
        self.normalises_over_time = config.feat_extract_norm == "group"
        self.network = transformers().AutoModel.from_config(config)
        self.network.feature_extractor._freeze_parameters()
        if not self.hidden_share and hasattr(self.network, "masked_spec_embed"):
            self.network.masked_spec_embed.requires_grad_(False)  # nothing would ever give it a gradient

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded frames and their number in each utterance, [B]."""
        samples, num_samples = features.flatten(1), num_frames * features.shape[2]
        lengths = self.network._get_feat_extract_output_lengths(num_samples).clamp(min=0)
        with torch.no_grad():
            convolved = self._convolved(samples, num_samples).transpose(1, 2)
        # Attention to no frame at all is no number, so that silence attends to its first one.
        mask = frame_mask(lengths.clamp(min=1), convolved.shape[1])
        projected = self.network.feature_projection(convolved)
        x = self._hide(projected[0] if isinstance(projected, tuple) else projected)
        return self.network.encoder(x, attention_mask=mask).last_hidden_state, lengths

    def _convolved(self, samples: Tensor, num_samples: Tensor) -> Tensor:
        extract = self.network.feature_extractor
        if not self.normalises_over_time or len(samples) == 1:
            return extract(samples)  # type: ignore[no-any-return]
        own = zip(samples, num_samples.tolist(), strict=True)
        each = [extract(one[None, : max(count, SHORTEST)])[0].T for one, count in own]
        return nn.utils.rnn.pad_sequence(each, batch_first=True).transpose(1, 2)

    def _hide(self, x: Tensor) -> Tensor:
        if not self.training or not self.hidden_share:
            return x
        begins = torch.rand(x.shape[:2], device=x.device) < self.hidden_share / self.hidden_frames
        hidden = nn.functional.max_pool1d(
            nn.functional.pad(begins[:, None].float(), (self.hidden_frames - 1, 0)), self.hidden_frames, stride=1
        )
        return torch.where(hidden[:, 0, :, None] > 0, self.network.masked_spec_embed.to(x.dtype), x)


class WhisperEncoder(nn.Module):
    """Samples [B, T, W] at 16 kHz to [B, T', D], through Whisper's own log-mel features; 30 s at most."""

    mel_filters: Tensor
    window: Tensor

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.width, self.longest = config.d_model, 2 * config.max_source_positions
        self.network = transformers().WhisperModel(config).encoder
        bank = transformers().WhisperFeatureExtractor(feature_size=config.num_mel_bins).mel_filters
        self.register_buffer("mel_filters", torch.from_numpy(bank).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(400), persistent=False)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded frames and their number in each utterance, [B]; InputError for one that is too long."""
        if int(num_frames.max()) > self.longest:
            raise InputError(
                f"whisper: an utterance has {int(num_frames.max()) / 100:.1f} s, expected at most "
                f"{self.longest / 100:.1f}; cut it, or leave it out"
            )
        x = features * frame_mask(num_frames, features.shape[1])[:, :, None]
        samples = nn.functional.pad(x.flatten(1), (0, self.longest * features.shape[2] - x.shape[1] * x.shape[2]))
        encoded = self.network(self._log_mel(samples)).last_hidden_state
        return encoded[:, : (features.shape[1] + 1) // 2], (num_frames + 1) // 2

    def _log_mel(self, samples: Tensor) -> Tensor:
        """What WhisperFeatureExtractor makes of samples [B, N]: [B, bands, frames], counted from the loudest."""
        with torch.autocast(samples.device.type, enabled=False):  # fp16 has no numbers for the energies of silence
            spectrum = torch.stft(samples.float(), 400, 160, window=self.window, return_complex=True)
            mel = self.mel_filters.T @ spectrum[..., :-1].abs().square()
        logs = mel.clamp(min=1e-10).log10()
        return (torch.maximum(logs, logs.amax(dim=(1, 2), keepdim=True) - 8.0) + 4.0) / 4.0
