"""A finished model at work: `evaluate` against a data set, `transcribe` audio and video files, whole or as they come.

The options of decoding are those of the recognizer `ctc`: `beam`, `language_model`, `lm_weight` and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from ipl.asr.models.reference import checkpoint_kind
from ipl.errors import InputError, MediaError
from ipl.files import read_json
from ipl.fingerprint import of_path
from ipl.records import Cycle, Hypothesis, ModelRef, Span, Utterance, Word
from ipl.registry import Registry, implement
from ipl.stages.measure import error_rates
from ipl.tables import Dataset

__all__ = ["Segment", "evaluate", "find_model", "recognized", "stream", "transcribe"]

SAMPLE_RATE_HZ = 16_000
LONGEST_SEGMENT_MS = 20_000
STREAMED_MS = 100
"""So much sound goes into a stream at once."""
ENDING_SILENCE_MS = 600
"""A segment of a stream ends when nothing was said for so long."""
UTTERANCES_AT_ONCE = 256
_CYCLE = Cycle(0, "now", 0)


@dataclass(frozen=True)
class Segment:
    """A stretch of a file and what is said in it; times, those of words too, on the file's own clock.

    One that is not final has neither score nor words yet, and its text may still change.
    """

    start_ms: int
    end_ms: int
    text: str
    score: float
    words: tuple[Word, ...] = ()
    is_final: bool = True


def find_model(reference: Path | str) -> ModelRef:
    """A model folder, or the best model of a run's last cycle, or of a cycle by its folder; InputError else."""
    folder = Path(reference)
    if (folder / "config.json").is_file():
        return ModelRef(folder, of_path(folder))
    for run, name in ((folder, None), (folder.parent, folder.name)):
        if not (run / "results.json").is_file():
            continue
        cycles = read_json(run / "results.json")["cycles"]
        turns = [each for each in cycles if (f"cycle-{each['index']:03d}" == name if name else not each["oracle"])]
        if turns:
            return find_model(run / turns[-1]["model"])
    raise InputError(
        f"{folder}: no model; expected a folder with config.json, a run with a cycle done, or such a cycle's folder"
    )


def evaluate(model: Path | str, data: Dataset, **decoding: Any) -> dict[str, Any]:
    """Recognises a data set and counts errors against its texts: WER and CER with intervals, and how many."""
    return error_rates([(reference, hypothesis) for _, reference, hypothesis in recognized(model, data, **decoding)])


def recognized(model: Path | str, data: Dataset, **decoding: Any) -> Iterator[tuple[str, str, str]]:
    """Yields `utt_id`, its own text and what the model hears, for each utterance that has a text.

    Raises InputError where none has.
    """
    reference = find_model(model)
    recognizer = _recognizer(reference, decoding)
    rows = (utterance for utterance in data if utterance.text is not None)
    has_any = False
    while batch := list(islice(rows, UTTERANCES_AT_ONCE)):
        said = {each.utt_id: each.text for each in recognizer(cycle=_CYCLE, utterances=batch, teacher=reference)}
        yield from ((each.utt_id, each.text or "", said[each.utt_id]) for each in batch)
        has_any = True
    if not has_any:
        raise InputError(f"{', '.join(str(path) for path in data.paths)}: no utterance has a text to compare with")


def transcribe(model: Path | str, file: Path | str, **decoding: Any) -> Iterator[Segment]:
    """Yields what is said in an audio or video file, segment by segment of voice, in order; with words on `words=True`.

    Raises MediaError where the file cannot be read; of a damaged file, after all that could be read of it. Long voice
    is cut at `LONGEST_SEGMENT_MS`; memory stays flat.
    """
    from ipl.audio import encode_flac
    from ipl.mining.cutting import cut
    from ipl.mining.media import audio_blocks, probe

    reference, path = find_model(model), Path(file)
    recognizer = _recognizer(reference, decoding)
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
        said = {each.utt_id: each for each in recognizer(cycle=_CYCLE, utterances=batch, teacher=reference)}
        for each in batch:
            hypothesis = said[each.utt_id]
            words = tuple(_later(word, each.start_ms) for word in hypothesis.words)
            yield Segment(each.start_ms, each.end_ms, hypothesis.text, hypothesis.score, words)
    if damage:
        raise MediaError(damage[0])


