"""A finished model at work: `evaluate` against a data set, `transcribe` audio and video files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from ipl.errors import InputError, MediaError
from ipl.files import read_json
from ipl.fingerprint import of_path
from ipl.records import Cycle, Hypothesis, ModelRef, Span, Utterance
from ipl.registry import Registry, implement
from ipl.stages.measure import error_rates
from ipl.tables import Dataset

__all__ = ["Segment", "evaluate", "find_model", "transcribe"]

SAMPLE_RATE_HZ = 16_000
LONGEST_SEGMENT_MS = 20_000
UTTERANCES_AT_ONCE = 256
_CYCLE = Cycle(0, "now", 0)


@dataclass(frozen=True)
class Segment:
    """A stretch of a file and what is said in it; times on the file's own clock."""

    start_ms: int
    end_ms: int
    text: str
    score: float


def find_model(reference: Path | str) -> ModelRef:
    """A model folder, or the best model of a run's last cycle; InputError where it is neither."""
    folder = Path(reference)
    if (folder / "config.json").is_file():
        return ModelRef(folder, of_path(folder))
    if (folder / "results.json").is_file():
        turns = [cycle for cycle in read_json(folder / "results.json")["cycles"] if not cycle["oracle"]]
        if turns:
            return find_model(folder / turns[-1]["model"])
    raise InputError(f"{folder}: no model; expected a folder with config.json, or a run with a cycle done")


def evaluate(model: Path | str, data: Dataset, beam: int = 8) -> dict[str, Any]:
    """Recognises a data set and counts errors against its texts: WER and CER with intervals, and how many."""
    reference = find_model(model)
    pairs: list[tuple[str, str]] = []
    rows = (utterance for utterance in data if utterance.text is not None)
    while batch := list(islice(rows, UTTERANCES_AT_ONCE)):
        said = {each.utt_id: each.text for each in _recognize(batch, reference, beam)}
        pairs += [(each.text or "", said[each.utt_id]) for each in batch]
    if not pairs:
        raise InputError(f"{', '.join(str(path) for path in data.paths)}: no utterance has a text to compare with")
    return error_rates(pairs)


def transcribe(model: Path | str, file: Path | str, beam: int = 8) -> Iterator[Segment]:
    """Yields what is said in an audio or video file, segment by segment of voice, in order.

    Raises MediaError where the file cannot be read; of a damaged file, after all that could be read of it. Long voice
    is cut at `LONGEST_SEGMENT_MS`; memory stays flat.
    """
    from ipl.audio import encode_flac
    from ipl.mining.cutting import cut
    from ipl.mining.media import audio_blocks, probe

    reference, path = find_model(model), Path(file)
    if not probe(path).has_audio:
        raise MediaError(f"{path}: has no audio; expected speech to transcribe")
    damage: list[str] = []
    detector = Registry().get("voice_detector", "webrtcvad").cls()
    voice = implement("voice_detector", [detector])(
        blocks=audio_blocks(path, SAMPLE_RATE_HZ, on_damage=damage.append), sample_rate_hz=SAMPLE_RATE_HZ
    )
    spans = [piece for span in voice for piece in _pieces(span)]
    again = audio_blocks(path, SAMPLE_RATE_HZ, on_damage=lambda _: None)  # told at the end
    pieces = cut(again, SAMPLE_RATE_HZ, spans)
    utterances = (
        Utterance(
            f"{span.start_ms:012d}",
            path.stem,
            span.start_ms,
            span.end_ms,
            encode_flac(samples, SAMPLE_RATE_HZ),
            SAMPLE_RATE_HZ,
            len(samples),
        )
        for span, samples in zip(spans, pieces, strict=False)
    )
    while batch := list(islice(utterances, UTTERANCES_AT_ONCE)):
        said = {each.utt_id: each for each in _recognize(batch, reference, beam)}
        for each in batch:
            hypothesis = said[each.utt_id]
            yield Segment(each.start_ms, each.end_ms, hypothesis.text, hypothesis.score)
    if damage:
        raise MediaError(damage[0])


def _recognize(batch: Sequence[Utterance], model: ModelRef, beam: int) -> Iterable[Hypothesis]:
    recognizer = Registry().get("recognizer", "ctc").cls(beam=beam)
    found: Iterable[Hypothesis] = implement("recognizer", [recognizer])(cycle=_CYCLE, utterances=batch, teacher=model)
    return found


def _pieces(span: Span) -> Iterator[Span]:
    count = -(-(span.end_ms - span.start_ms) // LONGEST_SEGMENT_MS)
    edges = [span.start_ms + (span.end_ms - span.start_ms) * i // count for i in range(count + 1)]
    return (Span(start, end) for start, end in pairwise(edges))
