"""Multi-head self-attention with rotary positions.

B: utterances · T: frames · S: frames seen, those kept of before included · D: width · H: heads · E: width of a head
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["BlockCache", "SelfAttention"]


@dataclass
class BlockCache:
    """What a block of a streaming encoder keeps of the frames before a chunk; it is changed in place."""

    keys: Tensor  # [B, H, S, E]
    values: Tensor  # [B, H, S, E]
    convolved: Tensor  # what its convolution still sees of the frames before: [B, D, kernel - 1], or [B, D, 0]

    @property
    def length(self) -> int:
        """S, the frames kept."""
        return self.keys.shape[2]

    def keep(self, frames: int) -> None:
        """Forgets all but the last `frames`."""
        first = max(0, self.length - frames)
        self.keys, self.values = self.keys[:, :, first:], self.values[:, :, first:]


class SelfAttention(nn.Module):
    """Attention (arXiv 1706.03762) that knows of positions only how far they are apart (rotary, arXiv 2104.09864)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, allowed: Tensor | None, start: int = 0, cache: BlockCache | None = None) -> Tensor:
        """Frames x [B, T, D], the first of them number `start`, attend where allowed [B, 1, T, S] says so."""
        queries, keys, values = self.inputs(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # [B, H, T, E]
        queries, keys = _rotate(queries, start), _rotate(keys, start)
        if cache is not None:
            keys = cache.keys = torch.cat([cache.keys, keys], dim=2)
            values = cache.values = torch.cat([cache.values, values], dim=2)
        dropout = self.dropout if self.training else 0.0
        seen = nn.functional.scaled_dot_product_attention(queries, keys, values, allowed, dropout)
        return self.output(seen.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


def _rotate(x: Tensor, start: int) -> Tensor:
    """Turns pairs of features of x [B, H, T, E] by angles that grow with the frame's number."""
    half = x.shape[3] // 2
    speeds = 10_000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angles = torch.arange(start, start + x.shape[2], device=x.device)[:, None] * speeds  # [T, E/2]
    cosines, sines = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], dim=3)
