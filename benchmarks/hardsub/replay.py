"""Reads anew what the films of a suite showed when they were recorded: seconds a film, for work on how lines are read.

    python benchmarks/hardsub/replay.py record --suite genres   # again where bands are found or followed otherwise
    python benchmarks/hardsub/replay.py read --suite genres     # with the code as it is now; --lines: what is wrong

A record holds the bands found, all displays of theirs, and what the OCR engine said of each picture; a picture that it
was never asked about before is read now, and kept. What is read is the same as by `run.py`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from films import FILMS
from ipl_datasets.factory.truth import Truth
from ipl_extractors import burned_in
from ipl_extractors.band import Band
from ipl_extractors.band_search import BandSearch
from ipl_extractors.band_track import BandTrack
from ipl_extractors.display import Display
from ipl_extractors.ocr import RapidOcr
from ipl_extractors.readings import Text
from ipl_extractors.sightings import Sighting
from ipl_extractors.strokes import Mask
from metrics import Score, score, together, wrong_lines

from ipl.hookspecs import ReadText
from ipl.mining.media import probe
from ipl.mining.plan import TextReaderMeter
from ipl.records import Cue, MediaInfo, Reading

Taken = tuple[Display | None, Mask]
"""A display that was taken to be read, or None where those taken were read, and what was always on by then."""


@dataclass
class Record:
    """What a reader of one film found before anything was read of its displays, and what the engine answered."""

    media: MediaInfo
    truth: Truth
    bands: list[list[Band]] = field(default_factory=list)
    """those of each search, in order"""
    sightings: dict[Band, list[Sighting]] = field(default_factory=dict)
    weaves: dict[Band, bool] = field(default_factory=dict)
    tracks: list[list[Taken]] = field(default_factory=list)
    answers: dict[bytes, list[Reading]] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description="Reads recorded displays anew.")
    parser.add_argument("what", choices=["record", "read"])
    parser.add_argument("--suite", choices=FILMS, required=True)
    parser.add_argument("--folder", type=Path, default=Path("runs/hardsub"), help="where the films are kept")
    parser.add_argument(
        "--films", type=int, nargs="*", default=(), help="numbers of the films to record (default: all)"
    )
    parser.add_argument("--lines", action="store_true", help="print what was read wrongly")
    args = parser.parse_args()
    folder = args.folder / args.suite / "recorded"
    if args.what == "record":
        folder.mkdir(parents=True, exist_ok=True)
        for film in FILMS[args.suite](args.folder / args.suite, args.films):
            _save(record(film.path, film.truth), folder / f"{film.path.stem}.pickle")
        return
    records = sorted(folder.glob("*.pickle"))
    if not records:
        parser.error(f"no records in {folder}: `record` makes them")
    sums, num_lines = Score(), 0
    with multiprocessing.Pool() as pool:
        for name, scored, wrong, num_read in pool.imap(_read, records):
            sums, num_lines = sums + scored, num_lines + num_read
            if args.lines and args.suite != "held-out":
                print("".join(f"{name}: {line}\n" for line in wrong), end="", flush=True)
    cues = max(1, sums.true_cues)
    print(f"{args.suite}: {sums.exact}/{sums.true_cues} exact ({100 * sums.exact / cues:.1f} %), ", end="")
    print(f"event CER {100 * sums.event_cer:.2f} %, {sums.missed} missed, {sums.phantom} phantom, ", end="")
    print(f"{num_lines / cues:.2f} lines read a cue")


def record(path: Path, truth: Truth) -> Record:
    """Reads a film, and keeps all that the reading of its lines begins with."""
    kept = Record(probe(path), truth)

    class Search(BandSearch):
        def bands(self) -> list[Band]:
            kept.bands.append(super().bands())
            return kept.bands[-1]

        def more_bands(self, *args: Any) -> list[Band]:
            kept.bands.append(super().more_bands(*args))
            return kept.bands[-1]

        def sightings(self, band: Band) -> list[Sighting]:
            return kept.sightings.setdefault(band, super().sightings(band))

        def weaves(self, band: Band) -> bool:
            return kept.weaves.setdefault(band, super().weaves(band))

    class Track(BandTrack):
        def __init__(self, *args: Any, **scores: float) -> None:
            super().__init__(*args, **scores)
            events: list[Taken] = []
            kept.tracks.append(events)
            reader, take, read = self._reader, self._reader.take, self._reader.read

            def taken(display: Display, always_on: Mask) -> None:
                events.append((display, always_on.copy()))
                take(display, always_on)

            def were_read(always_on: Mask) -> Iterator[Text]:
                events.append((None, always_on.copy()))
                return read(always_on)

            reader.take, reader.read = taken, were_read  # type: ignore[method-assign]

    _cues(kept.media, _answering(kept), BandSearch=Search, BandTrack=Track)
    return kept


def replay(kept: Record) -> tuple[list[Cue], int]:
    """Reads a recorded film with the code as it is now; the cues, and how many lines were read."""
    bands, tracks = iter(kept.bands), iter(kept.tracks)

    class Search:
        def __init__(self, *_: object) -> None:
            pass

        def bands(self) -> list[Band]:
            return next(bands)

        def more_bands(self, *_: object) -> list[Band]:
            return next(bands, [])

        def sightings(self, band: Band) -> list[Sighting]:
            return kept.sightings[band]

        def weaves(self, band: Band) -> bool:
            return kept.weaves[band]

    class Track(BandTrack):
        def end(self) -> Iterator[Text]:
            for display, always_on in next(tracks):
                if display is not None:
                    self._reader.take(display, always_on)
                    continue
                for text in self._reader.read(always_on):
                    yield from self._merger.push(text)
            yield from self._merger.end()

    meter = TextReaderMeter(_answering(kept))
    found = _cues(
        kept.media, meter, BandSearch=Search, BandTrack=Track, every_frame=lambda *_, **__: (each for each in ())
    )
    return found, meter.recognizer_calls


def _cues(media: MediaInfo, read_text: ReadText, **parts: Callable[..., Any]) -> list[Cue]:
    """What the reader finds with some of its parts replaced; it reads nothing ahead, so that all is read once."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for name, part in {"reading_ahead": nullcontext, "Snapshots": _NoSnapshots, **parts}.items():
            stack.enter_context(patch.object(burned_in, name, part))
        found = burned_in.BurnedIn().extract_cues(media, None, read_text, Path(folder))
        return together(each for each in found if isinstance(each, Cue))


