"""Parts that architectures share. Padding never changes a result: frames past an utterance's end are zero.

B: utterances · T: frames · T': frames after subsampling · F: mel bands · D: width of the model
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Subsampling", "feed_forward", "frame_mask"]


def frame_mask(num_frames: Tensor, length: int) -> Tensor:
    """True on an utterance's own frames: bool [B, length], of num_frames [B]."""
    return torch.arange(length, device=num_frames.device) < num_frames[:, None]


def feed_forward(width: int, factor: int, activation: nn.Module, dropout: float) -> nn.Sequential:
    """A norm and two layers, `factor` times as wide between them, on each frame or unit by itself."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, factor * width),
        activation,
        nn.Dropout(dropout),
        nn.Linear(factor * width, width),
    )


class Subsampling(nn.Module):
    """Joins `factor` frames into one by a convolution over time, after one over time and bands.

    The first convolution has few channels and a stride of two over the bands: it makes the model less
    sensitive to pitch and to the length of a vocal tract, as in Deep Speech 2 (arXiv 1512.02595).
    """

    def __init__(self, num_mels: int, width: int, factor: int, channels: int = 8) -> None:
        super().__init__()
        self.factor = factor
        self.over_bands = nn.Conv2d(1, channels, kernel_size=(3, 5), stride=(1, 2), padding=(1, 2))
        self.over_time = nn.Conv1d(channels * ((num_mels + 1) // 2), width, 2 * factor + 1, factor, padding=factor)
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, T, F], num_frames [B] to [B, T', D] and frames [B], T' = ceil(T / factor)."""
        mask = frame_mask(num_frames, features.shape[1])
        planes = nn.functional.gelu(self.over_bands(features[:, None] * mask[:, None, :, None]))  # [B, C, T, F/2]
        flat = planes.transpose(2, 3).flatten(1, 2) * mask[:, None, :]  # [B, C·F/2, T]
        return self.norm(self.over_time(flat).transpose(1, 2)), (num_frames + self.factor - 1) // self.factor
