"""A recurrent encoder: bidirectional gated recurrent layers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

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
            nn.GRU(sizes.width, sizes.width // 2, batch_first=True, bidirectional=True) for _ in range(sizes.layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(sizes.width) for _ in range(sizes.layers))
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded frames and their number in each utterance, [B]."""
        x, num_frames = self.subsampling(features, num_frames)
        lengths = num_frames.clamp(min=1).cpu()  # an utterance without frames cannot be packed
        for layer, norm in zip(self.layers, self.norms, strict=True):
            packed = pack_padded_sequence(self.dropout(x), lengths, batch_first=True, enforce_sorted=False)
            y, _ = pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=x.shape[1])
            x = norm(x + y)
        return x, num_frames
