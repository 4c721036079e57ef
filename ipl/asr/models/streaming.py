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

    Latency is a chunk and the subsampling's lookahead of `subsampling` + 1 frames. Features have to come normalised,
    so a model for streams wants features that are not normalised by utterance (`normalise: none`).
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

    @torch.inference_mode()
    def feed(self, features: Tensor, is_last: bool = False) -> Tensor:
        """The next features [T, F] of the utterance to log_probs [T', V] of the chunks that are now whole.

        With `is_last` the chunk that was begun counts as whole.
        """
        self._features = torch.cat([self._features, features])
        total = self._first + len(self._features)
        # A subsampled frame t sees frames up to factor * t + factor + 1.
        ready = -(-total // self.factor) if is_last else max(0, (total - 2) // self.factor)
        if not is_last:
            ready -= ready % self.encoder.chunk_frames
        x = self._subsample(ready)
        size = self.encoder.chunk_frames
        chunks = [
            self.encoder.forward_chunk(x[:, start : start + size], self._done + start, self._caches)
            for start in range(0, x.shape[1], size)
        ]
        self._done = ready
        encoded = torch.cat([x[:, :0], *chunks], dim=1)
        return self.model.output(encoded)[0].float().log_softmax(dim=-1)  # type: ignore[no-any-return]

    def _subsample(self, ready: int) -> Tensor:
        """Subsampled frames [1, T', D] from those done to those ready; forgets features that no later one sees."""
        again = min(2, self._done)  # so many before see, as the first of these does, frames that came earlier
        begin = (self._done - again) * self.factor
        self._features, self._first = self._features[begin - self._first :], begin
        if ready <= self._done:
            return self._features.new_zeros(1, 0, self.encoder.width)
        seen = self._features[: ready * self.factor + 2 - begin]
        x, _ = self.encoder.subsampling(seen[None], torch.tensor([len(seen)], device=seen.device))
        return x[:, again : again + ready - self._done]  # type: ignore[no-any-return]
