"""Runs a suite and prints what was reached: `python benchmarks/hardsub/run.py [--suite NAME] [--reader NAME]`."""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from cost import Cost, decode, measured
from films import FILMS, typefaces
from ipl_extractors.burned_in import BurnedIn
from ipl_extractors.languages import tesseract_code
from ipl_extractors.ocr import RapidOcr, Tesseract
from metrics import Score, score, together, wrong_lines
from plain_loop import plain_loop
from suite import Made

from ipl.hookspecs import ReadText
from ipl.mining.media import probe
from ipl.mining.plan import TextReaderMeter
from ipl.mining.scripts import script_of
from ipl.records import Cue, MediaInfo, Reject

Reader = Callable[[MediaInfo, ReadText, Path], Iterable[Cue | Reject]]
READERS: dict[str, Reader] = {
    "burned_in": lambda media, read_text, folder: BurnedIn().extract_cues(media, None, read_text, folder),
    "plain": lambda media, read_text, folder: plain_loop(media, read_text),
    "plain-thirds": lambda media, read_text, folder: plain_loop(media, read_text, ("upper", "lower")),
}


def _tesseract(threads: int, language: str) -> ReadText:
    os.environ["OMP_THREAD_LIMIT"] = str(threads)
    # Told what the default reader has not the letters of, and else that all is in English or in Mandarin.
    code = tesseract_code(language) if RapidOcr().cannot_read(language) else None
    return Tesseract(language=code or "eng+chi_sim").read_text


ENGINES: dict[str, Callable[[int, str], ReadText]] = {
    "rapidocr": lambda threads, _: RapidOcr(threads=threads).read_text,
    "tesseract": _tesseract,
}

OFTEN = 0.2


@dataclass
class Sums:
    """What adds up over the films of a suite."""

    score: Score = field(default_factory=Score)
    films: int = 0
    with_captions: int = 0
    bands_found: int = 0
    scripts_found: int = 0
    false_bands: int = 0
    without_captions: int = 0
    none_said: int = 0
    video_s: float = 0.0
    frames: int = 0
    cost: Cost = field(default_factory=Cost)
    decode: Cost = field(default_factory=Cost)
    detector_calls: int = 0
    recognizer_calls: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the reading of burned-in subtitles.")
    parser.add_argument("--suite", choices=FILMS, default="tuning")
    parser.add_argument("--small", action="store_const", dest="suite", const="small", help="the same as --suite small")
    parser.add_argument("--reader", choices=READERS, default="burned_in")
    parser.add_argument("--engine", choices=ENGINES, default="rapidocr", help="the text reader's plugin")
    parser.add_argument("--folder", type=Path, default=Path("runs/hardsub"), help="where the films are kept")
    parser.add_argument("--threads", type=int, default=2, help="of the OCR engine, and of the plain decode")
    parser.add_argument("--films", type=int, nargs="*", default=(), help="numbers of the films to read (default: all)")
    parser.add_argument("--lines", action="store_true", help="print what was read wrongly; not for held-out")
    args = parser.parse_args()
    films = list(FILMS[args.suite](args.folder / args.suite, args.films))
    if not films:
        return  # why there are none has been said
    sums, by_condition = Sums(), defaultdict[tuple[str, str], Score](Score)
    for film in films:
        read_text = ENGINES[args.engine](args.threads, str(film.conditions.get("language", "")))
        read_text([np.zeros((64, 64, 3), np.uint8)], False)  # loading the engine is no part of reading a film
        _measure(film, READERS[args.reader], read_text, args, sums, by_condition)
    _print_conditions(by_condition)
    _print_table(_figures(sums), {"suite": args.suite, "reader": args.reader, "engine": args.engine})


