"""Mines one source, in a worker process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ipl.audio import encode_flac
from ipl.fingerprint import digest, of_files
from ipl.mining.course import Course, Unusable
from ipl.mining.cutting import cut
from ipl.mining.media import audio_blocks, probe
from ipl.mining.plan import Cast, MiningPlan, TextReaderMeter
from ipl.mining.receipts import MinedFolder, Receipt
from ipl.mining.sources import Source, beside
from ipl.mining.steps import SAMPLE_RATE_HZ, Heard, NoAudio, align, find_cues, hear
from ipl.mining.timeline import account, intersection, length_ms
from ipl.mining.tracks import spoken_cues
from ipl.records import Cue, Pair, Reject, Span, Utterance

__all__ = ["Mined", "mine_source", "reject_source"]


@dataclass(frozen=True)
class Mined:
    """What came of a source, and whether it was mined just now or had been before."""

    receipt: Receipt
    now: bool


def mine_source(plan: MiningPlan, folder: MinedFolder, source: Source) -> Mined:
    """Mines a source into `folder`, or returns its receipt where that was done before under the same plan.

    A source that cannot be used is one reject over all of its time; one without sound keeps its cues. Raises
    PluginError where the plan's plugins cannot be made, CannotWrite where the folder cannot be written to.
    """
    cast = _cast_of(plan)
    course, reader = Course(source), cast.meter()
    try:
        course.fingerprint = _fingerprint(cast, course)
        if done := folder.receipt(source.source_id, course.fingerprint):
            return Mined(done, now=False)
        folder.begin(source.source_id, course.fingerprint)
        return Mined(_mine(plan, cast, folder, course, reader), now=True)
    except Unusable as problem:
        return Mined(reject_source(folder, course, problem, reader), now=True)


def reject_source(folder: MinedFolder, course: Course, problem: Unusable, reader: TextReaderMeter | None) -> Receipt:
    """Writes the tables of a source of which nothing can be used; it is done only where that is final."""
    folder.clear(course.source.source_id)
    return _rejected(folder, course, [], problem, reader)


def _rejected(
    folder: MinedFolder, course: Course, cues: Sequence[Cue], problem: Unusable, reader: TextReaderMeter | None
) -> Receipt:
    source_id = course.source.source_id
    whole = Reject(source_id, 0, course.duration_ms, problem.stage, problem.reason, None, problem.detail)
    folder.write_tables(source_id, [], cues, [whole])
    receipt = _receipt(course, cues, [], [whole], reader, problem)
    if problem.final:
        folder.finish(receipt)
    return receipt


def _fingerprint(cast: Cast, course: Course) -> str:
    path = course.source.path
    with course.phase("media", "unreadable"):
        if not path.is_file():
            raise Unusable("media", "missing", f"{path}: no such file")
        if any("\udc80" <= each <= "\udcff" for each in str(path)):  # ffmpeg-python cannot hash such a name
            raise Unusable("media", "unreadable", f"{path!r}: its name is not UTF-8; rename it")
        return digest({"plan": cast.fingerprint, "files": of_files([path, *beside(path)])})


def _mine(plan: MiningPlan, cast: Cast, folder: MinedFolder, course: Course, reader: TextReaderMeter) -> Receipt:
    source = course.source
    with course.phase("media", "unreadable"):
        media = probe(source.path)
        course.duration_ms = media.duration_ms
    look = partial(find_cues, cast, media, plan.language, reader, folder.evidence(source.source_id), course)
    try:
        heard = hear(cast, media, course)
    except NoAudio as problem:  # no pairs, then; but it can have subtitles
        cues: list[Cue] = []
        with suppress(Unusable):
            cues, _ = look()
        return _rejected(folder, course, cues, problem, reader)
    course.duration_ms = max(course.duration_ms, heard.end_ms)
    try:
        cues, unread = look()
    except Unusable as problem:
        detail = "; ".join([problem.detail, *heard.damage[:1]])
        raise Unusable(problem.stage, problem.reason, detail, final=problem.final) from problem
    spoken, unspoken = spoken_cues(cues, heard.voice, plan.language)
    pairs, unpaired = align(cast, media, spoken, heard, course)
    with course.phase("cut", "audio unreadable"):
        rejects = list(_books(course, heard, cues, pairs, [*unread, *unspoken, *unpaired]))
        folder.write_tables(source.source_id, _utterances(source, pairs, plan.language), cues, rejects)
    receipt = _receipt(course, cues, pairs, rejects, reader)
    folder.finish(receipt)
    return receipt


def _books(
    course: Course, heard: Heard, cues: Sequence[Cue], pairs: Sequence[Pair], rejects: Sequence[Reject]
) -> Iterator[Reject]:
    """Yields rejects for all the time that no pair holds."""
    source_id, whole = course.source.source_id, Span(0, course.duration_ms)
    damaged = [Reject(source_id, heard.end_ms, heard.end_ms, "media", "damaged", None, line) for line in heard.damage]
    remainders = [
        (Reject(source_id, 0, 0, "align", "voice beside a pair"), intersection(heard.voice, cues)),
        (Reject(source_id, 0, 0, "align", "voice without a cue"), heard.voice),
        (Reject(source_id, 0, 0, "media", "no sound"), [Span(heard.end_ms, whole.end_ms)]),
        (Reject(source_id, 0, 0, "voice", "silence"), []),
    ]
    yield from account(whole, pairs, [*rejects, *damaged], remainders)


def _utterances(source: Source, pairs: Sequence[Pair], language: str | None) -> Iterator[Utterance]:
    """Cuts the pairs' audio in one pass over the sound."""
    blocks = audio_blocks(source.path, SAMPLE_RATE_HZ, on_damage=lambda _: None)  # told in `hear` already
    spans = [Span(pair.start_ms, pair.end_ms) for pair in pairs]
    for pair, span, samples in zip(pairs, spans, cut(blocks, SAMPLE_RATE_HZ, spans), strict=True):
        if len(samples) * 1000 != length_ms(span) * SAMPLE_RATE_HZ:
            raise Unusable("cut", "audio unreadable", f"sound ends in {span}; was the file changed just now?")
        yield Utterance(
            utt_id=f"{source.source_id}-{span.start_ms:08d}-{span.end_ms:08d}",
            source_id=source.source_id,
            start_ms=span.start_ms,
            end_ms=span.end_ms,
            audio=encode_flac(samples, SAMPLE_RATE_HZ),
            sample_rate_hz=SAMPLE_RATE_HZ,
            num_samples=len(samples),
            text=pair.text,
            language=language,
            origin="mined",
            confidence=pair.confidence,
        )


