"""Chunk-flow attention: chunks that overlap, each with some frames of the next one.

T: frames · C: frames of a chunk · R: frames ahead of a chunk · N: chunks · S: N · (C + R) places · D: width

A frame that looks R frames ahead in each of many layers would look ahead R more in each. So a chunk has copies of its
own of the R frames after it, which go through all layers with that chunk and are thrown away at the end:

    frames   0 1 2 3 4 5 6 7 8        C = 3, R = 2
    places   0 1 2[3 4] 3 4 5[6 7] 6 7 8
    chunk    0 0 0 0 0  1 1 1 1 1  2 2 2

All places of a chunk see each other, and the own frames, not the copies, of the chunks before: all of them, or the last
`left_chunks`. So latency is C + R frames however many layers there are, and what a chunk saw can be kept for the next.

The names C-MHA (chunks side by side) and CL-MHA (chunk-flow) are those of Zoom's IPL architecture (2022), of which no
code and no detail is public. What is done here is the overlap of chunk-hopping (Dong et al., arXiv 1902.06450), where a
chunk is encoded together with frames of both neighbours, with the left ones kept and not computed again and the right
ones copied, as in the Emformer (Shi et al., arXiv 2010.10759) without its memory bank.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Windows"]


class Windows:
    """Where each frame of `length` lies when chunks of `chunk` frames have `ahead` frames of the next."""

    def __init__(self, length: int, chunk: int, ahead: int, device: torch.device | None = None) -> None:
        self.length, self.chunk, self.size = length, chunk, chunk + ahead
        self.count = -(-length // chunk)
        places = torch.arange(self.count * self.size, device=device)
        self.number = places // self.size
        """int64 [S], which chunk a place belongs to."""
        self.frames = self.number * chunk + places % self.size
        """int64 [S], which frame lies at a place; it may be past the last."""
        self.is_copy = places % self.size >= chunk

    def spread(self, x: Tensor) -> Tensor:
        """Frames x [B, T, D] to places [B, S, D]."""
        return x[:, self.frames.clamp(max=self.length - 1)]

    def join(self, x: Tensor) -> Tensor:
        """Places x [B, S, D] to frames [B, T, D], without the copies."""
        return x.reshape(len(x), self.count, self.size, -1)[:, :, : self.chunk].flatten(1, 2)[:, : self.length]

    def mask(self, left_chunks: int) -> Tensor:
        """Which place (row) sees which (column), bool [S, S]; with `left_chunks` 0 all chunks before are seen."""
        i, j = self.number[:, None], self.number[None, :]
        before = (j < i) & (j >= i - left_chunks) if left_chunks else j < i
        return (i == j) | before & ~self.is_copy

    def with_past(self, x: Tensor, past: int) -> Tensor:
        """Places x [B, D, S] as chunks [B · N, D, past + C + R], each after the `past` own frames before it."""
        chunks = x.reshape(*x.shape[:2], self.count, self.size)  # [B, D, N, C + R]
        own = nn.functional.pad(chunks[..., : self.chunk].flatten(2), (past, 0))
        before = own.unfold(2, past, self.chunk)[:, :, : self.count]  # [B, D, N, past]
        return torch.cat([before, chunks], dim=3).transpose(1, 2).flatten(0, 1)

    def in_row(self, x: Tensor) -> Tensor:
        """Chunks [B · N, D, C + R] one after the other, [B, D, S]."""
        return x.reshape(-1, self.count, *x.shape[1:]).transpose(1, 2).flatten(2)
