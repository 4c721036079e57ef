"""The frozen records that hooks carry: one row of a table each, or one finding.

Times are milliseconds on the source's own clock. A cue's interval is display time, a pair's is speech time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

__all__ = [
    "Alternative",
    "Cue",
    "CueReading",
    "Cycle",
    "Decision",
    "EpochResult",
    "Hypothesis",
    "MediaInfo",
    "ModelRef",
    "Origin",
    "Pair",
    "Reading",
    "Reject",
    "Span",
    "Utterance",
    "Vote",
    "Word",
]

Origin = Literal["labelled", "mined", "pseudo", "unlabelled"]
Decision = Literal["keep", "reject", "abstain"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, end exclusive."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Utterance:
    """A row of `utterances`: one stretch of audio, and its text where known.

    `audio` holds an encoded file (FLAC, Ogg Opus); `ipl.audio.decode` turns it into samples.
    """

    utt_id: str
    source_id: str
    start_ms: int
    end_ms: int
    audio: bytes
    sample_rate_hz: int
    num_samples: int
    text: str | None = None
    language: str | None = None
    speaker: str | None = None
    origin: Origin = "unlabelled"
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Cue:
    """One displayed subtitle: its text and its display interval."""

    source_id: str
    start_ms: int
    end_ms: int
    text: str
    track: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A wave–transcript pair: text and its speech interval, with the cue's display interval as evidence."""

    source_id: str
    start_ms: int
    end_ms: int
    text: str
    confidence: float | None
    display: Span


@dataclass(frozen=True, slots=True)
class Reject:
    """A stretch that was not kept, and why. `reason` is one of a few fixed words, `detail` is free."""

    source_id: str
    start_ms: int
    end_ms: int
    stage: str
    reason: str
    text: str | None = None
    detail: str | None = None


class Alternative(NamedTuple):
    """What may be written where the characters from `start` to `end` were read, nothing or some characters.

    `odds` tells how likely it is beside what was read: 1 is as likely.
    """

    start: int
    end: int
    text: str
    odds: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text reader sees in a picture: one line of text. `box` is left, top, right, bottom in pixels.

    `centres` tells for each character of the text about where it stands, in pixels from the picture's left, `scores`
    how sure it is, 0 to 1, and `alternatives` what else it may be; they are empty where a reader does not know.
    """

    text: str
    score: float
    box: tuple[int, int, int, int]
    centres: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

    def part(self, start: int, end: int) -> Reading:
        """The characters from `start` to `end`, without blanks around them, and what is known of each."""
        text = self.text[start:end]
        start += len(text) - len(text.lstrip())
        end = start + len(text.strip())
        inside = (each for each in self.alternatives if start <= each.start and each.end <= end)
        return replace(
            self,
            text=text.strip(),
            centres=self.centres[start:end],
            scores=self.scores[start:end],
            alternatives=tuple(each._replace(start=each.start - start, end=each.end - start) for each in inside),
        )


@dataclass(frozen=True, slots=True)
class CueReading:
    """A row of `readings`: one of the things that were read where a cue was displayed; `number` counts them from 0.

    `start_ms`, `end_ms` and `track` are the cue's. `shown_ms` is how long this was read for; a reading that was only
    tried has none. `crop` names the cue's picture, beside the table.
    """

    source_id: str
    start_ms: int
    end_ms: int
    track: str
    number: int
    text: str
    score: float
    shown_ms: int
    crop: str | None = None


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a source holds. A missing stream has zeros. Times are on the source's own clock."""

    path: Path
    duration_ms: int
    start_ms: int
    has_audio: bool
    has_video: bool
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    audio_sample_rate_hz: int = 0
    audio_channels: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """A word that a recogniser heard, when, and how sure it is, 0 to 1; times count from the utterance's start."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A row of `hypotheses`: what a teacher says an utterance contains.

    `score` is log P(text | audio) / (num_units + 1) in nats; `alternatives` is the n-best list as (text, score).
    `words` is empty where the recognizer was not asked for them.
    """

    utt_id: str
    text: str
    score: float
    num_units: int
    duration_ms: int
    alternatives: Sequence[tuple[str, float]] = ()
    teacher: str = ""
    words: Sequence[Word] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """A filter's keep, reject or abstain on one hypothesis. The engine fills in the filter's name."""

    utt_id: str
    decision: Decision
    reason: str | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model that a run has made or was given: a folder with `model.safetensors` and `config.json`.

    `dev_error` is the error rate (0 to 1, lower is better) by which models are compared, where known.
    """

    path: Path
    fingerprint: str
    cycle: int = -1
    epoch: int = -1
    dev_error: float | None = None


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What a trainer yields when an epoch ends: its checkpoint folder and its metrics.

    `metrics` holds plain numbers; `dev_error`, where present, is the one by which models are compared.
    """

    epoch: int
    step: int
    path: Path
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Cycle:
    """One turn of the loop, as plugins see it. `seed` differs from cycle to cycle."""

    index: int
    name: str
    seed: int
