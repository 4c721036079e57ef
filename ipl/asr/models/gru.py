"""A recurrent encoder: bidirectional gated recurrent layers."""

from __future__ import annotations

from torch import Tensor, nn

from ipl.asr.models.gru_layer import GruLayer
from ipl.asr.models.layers import Subsampling
from ipl.asr.models.sizes import GruSizes

__all__ = ["GruEncoder"]


class GruEncoder(nn.Module):
    """Features [B, T, F] to [B, T', D]."""

    def __init__(self, num_mels: int, sizes: GruSizes) -> None:
        super().__init__()
        self.width = sizes.width
        self.subsampling = Subsampling(num_mels, sizes.width, sizes.subsampling)
        self.layers = nn.ModuleList(
            GruLayer(sizes.width, sizes.width // 2, bidirectional=True) for _ in range(sizes.layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(sizes.width) for _ in range(sizes.layers))
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded frames and their number in each utterance, [B]."""
        x, num_frames = self.subsampling(features, num_frames)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = norm(x + layer(self.dropout(x), num_frames))
        return x, num_frames
