"""The attention decoder of a hybrid model: a Transformer that says unit after unit of a text (arXiv 1706.03762).

It stands beside CTC on one encoder (Watanabe et al., "Hybrid CTC/Attention Architecture for End-to-End Speech
Recognition", IEEE JSTSP 2017; with chunks U2, Zhang et al., arXiv 2012.05481). CTC's blank, which is in no text, is
the mark of both its begin and its end.

B: utterances · N: texts of an utterance · U: units of a text · T': encoded frames · D: width · V: units, mark included
H: heads · E: width of a head
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ipl.asr.models.attention import CrossAttention, KeyCache, SelfAttention
from ipl.asr.models.layers import feed_forward, frame_mask
from ipl.asr.models.sizes import ConformerSizes, TransformerSizes
from ipl.asr.units import BLANK

__all__ = ["AttentionDecoder", "DecoderState"]

BEGIN = END = BLANK


@dataclass
class DecoderState:
    """What a decoder keeps between units of N texts of each of B utterances."""

    memory: list[tuple[Tensor, Tensor]]
    """for each layer keys and values [B, H, T', E] of the encoded frames"""
    is_frame: Tensor
    """bool [B, 1, 1, T'], false past an utterance's end"""
    caches: list[KeyCache]
    """for each layer what was made of the units so far, [B · N, H, U, E]"""

    def take(self, utterances: Tensor, texts: Tensor) -> DecoderState:
        """The state of some utterances [B'], and of each of them the texts [B', N] with repetition allowed."""
        batch = len(self.is_frame)
        rows = (utterances[:, None] * (len(self.caches[0].keys) // batch) + texts).flatten()
        memory = self.memory
        if len(utterances) != batch:  # else they are all, in order
            memory = [(keys[utterances], values[utterances]) for keys, values in memory]
        caches = [KeyCache(cache.keys[rows], cache.values[rows]) for cache in self.caches]
        return DecoderState(memory, self.is_frame[utterances], caches)


class AttentionDecoder(nn.Module):
    """Encoded frames and the units before a place to log probabilities of the unit at that place."""

    def __init__(self, num_units: int, sizes: TransformerSizes | ConformerSizes) -> None:
        super().__init__()
        self.label_smoothing = sizes.label_smoothing
        self.embedding = nn.Embedding(num_units, sizes.width)
        self.layers = nn.ModuleList(_Layer(sizes) for _ in range(sizes.decoder_layers))
        self.norm = nn.LayerNorm(sizes.width)
        self.output = nn.Linear(sizes.width, num_units)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, texts: Tensor, encoded: Tensor, num_frames: Tensor) -> Tensor:
        """Texts int64 [B, N, U], encoded [B, T', D], num_frames [B] to log_probs float32 [B, N, U + 1, V].

        At place u they are those of the unit after the first u of a text. What lies past a text's end means nothing.
        """
        given = nn.functional.pad(texts, (1, 0), value=BEGIN)
        positions = torch.arange(given.shape[2], device=given.device)
        x = self.dropout(self.embedding(given))  # [B, N, U + 1, D]
        is_frame, allowed = _is_frame(num_frames, encoded), positions[:, None] >= positions
        for layer in self.layers:
            x = layer(x, positions, allowed, encoded, is_frame)
        return self._log_probs(x)

    def begin(self, encoded: Tensor, num_frames: Tensor, texts: int) -> DecoderState:
        """The state before the first unit of `texts` texts of each utterance."""
        memory = [layer.cross.remember(encoded) for layer in self.layers]  # type: ignore[union-attr, operator]
        batch, heads, _, head = memory[0][0].shape
        nothing = encoded.new_zeros(batch * texts, heads, 0, head)
        return DecoderState(memory, _is_frame(num_frames, encoded), [KeyCache(nothing, nothing) for _ in memory])

    def step(self, units: Tensor, state: DecoderState) -> Tensor:
        """The last unit [B, N] of each text, BEGIN at first, to log_probs [B, N, V] of the next; `state` is changed."""
        position = torch.full((1,), state.caches[0].length, device=units.device)
        x = self.dropout(self.embedding(units[:, :, None]))
        for layer, memory, cache in zip(self.layers, state.memory, state.caches, strict=True):
            x = layer(x, position, None, memory, state.is_frame, cache)
        return self._log_probs(x[:, :, 0])

    def _log_probs(self, x: Tensor) -> Tensor:
        return self.output(self.norm(x)).float().log_softmax(dim=-1)  # type: ignore[no-any-return]

    def losses(self, encoded: Tensor, num_frames: Tensor, targets: Tensor, num_units: Tensor) -> Tensor:
        """Label-smoothed cross entropies of whole texts in nats, [B] (arXiv 1512.00567), the end's mark counted.

        Texts are given one after the other, targets int64 [sum of U], with num_units int64 [B].
        """
        texts = nn.utils.rnn.pad_sequence(list(torch.split(targets, num_units.tolist())), batch_first=True)
        log_probs = self(texts[:, None], encoded, num_frames)[:, 0]  # [B, U + 1, V]
        wanted = nn.functional.pad(texts, (0, 1), value=END)
        right = log_probs.gather(2, wanted[:, :, None])[:, :, 0]
        gained = (1 - self.label_smoothing) * right + self.label_smoothing * log_probs.mean(dim=2)
        return -(gained * frame_mask(num_units + 1, wanted.shape[1])).sum(dim=1)  # type: ignore[no-any-return]

    def score(self, encoded: Tensor, num_frames: Tensor, texts: Tensor, num_units: Tensor) -> Tensor:
        """log P(text | audio) in nats of texts [B, N, U] of num_units [B, N] units, their ends counted: [B, N]."""
        log_probs = self(texts, encoded, num_frames)
        places = torch.arange(texts.shape[2] + 1, device=texts.device)
        is_own = places <= num_units[:, :, None]
        wanted = nn.functional.pad(texts, (0, 1)).masked_fill(places == num_units[:, :, None], END)
        right: Tensor = log_probs.gather(3, wanted[:, :, :, None])[:, :, :, 0]
        return (right * is_own).sum(dim=2)


def _is_frame(num_frames: Tensor, encoded: Tensor) -> Tensor:
    """bool [B, 1, 1, T']. An utterance without frames sees one: with nothing to see there would be no numbers."""
    return frame_mask(num_frames.clamp(min=1), encoded.shape[1])[:, None, None]


class _Layer(nn.Module):
    """Attention on the units before, then on the frames, then a feed-forward layer, each after a norm."""

    def __init__(self, sizes: TransformerSizes | ConformerSizes) -> None:
        super().__init__()
        width = sizes.width
        self.norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, sizes.heads, sizes.dropout)
        self.cross_norm = nn.LayerNorm(width)
        self.cross = CrossAttention(width, sizes.heads, sizes.dropout)
        self.feed_forward = feed_forward(width, 4, nn.GELU(), sizes.dropout)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(
        self,
        x: Tensor,
        positions: Tensor,
        allowed: Tensor | None,
        memory: Tensor | tuple[Tensor, Tensor],
        is_frame: Tensor,
        cache: KeyCache | None = None,
    ) -> Tensor:
        """Units x [B, N, U, D] to the same shape; all texts of an utterance look at one copy of its frames.

        `memory` is the encoded frames [B, T', D], or the keys and values made of them.
        """
        among = self.attention(self.norm(x).flatten(0, 1), allowed, positions, cache)
        x = x + self.dropout(among.reshape(x.shape))
        keys, values = self.cross.remember(memory) if isinstance(memory, Tensor) else memory
        seen = self.cross(self.cross_norm(x).flatten(1, 2), keys, values, is_frame)
        x = x + self.dropout(seen.reshape(x.shape))
        return x + self.dropout(self.feed_forward(x))  # type: ignore[no-any-return]
