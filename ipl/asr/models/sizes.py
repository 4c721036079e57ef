"""The architectures that can be named and their sizes; known without torch, so that a plan can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ipl.errors import InputError, did_you_mean

__all__ = [
    "SIZES",
    "ConformerSizes",
    "ConvSizes",
    "DeepSpeech2Sizes",
    "GruSizes",
    "PretrainedSizes",
    "TransformerSizes",
    "Wav2LetterSizes",
    "read_sizes",
]


def _from_zero(default: int) -> Any:
    """A whole number that may be 0; others are 1 or more."""
    return field(default=default, metadata={"least": 0})


@dataclass(frozen=True)
class ConvSizes:
    """Sizes of the convolutional encoder (`ipl.asr.models.conv`)."""

    width: int = 160
    layers: int = 6
    kernel: int = 15
    subsampling: int = 3
    dropout: float = 0.2


@dataclass(frozen=True)
class GruSizes:
    """Sizes of the recurrent encoder (`ipl.asr.models.gru`); `width` is that of both directions together."""

    width: int = 256
    layers: int = 3
    subsampling: int = 3
    dropout: float = 0.1


@dataclass(frozen=True)
class DeepSpeech2Sizes:
    """Sizes of Deep Speech 2 (`ipl.asr.models.deep_speech_2`).

    With a `lookahead` of 1 frame or more its recurrent layers run forward only, and a row convolution sees so many
    frames ahead; with 0 they run in both directions.
    """

    width: int = 160
    layers: int = 3
    channels: int = 32
    subsampling: int = 3
    lookahead: int = _from_zero(0)
    dropout: float = 0.1


@dataclass(frozen=True)
class Wav2LetterSizes:
    """Sizes of gated convolutions (`ipl.asr.models.wav2letter`): kernels grow from `kernel` to `last_kernel`."""

    width: int = 112
    layers: int = 8
    kernel: int = 5
    last_kernel: int = 13
    subsampling: int = 3
    dropout: float = 0.2


@dataclass(frozen=True)
class _AttentionSizes:
    """What the Transformer and the Conformer have in common (`ipl.asr.models.attention_encoder`).

    Frames after subsampling attend to their own chunk of `chunk_frames` (0: to the whole utterance), to
    `left_chunks` chunks before it (0: to all) and to the first `right_frames` of the next one (chunk-flow,
    `ipl.asr.models.windows`). With `dynamic_chunks` 1, training draws a chunk at every step.

    `decoder_layers` of 1 or more make a hybrid of CTC and attention: the loss is `ctc_weight` times CTC's, and for the
    rest that of an attention decoder with `label_smoothing` (`ipl.asr.models.decoder`).
    """

    width: int
    layers: int = 6
    heads: int = 4
    subsampling: int = 3
    chunk_frames: int = _from_zero(0)
    left_chunks: int = _from_zero(0)
    right_frames: int = _from_zero(0)
    dynamic_chunks: int = _from_zero(0)
    dropout: float = 0.1
    decoder_layers: int = _from_zero(0)
    ctc_weight: float = 0.3
    label_smoothing: float = 0.1

    @property
    def is_causal(self) -> bool:
        """Whether convolutions may see no frame ahead, for the sake of chunks."""
        return bool(self.chunk_frames or self.dynamic_chunks)


@dataclass(frozen=True)
class TransformerSizes(_AttentionSizes):
    """Sizes of the Transformer encoder (`ipl.asr.models.transformer`)."""

    width: int = 160


@dataclass(frozen=True)
class ConformerSizes(_AttentionSizes):
    """Sizes of the Conformer encoder (`ipl.asr.models.conformer`)."""

    width: int = 128
    kernel: int = 15


@dataclass(frozen=True)
class PretrainedSizes:
    """A network of Hugging Face's (`ipl.asr.models.pretrained`): its own config, beside these sizes, says the rest."""

    subsampling: int = 2


SIZES: dict[str, type[Any]] = {
    "conv": ConvSizes,
    "gru": GruSizes,
    "deep_speech_2": DeepSpeech2Sizes,
    "wav2letter": Wav2LetterSizes,
    "transformer": TransformerSizes,
    "conformer": ConformerSizes,
}
"""The name of an architecture to the class of its sizes."""


def read_sizes(architecture: str, changed: Mapping[str, float]) -> Any:
    """The sizes of an architecture with some of them changed; InputError where a name or a value is wrong.

    >>> read_sizes("gru", {"layers": 2})
    GruSizes(width=256, layers=2, subsampling=3, dropout=0.1)
    """
    if architecture not in SIZES:
        raise InputError(f"no architecture is called {architecture!r}; {did_you_mean(architecture, SIZES)}")
    types = {each.name: each.type for each in fields(SIZES[architecture])}
    least = {each.name: each.metadata.get("least", 1) for each in fields(SIZES[architecture])}
    for name, value in changed.items():
        if name not in types:
            raise InputError(f"sizes of {architecture}: unknown size {name!r}; {did_you_mean(name, types)}")
        if types[name] == "int" and (value != int(value) or value < least[name]):
            expected = f"a whole number from {least[name]}"
            raise InputError(f"sizes of {architecture}: {name}: found {value}, expected {expected}")
        if types[name] == "float" and not 0 <= value < 1:
            raise InputError(f"sizes of {architecture}: {name}: found {value}, expected 0 or more and less than 1")
    sizes = SIZES[architecture](**{name: int(v) if types[name] == "int" else float(v) for name, v in changed.items()})
    if isinstance(sizes, _AttentionSizes):
        _check_attention(sizes, architecture)
    return sizes


def _check_attention(sizes: _AttentionSizes, architecture: str) -> None:
    if sizes.width % (2 * sizes.heads):
        raise InputError(
            f"sizes of {architecture}: width: found {sizes.width}, expected a multiple of twice the {sizes.heads} heads"
        )
    if sizes.right_frames and not sizes.is_causal:
        raise InputError(
            f"sizes of {architecture}: right_frames: found {sizes.right_frames} without chunks, expected chunk_frames "
            "or dynamic_chunks beside it: without them a frame sees the whole utterance"
        )
