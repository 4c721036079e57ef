"""An encoder of attention blocks: full, in chunks, in chunks that overlap, or a chunk at a time as audio comes in.

B: utterances · T: frames · T': frames after subsampling · F: mel bands · D: width · C: frames of a chunk
S: places of frames, T' but for chunks that overlap (`ipl.asr.models.windows`)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from ipl.asr.models.attention import KeyCache
from ipl.asr.models.layers import Subsampling, frame_mask
from ipl.asr.models.masks import chunk_mask, draw_chunk
from ipl.asr.models.sizes import ConformerSizes, TransformerSizes
from ipl.asr.models.windows import Windows

__all__ = ["AttentionEncoder", "Block", "BlockCache", "Sight"]


@dataclass(kw_only=True)
class BlockCache(KeyCache):
    """What a block of a streaming encoder keeps of the frames before a chunk; it is changed in place."""

    convolved: Tensor
    """What its convolution still sees of the frames before: [B, D, kernel - 1], or [B, D, 0]."""


@dataclass(frozen=True)
class Sight:
    """What frames are and what they see."""

    positions: Tensor
    """int64 [S], the number of the frame at a place"""
    own: Tensor
    """bool [B, S, 1], false where an utterance has no such frame"""
    allowed: Tensor | None = None
    """bool [B, 1, S, S], where row may attend to column; everywhere without it"""
    windows: Windows | None = None
    """how chunks overlap, where they do"""


class Block(Protocol):
    """A block maps frames x [B, S, D] to the same shape."""

    def __call__(self, x: Tensor, sight: Sight, cache: BlockCache | None = None) -> Tensor:
        """With a cache, x are the next frames of a stream."""


class AttentionEncoder(nn.Module):
    """Features [B, T, F] to [B, T', D]. Subclasses say what a block is, and how many frames its convolution keeps.

    `chunk_frames`, `left_chunks` and `right_frames` may be changed after training: with dynamic chunks one model
    serves many.
    """

    block: type[nn.Module]
    kept_by_convolution = 0

    def __init__(self, num_mels: int, sizes: TransformerSizes | ConformerSizes) -> None:
        super().__init__()
        self.width, self.heads = sizes.width, sizes.heads
        self.is_causal, self.has_dynamic_chunks = sizes.is_causal, bool(sizes.dynamic_chunks)
        self.chunk_frames, self.left_chunks, self.right_frames = (
            sizes.chunk_frames,
            sizes.left_chunks,
            sizes.right_frames,
        )
        self.subsampling = Subsampling(num_mels, sizes.width, sizes.subsampling)
        self.blocks = nn.ModuleList(self.block(sizes) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded frames and their number in each utterance, [B]."""
        x, num_frames = self.subsampling(features, num_frames)
        sight = self._sight(x.shape[1], num_frames)
        x = self.dropout(x if sight.windows is None else sight.windows.spread(x))
        for block in self.blocks:
            x = block(x, sight)
        x = x if sight.windows is None else sight.windows.join(x)
        return self.norm(x), num_frames

    def _sight(self, length: int, num_frames: Tensor) -> Sight:
        device = num_frames.device
        chunk = draw_chunk(length) if self.training and self.has_dynamic_chunks else self.chunk_frames
        if self.right_frames and 0 < chunk < length:
            windows = Windows(length, chunk, self.right_frames, device)
            positions, mask = windows.frames, windows.mask(self.left_chunks)
        else:
            windows = None
            positions = torch.arange(length, device=device)
            mask = chunk_mask(length, chunk or length, self.left_chunks, device)
        own = positions < num_frames[:, None]  # [B, S]
        # A frame always sees itself: with nothing to see, padding would turn into no numbers, and its gradients too.
        itself = torch.eye(len(positions), dtype=torch.bool, device=device)
        allowed = (mask & own[:, None, :] | itself)[:, None]
        return Sight(positions, own[:, :, None], allowed, windows)

    def forward_chunk(self, x: Tensor, start: int, caches: list[BlockCache], ahead: int = 0) -> Tensor:
        """The next chunk of a stream: subsampled frames x [B, C + ahead, D], the first of them number `start`.

        The last `ahead` of them, of the next chunk, are seen only. All chunks of an utterance give [B, C, D] of what
        `forward` gives for all of it. `caches` are changed.
        """
        count = torch.full(x.shape[:1], x.shape[1], device=x.device)
        sight = Sight(
            torch.arange(start, start + x.shape[1], device=x.device), frame_mask(count, x.shape[1])[:, :, None]
        )
        for block, cache in zip(self.blocks, caches, strict=True):
            if self.left_chunks:
                cache.keep(self.left_chunks * self.chunk_frames)
            cache.ahead = ahead
            x = block(x, sight, cache)
        return self.norm(x[:, : x.shape[1] - ahead])  # type: ignore[no-any-return]

    def new_caches(self, batch: int, like: Tensor) -> list[BlockCache]:
        """The caches of streams that begin; `like` tells device and type."""
        head = like.new_zeros(batch, self.heads, 0, self.width // self.heads)
        convolved = like.new_zeros(batch, self.width, self.kept_by_convolution)
        return [BlockCache(head, head, convolved=convolved) for _ in self.blocks]
