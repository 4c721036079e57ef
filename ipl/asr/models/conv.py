"""A convolutional encoder: residual blocks of gated depthwise-separable convolutions over time."""

from __future__ import annotations

from torch import Tensor, nn

from ipl.asr.models.layers import Subsampling, feed_forward, frame_mask
from ipl.asr.models.sizes import ConvSizes

__all__ = ["ConvEncoder"]


class ConvEncoder(nn.Module):
    """Features [B, T, F] to [B, T', D]."""

    def __init__(self, num_mels: int, sizes: ConvSizes) -> None:
        super().__init__()
        self.width = sizes.width
        self.subsampling = Subsampling(num_mels, sizes.width, sizes.subsampling)
        self.blocks = nn.ModuleList(_Block(sizes) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(sizes.width)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded frames and their number in each utterance, [B]."""
        x, num_frames = self.subsampling(features, num_frames)
        mask = frame_mask(num_frames, x.shape[1])[:, :, None]
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x), num_frames


class _Block(nn.Module):
    """The convolution module of the Conformer (arXiv 2005.08100) with a layer norm, then a feed-forward layer."""

    def __init__(self, sizes: ConvSizes) -> None:
        super().__init__()
        width = sizes.width
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, sizes.kernel, padding=sizes.kernel // 2, groups=width)
        self.depth_norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, width)
        self.feed_forward = feed_forward(width, 2, nn.SiLU(), sizes.dropout)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = nn.functional.glu(self.gate(self.norm(x)), dim=-1) * mask
        y = self.depthwise(y.transpose(1, 2)).transpose(1, 2)
        x = x + self.dropout(self.mix(nn.functional.silu(self.depth_norm(y))))
        return x + self.dropout(self.feed_forward(x))  # type: ignore[no-any-return]
