"""Models of Hugging Face as teachers and as students: needs the extra `huggingface`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import ipl
from ipl.asr.models.reference import checkpoint_kind, model_ref
from ipl.records import Cycle, Hypothesis, ModelRef, Utterance
from ipl.tables import Dataset

__all__ = ["HuggingFaceBuilder", "HuggingFaceInitializer", "HuggingFaceRecognizer"]


@ipl.plugin("huggingface")
class HuggingFaceBuilder:
    """A recogniser from Hugging Face is the teacher: Whisper, or wav2vec 2.0, HuBERT, WavLM, MMS with a CTC layer."""

    model: Path | str
    "a checkpoint's folder, or its name on huggingface.co, such as openai/whisper-small"
    language: str | None = None
    "language whose adapter MMS uses, such as swh; others have none"

    @ipl.hookimpl
    def build(self, out_dir: Path) -> ModelRef:
        """Returns the checkpoint of Whisper as it is; writes any other to `out_dir` as a model of ipl."""
        from ipl.asr.huggingface import fetch, with_own_units
        from ipl.asr.models.store import save

        folder = fetch(self.model)
        if checkpoint_kind(folder) == "whisper":
            return model_ref(folder)
        save(with_own_units(folder, self.language), out_dir)
        return model_ref(out_dir)


@ipl.plugin("huggingface")
class HuggingFaceRecognizer:
    """Recognises with Whisper from Hugging Face; a model with a CTC layer is left to the recognizer `ctc`."""

    beam: int = 1
    "texts kept in the search; 1 decodes greedily"
    batch_seconds: float = 120.0
    "audio in a batch"
    device: str = "auto"
    "where the model runs: auto, cpu, cuda, cuda:1"
    language: str | None = None
    "what is spoken, such as sw; Whisper guesses it for each utterance where it is not said"

    def __post_init__(self) -> None:
        """Refuses sizes below one."""
        if self.beam < 1:
            raise ValueError(f"beam: found {self.beam}, expected 1 or more")
        if self.batch_seconds <= 0:
            raise ValueError(f"batch_seconds: found {self.batch_seconds}, expected above 0")

    @ipl.hookimpl
    def recognize(self, utterances: Sequence[Utterance], teacher: ModelRef) -> Iterable[Hypothesis]:
        """Yields one hypothesis for each utterance, shortest first."""
        if checkpoint_kind(teacher.path) == "whisper":
            from ipl.asr.whisper import WhisperOptions, recognize_with_whisper

            options = WhisperOptions(self.beam, self.batch_seconds, self.device, self.language)
            return recognize_with_whisper(utterances, teacher, options)
        from ipl.asr.recognition import DecodingOptions, recognize

        return recognize(
            utterances, teacher, DecodingOptions(self.beam, batch_seconds=self.batch_seconds, device=self.device)
        )


@ipl.plugin("huggingface")
class HuggingFaceInitializer:
    """The student starts as a pretrained network of Hugging Face, with its own CTC layer or a new one over it.

    Of Whisper it takes the encoder. The convolutions of wav2vec 2.0 and its like stay as they are.
    """

    model: Path | str
    "a checkpoint's folder, or its name on huggingface.co, such as facebook/mms-300m"
    head: Literal["own", "new"] = "new"
    "the CTC layer and characters that the checkpoint has, or a new layer for the units of the labelled text"
    language: str | None = None
    "language whose adapter and characters MMS uses with its own layer, such as swh"
    units: Literal["characters", "bigrams", "sentencepiece", "mixed"] = "characters"
    "units of a new layer, as those of the initializer scratch"
    num_units: int = 500
    "how many units at most; characters are always all there"
    lower_case: bool = True
    "whether a new layer learns text in lower case"
    strip_punctuation: bool = True
    "whether punctuation but apostrophes is left out of the text that a new layer learns"

    @ipl.hookimpl
    def initialize(self, cycle: Cycle, labelled: Dataset, out_dir: Path) -> ModelRef:
        """Writes the model to `out_dir`; a new layer is drawn from the cycle's seed."""
        from ipl.asr.huggingface import fetch, with_new_units, with_own_units
        from ipl.asr.models.store import save
        from ipl.asr.text import TextConfig
        from ipl_plugins.labelled_units import labelled_units

        folder = fetch(self.model)
        if self.head == "own":
            save(with_own_units(folder, self.language), out_dir)
            return model_ref(out_dir, cycle=cycle.index)
        text = TextConfig(self.lower_case, self.strip_punctuation)
        units = labelled_units(cycle, labelled, text, self.units, self.num_units)
        save(with_new_units(folder, units, text, cycle.seed), out_dir)
        return model_ref(out_dir, cycle=cycle.index)
