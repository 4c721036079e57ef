"""Recognition while audio comes in: features go in piece by piece, log probabilities come out chunk by chunk.

T: frames of 10 ms · T': frames after subsampling · F: mel bands · D: width · V: units, blank included
"""

from __future__ import annotations

import torch
from torch import Tensor

from ipl.asr.models.attention_encoder import AttentionEncoder
from ipl.asr.models.model import CtcModel
from ipl.errors import InputError

__all__ = ["Stream"]


class Stream:
    """One utterance through a model of chunks; what it gives is what the model gives for the whole utterance.

    Latency is a chunk, the encoder's `right_frames`, and the subsampling's lookahead of `subsampling` + 1 frames.
    Features have to come normalised, so a model for streams wants features that are not normalised by utterance
    (`normalise: fixed`).
    Raises InputError for a model without chunks.
    """

    def __init__(self, model: CtcModel) -> None:
        encoder = model.encoder
        if not isinstance(encoder, AttentionEncoder) or not (encoder.is_causal and encoder.chunk_frames):
            raise InputError(
                f"streaming: found a {model.config.architecture} without chunks, expected a transformer or "
                "conformer that was trained with chunk_frames or dynamic_chunks, and has chunk_frames set"
            )
        self.model, self.encoder, self.factor = model, encoder, encoder.subsampling.factor
        parameter = next(model.parameters())
        self._features = parameter.new_zeros(0, model.config.features.num_mels)
        self._first = 0  # the number of the first frame in _features
        self._done = 0  # how many subsampled frames have been encoded
        self._caches = encoder.new_caches(1, parameter)

    def feed(self, features: Tensor, is_last: bool = False) -> Tensor:
        """The next features [T, F] of the utterance to log_probs [T', V] of the chunks that are now whole.

        With `is_last` the chunk that was begun counts as whole.
        """
        with torch.inference_mode():
            return self.model.ctc(self.encode(features, is_last))

    @torch.inference_mode()
    def encode(self, features: Tensor, is_last: bool = False) -> Tensor:
        """As `feed`, to encoded frames [T', D]."""
        self._features = torch.cat([self._features, features])
        total = self._first + len(self._features)
        size, ahead = self.encoder.chunk_frames, self.encoder.right_frames
        # A subsampled frame t sees frames up to factor * t + factor + 1.
        there = -(-total // self.factor) if is_last else max(0, (total - 2) // self.factor)
        ready = there if is_last else max(self._done, (there - ahead) // size * size)
        x = self._subsample(ready, min(there, ready + ahead))
        chunks = []
        for start in range(0, ready - self._done, size):
            piece = x[:, start : start + size + ahead]
            chunks.append(
                self.encoder.forward_chunk(piece, self._done + start, self._caches, ahead=max(0, piece.shape[1] - size))
            )
        self._done = ready
        return torch.cat([x[:, :0], *chunks], dim=1)[0]

    def _subsample(self, ready: int, seen: int) -> Tensor:
        """Subsampled frames [1, T', D] from those done to `seen`; forgets features that none from `ready` on sees."""
        again = min(2, self._done)  # so many before see, as the first of these does, frames that came earlier
        begin = (self._done - again) * self.factor
        self._features, self._first = self._features[begin - self._first :], begin
        if ready <= self._done:
            return self._features.new_zeros(1, 0, self.encoder.width)
        heard = self._features[: seen * self.factor + 2 - begin]
        x, _ = self.encoder.subsampling(heard[None], torch.tensor([len(heard)], device=heard.device))
        return x[:, again : again + seen - self._done]  # type: ignore[no-any-return]
