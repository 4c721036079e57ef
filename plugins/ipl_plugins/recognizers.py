"""Built-in recognizers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import ipl
from ipl.records import Hypothesis, ModelRef, Utterance

__all__ = ["Ctc"]


@ipl.plugin("ctc")
class Ctc:
    """Recognises with a CTC model of ipl: greedily, or by prefix beam search.

    Utterances that cannot be heard (no samples, not audio) get an empty hypothesis of score -1e9.
    """

    beam: int = 8
    "prefixes kept in the search; 1 decodes greedily"
    n_best: int = 1
    "texts to keep of each utterance as alternatives; 1 keeps none"
    batch_seconds: float = 120.0
    "audio in a batch, padding counted"
    device: str = "auto"
    "where the model runs: auto, cpu, cuda, cuda:1"

    def __post_init__(self) -> None:
        """Refuses sizes below one, and more texts than the search keeps."""
        if self.beam < 1 or self.n_best < 1 or self.batch_seconds <= 0:
            raise ValueError(
                f"found beam {self.beam}, n_best {self.n_best}, batch_seconds {self.batch_seconds}; "
                "expected 1 or more, 1 or more, above 0"
            )
        if self.n_best > self.beam:
            raise ValueError(f"n_best: found {self.n_best}, expected at most beam, {self.beam}")

    @ipl.hookimpl
    def recognize(self, utterances: Sequence[Utterance], teacher: ModelRef) -> Iterable[Hypothesis]:
        """Yields one hypothesis for each utterance, shortest first."""
        from ipl.asr.recognition import DecodingOptions, recognize

        return recognize(utterances, teacher, DecodingOptions(self.beam, self.n_best, self.batch_seconds, self.device))
