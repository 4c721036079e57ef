"""Recognition while an utterance is being said: samples go in as they come, the text so far comes out.

N: samples · T: frames of 10 ms · T': frames after subsampling · V: units, blank included
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ipl.asr import features
from ipl.asr.config import FeatureConfig
from ipl.asr.decoding.beam import PrefixBeam
from ipl.asr.decoding.greedy import greedy
from ipl.asr.models.model import CtcModel
from ipl.asr.models.streaming import Stream
from ipl.asr.recognition import DecodingOptions, check_decoder, different_texts, fusion_of, hypotheses_of
from ipl.asr.units import BLANK
from ipl.errors import InputError
from ipl.records import Hypothesis, Utterance

__all__ = ["Listener"]


class Listener:
    """One utterance; what it has heard at the end is what the same model with the same chunks hears in all of it.

    Encoder and beam search go on from chunk to chunk, nothing is computed twice. Raises InputError for a model that has
    no chunks, or whose features are normalised by utterance.
    """

    def __init__(self, model: CtcModel, options: DecodingOptions) -> None:
        if model.config.features.normalise not in ("none", "fixed"):
            raise InputError(
                f"streaming: the model's features are normalised by utterance ({model.config.features.normalise}), "
                "which is not known before its end; expected a model with `normalise: fixed`"
            )
        check_decoder(model, options, "streaming")
        if options.decode == "joint":
            raise InputError("streaming: found decode: joint, which needs the whole utterance; expected rescore")
        self.model, self.options = model, options
        self._stream = Stream(model)
        self._sound = _Sound(model.config.features)
        device = next(model.parameters()).device
        self._fusion = fusion_of(model.units, options, device)
        like = torch.zeros(0, device=device)
        self._search = PrefixBeam(1, options.beam, like, fusion=self._fusion) if not options.is_greedy else None
        self._log_probs = [torch.zeros(0, len(model.units), device=device)]
        self._encoded: list[Tensor] = []

    @torch.inference_mode()
    def hear(self, samples: Tensor, is_last: bool = False) -> None:
        """Takes the next samples, float32 [N] in -1..1 at the model's rate, any number of them."""
        heard = self._sound.frames(samples).to(self._log_probs[0].device)
        encoded = self._stream.encode(heard, is_last)
        if len(encoded):
            log_probs = self.model.ctc(encoded)
            self._encoded.append(encoded)
            self._log_probs.append(log_probs)
            if self._search:
                self._search.feed(log_probs[None], torch.tensor([len(log_probs)], device=log_probs.device))

    @property
    def text(self) -> str:
        """What has been said so far; its end may still change."""
        return self.model.units.decode(self._texts()[0])

    @property
    def silent_ms(self) -> int:
        """For how long the model has heard nothing but blanks."""
        best = torch.cat(self._log_probs).argmax(dim=1)
        said = torch.nonzero(best != BLANK)
        frames = len(best) - (int(said[-1]) + 1 if len(said) else 0)
        return round(frames * self.model.config.sizes["subsampling"] * features.STEP_MS)

    @torch.inference_mode()
    def hypothesis(self, utterance: Utterance) -> Hypothesis:
        """What was said in all, with its exact score, as a recogniser of whole utterances has it."""
        encoded = torch.cat(
            [torch.zeros(0, self.model.encoder.width, device=self._log_probs[0].device), *self._encoded]
        )
        log_probs = torch.cat(self._log_probs)[None]
        num_frames = torch.tensor([log_probs.shape[1]])
        texts = [self._texts()[: None if self.options.needs_decoder else self.options.n_best]]
        (found,) = hypotheses_of(
            self.model, [utterance], encoded[None], log_probs, num_frames, texts, self.options, self._fusion
        )
        return found

    def _texts(self) -> list[list[int]]:
        units = self.model.units
        if self._search:
            return different_texts(units, self._search.candidates()[0])
        log_probs = torch.cat(self._log_probs)[None]
        return [units.tidy(greedy(log_probs, torch.tensor([log_probs.shape[1]]))[0])]


@dataclass
class _Sound:
    """Samples that came, from the first that a later frame still sees."""

    config: FeatureConfig
    waiting: Tensor = field(default_factory=lambda: torch.zeros(0))

    def frames(self, samples: Tensor) -> Tensor:
        """The features [T, F] of the frames that are whole with these samples [N]."""
        self.waiting = torch.cat([self.waiting, samples])
        found = features.compute(self.waiting, self.config)
        self.waiting = self.waiting[len(found) * self.config.sample_rate_hz * features.STEP_MS // 1000 :]
        return found
