"""The Transformer encoder (Vaswani et al., arXiv 1706.03762), with its norms before the layers (arXiv 2002.04745)."""

from __future__ import annotations

from torch import Tensor, nn

from ipl.asr.models.attention import SelfAttention
from ipl.asr.models.attention_encoder import AttentionEncoder, BlockCache, Sight
from ipl.asr.models.layers import feed_forward
from ipl.asr.models.sizes import TransformerSizes

__all__ = ["TransformerEncoder"]


class _Block(nn.Module):
    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(sizes.width)
        self.attention = SelfAttention(sizes.width, sizes.heads, sizes.dropout)
        self.feed_forward = feed_forward(sizes.width, 4, nn.GELU(), sizes.dropout)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, x: Tensor, sight: Sight, cache: BlockCache | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm(x), sight.allowed, sight.positions, cache))
        return x + self.dropout(self.feed_forward(x))  # type: ignore[no-any-return]


class TransformerEncoder(AttentionEncoder):
    """Blocks of attention and a feed-forward layer."""

    block = _Block
