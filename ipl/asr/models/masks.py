"""Which frames may attend to which: bool masks [T, T], true where frame i (row) sees frame j (column)."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["chunk_mask", "draw_chunk"]

LONGEST_DRAWN = 25


def chunk_mask(length: int, chunk: int, left_chunks: int = 0, device: torch.device | None = None) -> Tensor:
    """A frame sees its own chunk of `chunk` frames and `left_chunks` before it, or all before it where that is 0.

    >>> chunk_mask(5, 2, 1).int().tolist()
    [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [0, 0, 1, 1, 1]]
    """
    number = torch.arange(length, device=device) // chunk
    i, j = number[:, None], number[None, :]
    return (j <= i) & (j >= i - left_chunks) if left_chunks else j <= i


def draw_chunk(length: int) -> int:
    """A chunk for a training step, by torch's own generator: as often as not the whole `length`, else 1 to 25 frames.

    The dynamic chunks of U2 (Zhang et al., arXiv 2012.05481): one model for every latency.
    """
    drawn = int(torch.randint(1, max(2, length), ()))
    return length if drawn > length // 2 else drawn % LONGEST_DRAWN + 1