def _receipt(
    course: Course,
    cues: Sequence[Cue],
    pairs: Sequence[Pair],
    rejects: Sequence[Reject],
    reader: TextReaderMeter | None,
    problem: Unusable | None = None,
) -> Receipt:
    lost_ms: Counter[str] = Counter()
    for reject in rejects:
        lost_ms[reject.reason] += length_ms(reject)
    if reader is not None:  # reading is a part of finding cues, and its costliest
        course.spend("text", reader.seconds)
        course.spend("cues", -reader.seconds)
    return Receipt(
        source_id=course.source.source_id,
        path=str(course.source.path).encode("utf-8", "backslashreplace").decode(),
        fingerprint=course.fingerprint,
        duration_ms=course.duration_ms,
        kept_ms=sum(map(length_ms, pairs)),
        num_cues=len(cues),
        num_pairs=len(pairs),
        num_rejects=dict(Counter(reject.reason for reject in rejects)),
        lost_ms=dict(lost_ms),
        seconds={name: round(seconds, 3) for name, seconds in course.seconds.items()},
        recognizer_calls=reader.recognizer_calls if reader else 0,
        detector_calls=reader.detector_calls if reader else 0,
        failed=problem.reason if problem else None,
        detail=problem.detail if problem else None,
        final=problem is None or problem.final,
    )


_casts: dict[str, Cast] = {}


def _cast_of(plan: MiningPlan) -> Cast:
    """The plugins of a plan, made once in a process: they hold models between sources."""
    key = repr(plan)
    if key not in _casts:
        _casts[key] = Cast(plan)
    return _casts[key]