def _measure(
    film: Made,
    reader: Reader,
    read_text: ReadText,
    args: argparse.Namespace,
    sums: Sums,
    by_condition: dict[tuple[str, str], Score],
) -> None:
    plain_decode = decode(film.path, args.threads)
    meter = TextReaderMeter(read_text)
    with tempfile.TemporaryDirectory() as folder, measured() as cost:
        media = probe(film.path)
        found = [each for each in reader(media, meter, Path(folder)) if isinstance(each, Cue)]
    rate = float(Fraction(film.truth.frame_rate))
    scored = score(together(found), film.truth.cues, rate)
    sums.score += scored
    for name, value in film.conditions.items():
        by_condition[name, str(value)] += scored
    bands = {tuple(map(int, cue.track.split(":")[1].split("-"))) for cue in found if ":" in cue.track}
    sums.films += 1
    if film.rows:
        hits = [band for band in bands if band[0] <= film.rows[0] + 3 and band[1] >= film.rows[1] - 3]
        sums.with_captions += 1
        sums.bands_found += bool(hits)
        lines = [line for cue in film.truth.cues for line in cue.text.split("\n")]
        sums.scripts_found += _often(map(script_of, lines)) == _often(cue.track.rpartition(":")[2] for cue in found)
        true = [film.rows, film.other_rows or film.rows]
        sums.false_bands += sum(all(band[1] <= rows[0] or band[0] >= rows[1] for rows in true) for band in bands)
    else:
        sums.without_captions += 1
        sums.none_said += not found
        sums.false_bands += len(bands)
    sums.video_s += media.duration_ms / 1000
    sums.frames += film.truth.frames
    sums.cost += cost
    sums.decode += plain_decode
    sums.detector_calls += meter.detector_calls
    sums.recognizer_calls += meter.recognizer_calls
    print(
        f"{film.path.name}: {scored.exact}/{scored.true_cues} exact, {scored.missed} missed, {scored.phantom} phantom, "
        f"{_shown(scored.boundary(50))}/{_shown(scored.boundary(95))} frames off, {cost.wall_s:.2f} s "
        f"({cost.wall_s / plain_decode.wall_s:.1f} decodes), {meter.detector_calls} + {meter.recognizer_calls} calls",
        flush=True,
    )
    if args.lines and args.suite != "held-out":
        for line in wrong_lines(together(found), film.truth.cues):
            print(f"    {line}")


def _figures(sums: Sums) -> dict[str, float | None]:
    score = sums.score
    cues, short, two_line = max(1, score.true_cues), score.short_cues, score.two_line_cues
    kilobytes = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "films": sums.films,
        "true cues": score.true_cues,
        "event CER %": 100 * score.event_cer,
        "exact %": 100 * score.exact / cues,
        "wrong in spaces only %": 100 * score.spaceless / cues,
        "wrong in kind of apostrophe only %": 100 * score.straightened / cues,
        "missed %": 100 * score.missed / cues,
        "phantom %": 100 * score.phantom / cues,
        "exact of 1-2 letters %": 100 * score.short_exact / short if short else None,
        "exact of two lines %": 100 * score.two_line_exact / two_line if two_line else None,
        "boundary error, median, frames": score.boundary(50),
        "boundary error, p95, frames": score.boundary(95),
        "band found %": 100 * sums.bands_found / sums.with_captions if sums.with_captions else None,
        "scripts found %": 100 * sums.scripts_found / sums.with_captions if sums.with_captions else None,
        "none said where none %": 100 * sums.none_said / sums.without_captions if sums.without_captions else None,
        "false bands": sums.false_bands,
        "recogniser calls per true cue": sums.recognizer_calls / cues,
        "detector calls per true cue": sums.detector_calls / cues,
        "detector, % of frames": 100 * sums.detector_calls / max(1, sums.frames),
        "wall time / plain decode": sums.cost.wall_s / sums.decode.wall_s,
        "processor time / plain decode": sums.cost.cpu_s / sums.decode.cpu_s,
        "x realtime": sums.video_s / sums.cost.wall_s,
        "x realtime, one processor": sums.video_s / sums.cost.cpu_s,
        "peak memory, GB": kilobytes / 1e6,
    }


def _often(scripts: Iterable[str]) -> set[str]:
    """The scripts that a fifth of lines, or cues of a track, or more are in; those without letters are in none."""
    counts = Counter(filter(None, scripts))
    return {script for script, count in counts.items() if count >= OFTEN * counts.total()}


def _print_conditions(by_condition: dict[tuple[str, str], Score]) -> None:
    for (name, value), each in sorted(by_condition.items()):
        if each.true_cues:
            print(
                f"  {name} {value}: {each.exact}/{each.true_cues} exact, {each.missed} missed, {each.phantom} phantom"
            )


def _print_table(figures: dict[str, float | None], run: dict[str, str]) -> None:
    print(typefaces())
    print(", ".join(f"{name} {value}" for name, value in run.items()))
    for name, value in figures.items():
        print(f"  {name:<34} {_shown(value):>10}")
    print(json.dumps({**run, **figures}))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:g}" if float(value).is_integer() else f"{value:.2f}"


if __name__ == "__main__":
    main()
