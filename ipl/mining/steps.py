"""The three steps from a source to pairs, over the plugins: hear the voice, find the cues, align them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ipl.errors import PluginError
from ipl.mining.course import Course, Unusable
from ipl.mining.media import audio_blocks
from ipl.mining.plan import Cast, TextReaderMeter
from ipl.mining.timeline import union
from ipl.records import Cue, MediaInfo, Pair, Reject, Span
from ipl.worker import report

__all__ = ["SAMPLE_RATE_HZ", "Heard", "NoAudio", "align", "find_cues", "hear"]

SAMPLE_RATE_HZ = 16_000
"""Of the audio that voice is detected in and that pairs hold."""

HEARING = 0.05
"""How much of the work on a source it is to listen to it."""

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Heard:
    """What is heard in a source: spans of voice, the end of the sound, and what is wrong with the file."""

    voice: list[Span]
    end_ms: int
    damage: list[str]


class NoAudio(Unusable):
    """There is no sound to make pairs of."""

    def __init__(self, detail: str) -> None:
        super().__init__("voice", "no audio", detail, final=True)


def hear(cast: Cast, media: MediaInfo, course: Course) -> Heard:
    """Listens to all of a source once; NoAudio where there is no sound."""
    if not media.has_audio:
        raise NoAudio("it has pictures only; mining needs sound")
    damage: list[str] = []
    num_samples = 0

    def counted(blocks: Iterable[Samples]) -> Iterator[Samples]:
        nonlocal num_samples
        for block in blocks:
            num_samples += len(block)
            report(HEARING * 1000 * num_samples / SAMPLE_RATE_HZ, media.duration_ms)
            yield block

    with course.phase("voice", "audio unreadable"):
        blocks = counted(audio_blocks(media.path, SAMPLE_RATE_HZ, on_damage=damage.append))
        voice = union(cast.detect_voice(blocks=blocks, sample_rate_hz=SAMPLE_RATE_HZ))
        for _ in blocks:  # a detector may stop early; the length of the sound is wanted all the same
            pass
    if not num_samples:
        raise NoAudio(damage[0] if damage else "its sound has no samples")
    return Heard(voice, num_samples * 1000 // SAMPLE_RATE_HZ, damage)


def find_cues(
    cast: Cast, media: MediaInfo, language: str | None, reader: TextReaderMeter, evidence: Path, course: Course
) -> tuple[list[Cue], list[Reject]]:
    """Asks the plan's extractors in turn and returns the cues of the first that has any.

    One that fails is a reject, as the next may know better; Unusable where none has cues.
    """
    source_id = course.source.source_id
    rejects: list[Reject] = []
    for name, extract_cues in cast.cue_extractors.items():
        try:
            with course.phase("cues", "unreadable subtitles"):
                evidence.mkdir(parents=True, exist_ok=True)
                found = extract_cues(media=media, language=language, read_text=reader, work_dir=evidence)
                ours = [replace(each, source_id=source_id) for each in found]
        except Unusable as problem:
            rejects.append(Reject(source_id, 0, 0, "cues", problem.reason, None, f"{name}: {problem.detail}"))
            continue
        rejects += [each for each in ours if isinstance(each, Reject)]
        cues = sorted((each for each in ours if isinstance(each, Cue)), key=lambda cue: cue.start_ms)
        backwards = [cue for cue in cues if cue.end_ms < cue.start_ms]
        for cue in backwards:
            detail = f"displayed from {cue.start_ms} to {cue.end_ms} ms"
            rejects.append(Reject(source_id, cue.start_ms, cue.start_ms, "cues", "ends before start", cue.text, detail))
        if len(cues) > len(backwards):
            return [cue for cue in cues if cue.end_ms >= cue.start_ms], rejects
    if rejects:
        more = [f"{len(rejects) - 3} more"] if len(rejects) > 3 else []
        details = [str(reject.detail) for reject in rejects[:3]]
        raise Unusable("cues", rejects[0].reason, "; ".join(details + more))
    asked = ", ".join(cast.cue_extractors)
    detail = f"none were found in it or beside it (asked: {asked}); put a subtitle file of the same name beside it"
    raise Unusable("cues", "no subtitles", detail, final=True)


def align(
    cast: Cast, media: MediaInfo, cues: Sequence[Cue], heard: Heard, course: Course
) -> tuple[list[Pair], list[Reject]]:
    """Returns the aligner's pairs in order, and its rejects. Pairs end where the sound does."""
    source_id = course.source.source_id
    pairs: list[Pair] = []
    rejects: list[Reject] = []
    with course.phase("align", "alignment failed"):
        listened = replace(media, duration_ms=heard.end_ms)
        for each in cast.align(media=listened, cues=cues, voice=heard.voice):
            if isinstance(each, Pair):
                pairs.append(replace(each, source_id=source_id))
            else:
                rejects.append(replace(each, source_id=source_id))
        pairs.sort(key=lambda pair: pair.start_ms)
        _check(pairs, heard.end_ms)
    return pairs, rejects


def _check(pairs: Sequence[Pair], end_ms: int) -> None:
    for pair in pairs:
        if not 0 <= pair.start_ms < pair.end_ms <= end_ms:
            raise PluginError(f"aligner: pair {pair.start_ms} to {pair.end_ms} ms; expected one within 0 to {end_ms}")
        if not pair.text.strip():
            raise PluginError(f"aligner: pair {pair.start_ms} to {pair.end_ms} ms has no text")
    for one, other in pairwise(pairs):
        if one.end_ms > other.start_ms:
            raise PluginError(
                f"aligner: pairs overlap: one ends at {one.end_ms} ms, the next starts at {other.start_ms}"
            )
