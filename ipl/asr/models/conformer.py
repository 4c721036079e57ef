"""The Conformer encoder (Gulati et al., arXiv 2005.08100), with rotary positions and layer norms.

Where the paper's convolutions have a batch norm these have a layer norm: pseudo-labels by momentum suffer from the
former. With chunks they see no frame ahead, as in U2 (arXiv 2012.05481).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ipl.asr.models.attention import SelfAttention
from ipl.asr.models.attention_encoder import AttentionEncoder, BlockCache, Sight
from ipl.asr.models.layers import feed_forward
from ipl.asr.models.sizes import ConformerSizes

__all__ = ["ConformerEncoder"]


class _Block(nn.Module):
    """Half a feed-forward layer, attention, convolution, the other half."""

    def __init__(self, sizes: ConformerSizes) -> None:
        super().__init__()
        self.feed_forwards = nn.ModuleList(feed_forward(sizes.width, 4, nn.SiLU(), sizes.dropout) for _ in range(2))
        self.attention_norm = nn.LayerNorm(sizes.width)
        self.attention = SelfAttention(sizes.width, sizes.heads, sizes.dropout)
        self.convolution = _Convolution(sizes)
        self.norm = nn.LayerNorm(sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, x: Tensor, sight: Sight, cache: BlockCache | None = None) -> Tensor:
        x = x + 0.5 * self.dropout(self.feed_forwards[0](x))
        x = x + self.dropout(self.attention(self.attention_norm(x), sight.allowed, sight.positions, cache))
        x = x + self.dropout(self.convolution(x, sight, cache))
        x = x + 0.5 * self.dropout(self.feed_forwards[1](x))
        return self.norm(x)  # type: ignore[no-any-return]


class _Convolution(nn.Module):
    def __init__(self, sizes: ConformerSizes) -> None:
        super().__init__()
        width, before = sizes.width, sizes.kernel - 1
        self.padding = (before, 0) if sizes.is_causal else (before - before // 2, before // 2)
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, sizes.kernel, groups=width)
        self.depth_norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor, sight: Sight, cache: BlockCache | None) -> Tensor:
        y = (nn.functional.glu(self.gate(self.norm(x)), dim=-1) * sight.own).transpose(1, 2)  # [B, D, S]
        if sight.windows is not None:
            y = sight.windows.in_row(self.depthwise(sight.windows.with_past(y, self.padding[0])))
        elif cache is not None:
            y = torch.cat([cache.convolved, y], dim=2)
            kept = y.shape[2] - cache.ahead
            cache.convolved = y[:, :, kept - self.padding[0] : kept]
            y = self.depthwise(y)
        else:
            y = self.depthwise(nn.functional.pad(y, self.padding))
        return self.mix(nn.functional.silu(self.depth_norm(y.transpose(1, 2))))  # type: ignore[no-any-return]


class ConformerEncoder(AttentionEncoder):
    """Blocks of attention and convolution between two halves of a feed-forward layer."""

    block = _Block

    def __init__(self, num_mels: int, sizes: ConformerSizes) -> None:
        super().__init__(num_mels, sizes)
        self.kept_by_convolution = sizes.kernel - 1