def stream(model: Path | str, file: Path | str, **decoding: Any) -> Iterator[Segment]:
    """Yields what is said while it is heard, for a model of chunks: a segment again and again as it grows, last final.

    A segment ends where nothing is said for `ENDING_SILENCE_MS`, or at `LONGEST_SEGMENT_MS`. Raises InputError for a
    model that cannot be streamed, MediaError where the file cannot be read.
    """
    import numpy as np
    import torch

    from ipl.asr.listening import Listener
    from ipl.asr.models.store import load
    from ipl.asr.recognition import DecodingOptions, pick_device
    from ipl.mining.media import audio_blocks, probe

    path, reference = Path(file), find_model(model)
    if kind := checkpoint_kind(reference.path):
        raise InputError(
            f"{reference.path}: a checkpoint of Hugging Face ({kind}) cannot be streamed; expected a model of "
            "ipl with chunks, or leave streaming out"
        )
    _check_language(reference, decoding)
    options = DecodingOptions(**decoding)
    network = load(reference.path, pick_device(options.device))
    rate = network.config.features.sample_rate_hz
    if not probe(path).has_audio:
        raise MediaError(f"{path}: has no audio; expected speech to transcribe")
    damage: list[str] = []
    begin = now = 0  # in samples
    listener, shown = Listener(network, options), ""

    def final() -> Segment | None:
        listener.hear(torch.zeros(0), is_last=True)
        span = Span(begin * 1000 // rate, now * 1000 // rate)
        found = listener.hypothesis(Utterance("", path.stem, span.start_ms, span.end_ms, b"", rate, now - begin))
        words = tuple(_later(word, span.start_ms) for word in found.words)
        return Segment(span.start_ms, span.end_ms, found.text, found.score, words) if found.text else None

    for block in audio_blocks(path, rate, on_damage=damage.append):
        for piece in np.split(block, range(rate * STREAMED_MS // 1000, len(block), rate * STREAMED_MS // 1000)):
            listener.hear(torch.from_numpy(piece.astype(np.float32) / 32768))
            now += len(piece)
            text, length_ms = listener.text, (now - begin) * 1000 // rate
            if (text and listener.silent_ms >= ENDING_SILENCE_MS) or length_ms >= LONGEST_SEGMENT_MS:
                if segment := final():
                    yield segment
                begin, listener, shown = now, Listener(network, options), ""
            elif text != shown:
                shown = text
                yield Segment(begin * 1000 // rate, now * 1000 // rate, text, 0.0, is_final=False)
    if segment := final():
        yield segment
    if damage:
        raise MediaError(damage[0])


def _recognizer(model: ModelRef, decoding: dict[str, Any]) -> Callable[..., Iterable[Hypothesis]]:
    """The hook of the recognizer for a model, with some options; InputError where one is wrong.

    Whisper takes those that it knows of.
    """
    is_whisper = checkpoint_kind(model.path) == "whisper"
    info = Registry().get("recognizer", "huggingface" if is_whisper else "ctc")
    if is_whisper:
        if decoding.get("language_model"):
            raise InputError(f"{model.path}: Whisper takes no language model; leave language_model out")
        if (decode := decoding.get("decode")) in ("joint", "rescore"):
            raise InputError(f"{model.path}: Whisper takes no {decode}; leave decode out")
        known = {option.name for option in info.options}
        decoding = {name: value for name, value in decoding.items() if name in known}
    else:
        _check_language(model, decoding)
    try:
        return implement("recognizer", [info.cls(**decoding)])
    except (TypeError, ValueError) as error:
        raise InputError(f"decoding: {error}") from error


def _check_language(model: ModelRef, decoding: dict[str, Any]) -> None:
    if decoding.get("language"):
        raise InputError(f"{model.path}: a model of ipl has learnt its language; only Whisper is told one")


def _later(word: Word, ms: int) -> Word:
    return replace(word, start_ms=word.start_ms + ms, end_ms=word.end_ms + ms)


def _pieces(span: Span) -> Iterator[Span]:
    count = -(-(span.end_ms - span.start_ms) // LONGEST_SEGMENT_MS)
    edges = [span.start_ms + (span.end_ms - span.start_ms) * i // count for i in range(count + 1)]
    return (Span(start, end) for start, end in pairwise(edges))
