"""The contracts of mining: text readers, voice detectors, cue extractors and aligners."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ipl.mining.probe import ffmpeg_path, probe
from ipl.records import Cue, MediaInfo, Pair, Reading, Reject, Span
from ipl.schemas import CUES, REJECTS
from ipl.tables import enforce, to_batch
from ipl.testing.bench import Bench, Contract, numbered
from ipl.testing.result import CheckResult

__all__ = ["CONTRACTS"]

VIDEO_MS = 4_000
SOURCE = "talk.mp4"


def check_text_reader(bench: Bench) -> Iterator[CheckResult]:
    """A list of readings for every picture, in pictures and in cut-out lines."""
    untold = [f"has no {name}: ClassVar[str]" for name in ("LANGUAGES", "COST") if name.lower() not in bench.info.facts]
    yield CheckResult("tells which languages it reads, and what it costs", numbered(untold))
    pictures = [_picture("HELLO THERE"), np.zeros((90, 320, 3), np.uint8), _picture("GOOD MORNING")]
    for lines, of in ((False, "pictures"), (True, "lines"), (None, "pictures for boxes")):
        found: list[list[Reading]] = bench.call(pictures=pictures, lines=lines)
        count = None if len(found) == len(pictures) else f"found {len(found)} for {len(pictures)}"
        yield CheckResult(f"gives a list of readings for each of several {of}", count)
        readings = [each for per_picture in found for each in per_picture]
        odd = [f"found {each.score} for {each.text!r}" for each in readings if not 0 <= each.score <= 1]
        yield CheckResult(f"scores of {of} lie between 0 and 1", numbered(odd))
        outside = [
            f"found {each.box} in a picture of {picture.shape[1]}x{picture.shape[0]}"
            for picture, per_picture in zip(pictures, found, strict=False)
            for each in per_picture
            if not _lies_in(each.box, picture)
        ]
        yield CheckResult(f"boxes lie in their {of}", numbered(outside))
        unfit = [f"{each.text!r}: {fault}" for each in readings for fault in _faults_of_characters(each)]
        yield CheckResult(f"what it tells of the characters of {of} fits the text", numbered(unfit))
        unordered = [f"found {b.text!r} after {a.text!r}" for per in found for a, b in pairwise(per) if _is_below(a, b)]
        yield CheckResult(f"reads {of} from top to bottom", numbered(unordered))
    none = bench.call(pictures=[], lines=False)
    yield CheckResult("gives nothing for no pictures", f"found {none}" if none else None)


def _picture(text: str) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (320, 90), "black")
    ImageDraw.Draw(image).text((20, 25), text, fill="white", font=ImageFont.load_default(32))
    return np.asarray(image)


def _lies_in(box: tuple[int, int, int, int], picture: npt.NDArray[Any]) -> bool:
    left, top, right, bottom = box
    height, width = picture.shape[:2]
    return 0 <= left <= right <= int(width) and 0 <= top <= bottom <= int(height)


def _faults_of_characters(reading: Reading) -> Iterator[str]:
    length = len(reading.text)
    for name, told in (("centres", reading.centres), ("scores", reading.scores)):
        if told and len(told) != length:
            yield f"found {len(told)} {name}, expected one for each of {length} characters, or none"
    if reading.alternatives and not (reading.centres and reading.scores):
        yield "found alternatives, but no centres or scores of its characters"
    for each in reading.alternatives:
        if not (0 <= each.start <= each.end <= length and each.odds > 0):
            yield f"found {each}, expected a place within {length} characters and odds over 0"


def _is_below(one: Reading, next_one: Reading) -> bool:
    """Whether the first lies wholly below the next."""
    return one.box[1] >= next_one.box[3]


def check_voice_detector(bench: Bench) -> Iterator[CheckResult]:
    """Spans in order, not touching, in the sound, whatever blocks it comes in."""
    for rate in (16_000, 8_000, 44_100):
        sound = _voice_like(rate)
        spans: list[Span] = list(bench.call(blocks=[sound], sample_rate_hz=rate))
        length_ms = len(sound) * 1000 // rate
        out = [f"found {s}, expected 0 to {length_ms}" for s in spans if not 0 <= s.start_ms < s.end_ms <= length_ms]
        yield CheckResult(f"spans lie in the sound, at {rate} Hz", numbered(out))
        touching = [f"found {b} after {a}" for a, b in pairwise(spans) if b.start_ms <= a.end_ms]
        yield CheckResult(f"spans are in order and do not touch, at {rate} Hz", numbered(touching))
        again = list(bench.call(blocks=_odd_blocks(sound), sample_rate_hz=rate))
        other = None if again == spans else f"found {len(again)} spans for odd blocks, {len(spans)} for one, or others"
        yield CheckResult(f"gives the same spans for blocks of odd lengths, at {rate} Hz", other)
    none = list(bench.call(blocks=[], sample_rate_hz=16_000))
    yield CheckResult("gives nothing for no sound", f"found {none[0]}" if none else None)


def _voice_like(sample_rate_hz: int) -> npt.NDArray[np.int16]:
    """Silence, two syllable-like stretches of a buzz at 120 Hz, and noise; int16 [N] of 4 s."""
    seconds = np.arange(VIDEO_MS * sample_rate_hz // 1000) / sample_rate_hz
    buzz = sum(np.sin(2 * np.pi * 120 * k * seconds) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 4 * seconds) + 0.5, 0, 1)
    spoken = ((seconds > 0.5) & (seconds < 1.5)) | ((seconds > 2.5) & (seconds < 3.5))
    noise = np.random.default_rng(0).normal(0, 20, len(seconds))
    return (6000 * buzz * syllables * spoken + noise).clip(-32768, 32767).astype(np.int16)


def _odd_blocks(sound: npt.NDArray[np.int16]) -> Iterator[npt.NDArray[np.int16]]:
    start = 0
    for length in [1, 0, 7, 161, 479, *([4801] * (len(sound) // 4801 + 1))]:
        yield sound[start : start + length]
        start += length


def check_cue_extractor(bench: Bench) -> Iterator[CheckResult]:
    """Cues in order, displayed in the source, of a video with and of one without subtitles beside it."""
    with_file = _video(bench.empty_folder("with"))
    for suffix, text in ((".srt", "1\n00:00:01,000 --> 00:00:02,000\nHello there.\n"), (".txt", "Hello there.")):
        with_file.path.with_suffix(suffix).write_text(text, encoding="utf-8")
    cues = _extract(bench, with_file)
    enforce(to_batch(cues, CUES), CUES, "its cues")
    unordered = [f"found {b.start_ms} ms after {a.start_ms} ms" for a, b in pairwise(cues) if b.start_ms < a.start_ms]
    yield CheckResult("cues are in order of start", numbered(unordered))
    outside = [
        f"found {cue.start_ms} to {cue.end_ms} ms, expected 0 to {with_file.duration_ms}"
        for cue in cues
        if not 0 <= cue.start_ms < cue.end_ms <= with_file.duration_ms
    ]
    yield CheckResult("cues are displayed within the source", numbered(outside))
    empty = [f"at {cue.start_ms} ms" for cue in cues if not cue.text.strip() or not cue.track]
    yield CheckResult("each cue has a text and a track", numbered(empty))
    same = None if _extract(bench, with_file) == cues else "found others at a second call"
    yield CheckResult("gives the same cues at a second call", same)
    none = _extract(bench, _video(bench.empty_folder("without")))
    yield CheckResult("gives nothing where there are no subtitles", f"found {none[0]}" if none else None)


def _extract(bench: Bench, media: MediaInfo) -> list[Cue]:
    work_dir = bench.folder / "work"
    work_dir.mkdir(exist_ok=True)
    found = bench.call(media=media, language="en", read_text=_read_nothing, work_dir=work_dir)
    return [each for each in found if isinstance(each, Cue)]


def _read_nothing(pictures: Sequence[npt.NDArray[Any]], lines: bool) -> list[list[Reading]]:
    return [[] for _ in pictures]


def _video(folder: Path) -> MediaInfo:
    """A moving test picture without text, and a tone."""
    path = folder / SOURCE
    seconds = str(VIDEO_MS // 1000)
    picture, sound = ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=10"], ["-f", "lavfi", "-i", "sine=440"]
    command = [ffmpeg_path(), "-loglevel", "error", *picture, *sound, "-t", seconds, "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return probe(path)


def check_aligner(bench: Bench) -> Iterator[CheckResult]:
    """A pair or a reject for each cue, pairs apart from each other and within the source."""
    media = MediaInfo(Path(SOURCE), 20_000, 0, True, True, 640, 360, 25.0, 16_000, 1)
    cues = [
        Cue(SOURCE, 1_000, 2_500, "hello there", "check"),
        Cue(SOURCE, 2_400, 4_000, "who is it", "check", 0.9),
        Cue(SOURCE, 4_000, 4_010, "me", "check"),
        Cue(SOURCE, 7_000, 9_000, "nobody speaks", "check"),
        Cue(SOURCE, 12_000, 14_000, "♪", "check"),
        Cue(SOURCE, 15_000, 16_500, "the same twice", "check"),
        Cue(SOURCE, 15_000, 16_500, "the same twice", "check"),
        Cue(SOURCE, 19_000, 25_000, "past the end of it", "check"),
    ]
    voice = [Span(1_100, 3_900), Span(12_000, 14_000), Span(15_200, 16_400), Span(19_100, 20_000)]
    made: list[Pair | Reject] = list(bench.call(media=media, cues=cues, voice=voice))
    count = None if len(made) == len(cues) else f"found {len(made)} for {len(cues)} cues"
    yield CheckResult("gives a pair or a reject for each cue", count)
    pairs = sorted((each for each in made if isinstance(each, Pair)), key=lambda pair: (pair.start_ms, pair.end_ms))
    rejects = [each for each in made if isinstance(each, Reject)]
    enforce(to_batch(rejects, REJECTS), REJECTS, "its rejects")
    overlapping = [f"found {b.text!r} before {a.text!r} ends" for a, b in pairwise(pairs) if b.start_ms < a.end_ms]
    yield CheckResult("pairs do not overlap", numbered(overlapping))
    outside = [
        f"found {pair.start_ms} to {pair.end_ms} ms, expected 0 to {media.duration_ms}"
        for pair in pairs
        if not 0 <= pair.start_ms < pair.end_ms <= media.duration_ms
    ]
    yield CheckResult("pairs lie within the source", numbered(outside))
    displays = Counter((cue.start_ms, cue.end_ms) for cue in cues)
    unknown = [
        f"found {pair.display}" for pair in pairs if (pair.display.start_ms, pair.display.end_ms) not in displays
    ]
    yield CheckResult("a pair's display is its cue's", numbered(unknown))
    strangers = [f"found {each.source_id!r}, expected {SOURCE!r}" for each in made if each.source_id != SOURCE]
    yield CheckResult("names the source of the cues", numbered(strangers))
    none = list(bench.call(media=media, cues=[], voice=voice))
    yield CheckResult("gives nothing for no cues", f"found {none[0]}" if none else None)
    silent = list(bench.call(media=media, cues=cues, voice=[]))
    lost = None if len(silent) == len(cues) else f"found {len(silent)} for {len(cues)} cues"
    yield CheckResult("answers for each cue where no voice is heard", lost)


CONTRACTS: dict[str, Contract] = {
    "text_reader": check_text_reader,
    "voice_detector": check_voice_detector,
    "cue_extractor": check_cue_extractor,
    "aligner": check_aligner,
}
