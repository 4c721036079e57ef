"""An encoder of attention blocks: full, in chunks, or a chunk at a time as audio comes in.

B: utterances · T: frames · T': frames after subsampling · F: mel bands · D: width · C: frames of a chunk
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from ipl.asr.models.attention import BlockCache
from ipl.asr.models.layers import Subsampling, frame_mask
from ipl.asr.models.masks import chunk_mask, draw_chunk
from ipl.asr.models.sizes import ConformerSizes, TransformerSizes

__all__ = ["AttentionEncoder", "Block"]


class Block(Protocol):
    """A block maps frames x [B, T', D] to the same shape."""

    def __call__(
        self, x: Tensor, allowed: Tensor | None, mask: Tensor, start: int = 0, cache: BlockCache | None = None
    ) -> Tensor:
        """As `SelfAttention`; mask [B, T', 1] tells an utterance's own frames."""


class AttentionEncoder(nn.Module):
    """Features [B, T, F] to [B, T', D]. Subclasses say what a block is, and how many frames its convolution keeps.

    `chunk_frames` and `left_chunks` may be changed after training: with dynamic chunks one model serves them all.
    """

    block: type[nn.Module]
    kept_by_convolution = 0

    def __init__(self, num_mels: int, sizes: TransformerSizes | ConformerSizes) -> None:
        super().__init__()
        self.width, self.heads = sizes.width, sizes.heads
        self.is_causal, self.has_dynamic_chunks = sizes.is_causal, bool(sizes.dynamic_chunks)
        self.chunk_frames, self.left_chunks = sizes.chunk_frames, sizes.left_chunks
        self.subsampling = Subsampling(num_mels, sizes.width, sizes.subsampling)
        self.blocks = nn.ModuleList(self.block(sizes) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded frames and their number in each utterance, [B]."""
        x, num_frames = self.subsampling(features, num_frames)
        own = frame_mask(num_frames, x.shape[1])  # [B, T']
        # A frame always sees itself: with nothing to see, padding would turn into no numbers, and its gradients too.
        itself = torch.eye(x.shape[1], dtype=torch.bool, device=x.device)
        allowed = (self._within_chunks(x.shape[1], x.device) & own[:, None, :] | itself)[:, None]  # [B, 1, T', T']
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, allowed, own[:, :, None])
        return self.norm(x), num_frames

    def _within_chunks(self, length: int, device: torch.device) -> Tensor:
        chunk = draw_chunk(length) if self.training and self.has_dynamic_chunks else self.chunk_frames
        return chunk_mask(length, chunk or length, self.left_chunks, device)

    def forward_chunk(self, x: Tensor, start: int, caches: list[BlockCache]) -> Tensor:
        """The next chunk of subsampled frames x [B, C, D], the first of them number `start`, of a stream.

        All chunks of an utterance give what `forward` gives for all of it. `caches` are changed.
        """
        mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)[:, :, None]
        for block, cache in zip(self.blocks, caches, strict=True):
            if self.left_chunks:
                cache.keep(self.left_chunks * self.chunk_frames)
            x = block(x, None, mask, start, cache)
        return self.norm(x)  # type: ignore[no-any-return]

    def new_caches(self, batch: int, like: Tensor) -> list[BlockCache]:
        """The caches of streams that begin; `like` tells device and type."""
        head = like.new_zeros(batch, self.heads, 0, self.width // self.heads)
        convolved = like.new_zeros(batch, self.width, self.kept_by_convolution)
        return [BlockCache(head, head, convolved) for _ in self.blocks]
