"""Built-in recognizers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import ipl
from ipl.records import Hypothesis, ModelRef, Utterance

__all__ = ["Ctc"]


@ipl.plugin("ctc")
class Ctc:
    """Recognises with a model of ipl: greedily, by prefix beam search, or with a hybrid's attention decoder.

    Utterances that cannot be heard (no samples, not audio) get an empty hypothesis of score -1e9.
    """

    decode: Literal["greedy", "beam", "rescore", "joint"] = "beam"
    """CTC's best path (greedy), CTC's prefix beam search (beam), its texts rescored by the attention decoder of a
    hybrid model (rescore), or one search that both steer (joint)"""
    beam: int = 8
    "prefixes kept in the search; 1 decodes greedily"
    ctc_weight: float = 0.3
    "share of CTC in a text's score under rescore and joint; the rest is the attention decoder's"
    n_best: int = 1
    "texts to keep of each utterance as alternatives; 1 keeps none"
    batch_seconds: float = 120.0
    "audio in a batch, padding counted"
    device: str = "auto"
    "where the model runs: auto, cpu, cuda, cuda:1"
    language_model: Path | None = None
    "ARPA file of n-grams of the teacher's units that has its say in the search, such as `python -m ipl.asr.lm` makes"
    lm_weight: float = 0.5
    "how much its log probability counts against that of the audio"
    unit_bonus: float = 0.0
    "what each character adds to a text's score in nats; above 0 makes up for a language model's liking of short texts"
    words: bool = False
    "whether hypotheses also tell when each word is said, and how sure it is"

    def __post_init__(self) -> None:
        """Refuses sizes below one, and more texts than the search keeps."""
        for name in ("beam", "n_best"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected 1 or more")
        if self.batch_seconds <= 0:
            raise ValueError(f"batch_seconds: found {self.batch_seconds}, expected above 0")
        if self.n_best > self.beam:
            raise ValueError(f"n_best: found {self.n_best}, expected at most beam, {self.beam}")
        if not 0 < self.ctc_weight < 1:
            raise ValueError(f"ctc_weight: found {self.ctc_weight}, expected more than 0 and less than 1")
        if self.decode == "greedy" and (self.n_best > 1 or self.language_model):
            raise ValueError("decode: found greedy, which finds one text, expected beam for n_best or a language_model")
        if self.language_model and not self.language_model.is_file():
            raise ValueError(f"language_model: no file is at {self.language_model}")
        if self.language_model and self.beam == 1 and self.decode != "joint":
            raise ValueError("beam: found 1, which is greedy, expected 2 or more for a language_model to choose from")

    @ipl.hookimpl
    def recognize(self, utterances: Sequence[Utterance], teacher: ModelRef) -> Iterable[Hypothesis]:
        """Yields one hypothesis for each utterance, shortest first."""
        from ipl.asr.recognition import DecodingOptions, recognize

        options = DecodingOptions(
            self.beam,
            self.n_best,
            self.batch_seconds,
            self.device,
            self.language_model,
            self.lm_weight,
            self.unit_bonus,
            self.words,
            self.decode,
            self.ctc_weight,
        )
        return recognize(utterances, teacher, options)
