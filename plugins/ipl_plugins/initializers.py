"""Built-in initializers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import Literal

import ipl
from ipl.asr.models.reference import model_ref
from ipl.asr.models.sizes import read_sizes
from ipl.errors import InputError
from ipl.records import Cycle, ModelRef
from ipl.tables import Dataset
from ipl_plugins.model_pool import best_first, of_newest_cycle

__all__ = ["External", "Last", "Scratch", "Teacher"]


@ipl.plugin("scratch")
class Scratch:
    """The student starts from random weights; its units are learned from the labelled text."""

    architecture: str = "conv"
    "kind of encoder: conv, gru, deep_speech_2, wav2letter, transformer or conformer"
    sizes: dict[str, int | float] = field(default_factory=dict)
    "sizes to change, such as {width: 256, layers: 4, dropout: 0.2}"
    units: Literal["characters", "bigrams", "sentencepiece", "mixed"] = "characters"
    """what the model writes in: single characters; pairs of letters (bigrams), which let a model subsample more; parts
    of words that SentencePiece finds; or each Chinese character alone and such parts for other writing (mixed)"""
    num_units: int = 500
    "how many units at most; single characters are always all there, and mixed counts no Chinese ones"
    lower_case: bool = True
    "whether text is learnt in lower case"
    strip_punctuation: bool = True
    "whether punctuation but apostrophes is left out of the text"
    sample_rate_hz: int = 16_000
    "sample rate that the model hears; audio of another rate is resampled"
    num_mels: int = 80
    "mel bands of the features"
    normalise: Literal["none", "fixed", "mean", "mean-variance"] = "mean-variance"
    """what of each band's statistics is taken out of an utterance; fixed takes those of speech at large, for models
    that hear while audio comes in"""

    def __post_init__(self) -> None:
        """Refuses sizes that the architecture does not have."""
        read_sizes(self.architecture, self.sizes)
        for name, least in (("num_units", 1), ("sample_rate_hz", 4000), ("num_mels", 8)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected {least} or more")

    @ipl.hookimpl
    def initialize(self, cycle: Cycle, labelled: Dataset, out_dir: Path) -> ModelRef:
        """Writes a new model to `out_dir`, drawn from the cycle's seed."""
        from ipl.asr.config import FeatureConfig, ModelConfig
        from ipl.asr.models.model import create
        from ipl.asr.models.store import save
        from ipl.asr.text import TextConfig
        from ipl_plugins.labelled_units import labelled_units

        text = TextConfig(self.lower_case, self.strip_punctuation)
        units = labelled_units(cycle, labelled, text, self.units, self.num_units)
        features = FeatureConfig(self.sample_rate_hz, self.num_mels, self.normalise)
        save(create(ModelConfig(self.architecture, self.sizes, features, text), units, cycle.seed), out_dir)
        return model_ref(out_dir, cycle=cycle.index)


@ipl.plugin("teacher")
class Teacher:
    """The student starts as this cycle's teacher."""

    @ipl.hookimpl
    def initialize(self, cycle: Cycle, teacher: ModelRef | None) -> ModelRef:
        """Returns the teacher."""
        if teacher is None:
            raise InputError(
                f"cycle {cycle.index} ({cycle.name}): nothing is recognised, so there is no teacher to start from; "
                "use the initializer scratch, last or external, or a selector that selects"
            )
        return teacher


@ipl.plugin("last")
class Last:
    """The student starts as the student of the last cycle that trained."""

    which: Literal["best", "newest"] = "best"
    "which of its epochs: the best on the dev set, or the newest"

    @ipl.hookimpl
    def initialize(self, cycle: Cycle, models: Sequence[ModelRef]) -> ModelRef:
        """Returns one of `models`."""
        candidates = of_newest_cycle(cycle, models)
        return best_first(cycle, candidates)[0] if self.which == "best" else candidates[-1]


@ipl.plugin("external")
class External:
    """The student starts as a model from outside the run."""

    path: Path
    "folder of the model: model.safetensors and config.json"

    @ipl.hookimpl
    def initialize(self) -> ModelRef:
        """Returns the model at `path`."""
        return model_ref(self.path)