class _NoSnapshots:
    """In place of the reader's: what records or replays cannot be pickled, and is not to be gone on with."""

    def __init__(self, *_: object) -> None:
        pass

    def load(self) -> None:
        return None

    def save(self, state: object) -> None:
        pass

    save_now_and_then = save


def _answering(kept: Record) -> ReadText:
    """A text reader that asks the engine only about pictures that it has not seen."""

    def read_text(pictures: Sequence[npt.NDArray[np.uint8]], lines: bool | None) -> list[list[Reading]]:
        keys = [blake2b(each.tobytes() + repr((each.shape, lines)).encode()).digest() for each in pictures]
        new = {key: each for key, each in zip(keys, pictures, strict=True) if key not in kept.answers}
        if new:
            kept.answers.update(zip(new, _engine()(list(new.values()), lines), strict=True))
        return [kept.answers[key] for key in keys]

    return read_text


@cache
def _engine() -> ReadText:
    return RapidOcr(threads=1).read_text


def _read(file: Path) -> tuple[str, Score, list[str], int]:
    kept: Record = pickle.loads(file.read_bytes())
    num_answers = len(kept.answers)
    found, num_lines = replay(kept)
    if len(kept.answers) > num_answers:
        _save(kept, file)
    scored = score(found, kept.truth.cues, float(Fraction(kept.truth.frame_rate)))
    return file.stem, scored, list(wrong_lines(found, kept.truth.cues)), num_lines


def _save(kept: Record, file: Path) -> None:
    partial = file.with_suffix(".partial")
    partial.write_bytes(pickle.dumps(kept))
    partial.replace(file)


if __name__ == "__main__":
    main()
