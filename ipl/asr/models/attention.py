"""Multi-head attention: among frames or units with rotary positions, and of units on frames.

B: utterances · T: frames · S: frames seen, those kept of before included · D: width · H: heads · E: width of a head
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["CrossAttention", "KeyCache", "SelfAttention"]


@dataclass
class KeyCache:
    """What attention keeps of the frames before those that come; it is changed in place."""

    keys: Tensor  # [B, H, S, E]
    values: Tensor  # [B, H, S, E]
    ahead: int = 0
    """So many of the last frames that come will come again, and are not kept."""

    @property
    def length(self) -> int:
        """S, the frames kept."""
        return self.keys.shape[2]

    def keep(self, frames: int) -> None:
        """Forgets all but the last `frames`."""
        first = max(0, self.length - frames)
        self.keys, self.values = self.keys[:, :, first:], self.values[:, :, first:]

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what was kept, and after it keys and values [B, H, T, E] of the frames that come."""
        keys, values = torch.cat([self.keys, keys], dim=2), torch.cat([self.values, values], dim=2)
        kept = keys.shape[2] - self.ahead
        self.keys, self.values = keys[:, :, :kept], values[:, :, :kept]
        return keys, values


class SelfAttention(nn.Module):
    """Attention (arXiv 1706.03762) that knows of positions only how far they are apart (rotary, arXiv 2104.09864)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, allowed: Tensor | None, positions: Tensor, cache: KeyCache | None = None) -> Tensor:
        """Frames x [B, T, D], whose numbers are positions [T], attend where allowed [B, 1, T, S] says so."""
        queries, keys, values = self.inputs(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # [B, H, T, E]
        queries, keys = _rotate(queries, positions), _rotate(keys, positions)
        if cache is not None:
            keys, values = cache.extend(keys, values)
        dropout = self.dropout if self.training else 0.0
        seen = nn.functional.scaled_dot_product_attention(queries, keys, values, allowed, dropout)
        return self.output(seen.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class CrossAttention(nn.Module):
    """Attention of one sequence on another, without positions; keys and values are made once for many queries."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.inputs = nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def remember(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [B, H, S, E] of memory [B, S, D]."""
        keys, values = self.memory(memory).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return keys, values

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, allowed: Tensor) -> Tensor:
        """What x [B, T, D] sees of the memory, where allowed [B, 1, 1, S] says so: [B, T, D]."""
        queries = self.inputs(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        dropout = self.dropout if self.training else 0.0
        seen = nn.functional.scaled_dot_product_attention(queries, keys, values, allowed, dropout)
        return self.output(seen.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


def _rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Turns pairs of features of x [B, H, T, E] by angles that grow with the frame's number, positions [T]."""
    half = x.shape[3] // 2
    speeds = 10_000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angles = positions[:, None] * speeds  # [T, E/2]
    cosines, sines = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], dim=3)
