"""Side by side with what a user would pick instead, on the same films: `others.py [--others-python PYTHON ...]`.

The other programs are no dependencies of ipl: each is looked for in the environments whose pythons are given, made by

    python -m venv others && others/bin/pip install videocr
    python -m venv older && older/bin/pip install 'rapid_videocr==1.1.10' 'rapidocr_onnxruntime<1.3'

(videocr also needs the system's tesseract, with its Chinese). What is lacking is left out, and said.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pysubs2
from cost import Cost, decode, measured, peak_memory
from films import FILMS, typefaces
from ipl_extractors.burned_in import BurnedIn
from ipl_extractors.ocr import RapidOcr
from metrics import Score, score, together
from plain_loop import plain_loop
from suite import Made, Suite, make

from ipl.mining.media import probe
from ipl.mining.plan import TextReaderMeter
from ipl.records import Cue

RIVALS = Path(__file__).with_name("rivals")
CHOSEN = {"real": (0, 3), "real-burned": (10, 11)}
MADE = Suite(seed=7000, films=3, sentences=3, tallest=480)
"""Few, short and small, for the sake of the slow ones: 240p to 720p, English and Mandarin, real pictures and made ones;
one of the films has no subtitles. The seed is of no other suite, so nothing was tuned on what is made."""

OWN = "ipl", "plain loop"
"""These run in this process, the others each in one of its own."""

Read = Callable[[Made], tuple[list[Cue], int]]
"""Reads a film: its cues, and how often text was looked for or a line was read."""


@dataclass
class Sums:
    score: Score = field(default_factory=Score)
    cost: Cost = field(default_factory=Cost)
    calls: int = 0
    quiet: int = 0
    """films without subtitles in which it found none"""
    failed: int = 0
    """films that it read nothing of, as it stopped with an error or took too long"""
    peak_mb: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        joined = {name: value + getattr(other, name) for name, value in vars(self).items()}
        return Sums(**joined | {"peak_mb": max(self.peak_mb, other.peak_mb)})


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures ipl and other programs on the same films.")
    parser.add_argument("--others-python", type=Path, action="append", default=[], help="may be given more than once")
    parser.add_argument("--folder", type=Path, default=Path("runs/hardsub"), help="where the films are kept")
    parser.add_argument("--suite", choices=FILMS, action="append", help="its films, in place of the chosen ones")
    parser.add_argument("--threads", type=int, default=2, help="of the OCR engine, and of the plain decode")
    parser.add_argument(
        "--most",
        type=float,
        default=30.0,
        help="a process that took so many seconds of processor for each of the film is stopped",
    )
    args = parser.parse_args()
    if missing := [str(python) for python in args.others_python if not python.is_file()]:
        parser.error(f"--others-python: no file {', '.join(missing)}; give the python of a virtual environment")
    chosen = dict.fromkeys(args.suite, ()) if args.suite else CHOSEN
    films = [] if args.suite else list(make(MADE, args.folder / "others"))
    films += [film for name, numbers in chosen.items() for film in FILMS[name](args.folder / name, numbers)]
    readers = _readers(args)
    sums, plain_decode, whole = {name: Sums() for name in readers}, Cost(), list[Made]()
    for film in films:
        try:
            decoded = decode(film.path, args.threads)
            measured_now = {name: _measure(name, read, film) for name, read in readers.items()}
        except KeyboardInterrupt:
            print("interrupted: the table is of the films before this one")
            break
        whole.append(film)
        plain_decode += decoded
        sums = {name: sums[name] + each for name, each in measured_now.items()}
    print(typefaces())
    if whole:
        _print_table(sums, whole, plain_decode)


def _readers(args: argparse.Namespace) -> dict[str, Read]:
    engine = RapidOcr(threads=args.threads)
    engine.read_text([np.zeros((64, 64, 3), np.uint8)], False)  # loading the engine is no part of reading a film
    readers: dict[str, Read] = dict(zip(OWN, (partial(_ipl, engine), partial(_plain, engine)), strict=True))
    wanted = {
        "videocr": ("videocr", "0.", "videocr_tesseract"),
        "rapid_videocr": ("rapid_videocr", "1.1.10", "rapid_videocr_1"),
    }
    for name, (package, begins, script) in wanted.items():
        python, version = _find(args.others_python, package, begins)
        if python is None:
            print(f"left out: {name}, as none of --others-python has its version {begins}")
        elif name == "videocr" and shutil.which("tesseract") is None:
            print("left out: videocr, as there is no program tesseract on this machine")
        else:
            readers[f"{name} {version}"] = partial(_rival, python, RIVALS / f"{script}.py", args.most)
    return readers


def _find(pythons: list[Path], package: str, begins: str) -> tuple[Path | None, str]:
    for python in pythons:
        command = [python, "-c", f"from importlib.metadata import version; print(version({package!r}))"]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        if asked.returncode == 0 and asked.stdout.startswith(begins):
            return python, asked.stdout.strip()
    return None, ""


def _ipl(engine: RapidOcr, film: Made) -> tuple[list[Cue], int]:
    meter = TextReaderMeter(engine.read_text)
    with tempfile.TemporaryDirectory() as folder:
        all_found = BurnedIn().extract_cues(probe(film.path), None, meter, Path(folder))
        found = [each for each in all_found if isinstance(each, Cue)]
    return found, meter.detector_calls + meter.recognizer_calls


def _plain(engine: RapidOcr, film: Made) -> tuple[list[Cue], int]:
    """Told which third of the picture to read, as a user would have looked."""
    meter, media = TextReaderMeter(engine.read_text), probe(film.path)
    is_upper = film.rows is not None and sum(film.rows) < media.height
    found = list(plain_loop(media, meter, ("upper",) if is_upper else ("lower",)))
    return found, meter.detector_calls + meter.recognizer_calls


def _rival(python: Path, script: Path, most: float, film: Made) -> tuple[list[Cue], int]:
    """Told the language and the rows; ChildProcessError where it failed or took too long."""
    media = probe(film.path)
    language = film.conditions.get("language", "en")
    rows = film.rows or (media.height * 3 // 4, media.height)
    allowed_s = round(most * media.duration_ms / 1000)
    with tempfile.TemporaryDirectory() as folder:
        srt = Path(folder) / "read.srt"
        told = ["cmn" if language == "cmn" else "both" if language == "both" else "en", *map(str, rows)]
        done = subprocess.run(
            [python, script, film.path, srt, *told],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (allowed_s, allowed_s)),
        )
        if done.returncode < 0:
            raise ChildProcessError("it took too long")
        if done.returncode:
            raise ChildProcessError(done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}")
        cues = [
            Cue(film.path.name, each.start, max(each.start + 1, each.end), each.plaintext, "all")
            for each in pysubs2.load(str(srt), encoding="utf-8", format_="srt")
        ]
    return cues, 0


def _measure(name: str, read: Read, film: Made) -> Sums:
    found, calls, problem = list[Cue](), 0, ""
    with measured() as cost, peak_memory(with_self=name in OWN) as memory:
        try:
            found, calls = read(film)
        except ChildProcessError as error:
            problem = f", failed: {error}"
    scored = score(together(found), film.truth.cues, float(Fraction(film.truth.frame_rate)))
    print(
        f"{film.path.name}, {name}: {scored.exact}/{scored.true_cues} exact, {scored.missed} missed, "
        f"{scored.phantom} phantom, {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s of processor, "
        f"{memory.megabytes:.0f} MB{problem}",
        flush=True,
    )
    return Sums(
        scored, cost, calls, int(not (film.truth.cues or found or problem)), int(bool(problem)), memory.megabytes
    )


def _print_table(sums: dict[str, Sums], films: list[Made], plain_decode: Cost) -> None:
    seconds = float(sum(film.truth.frames / Fraction(film.truth.frame_rate) for film in films))
    rows = {name: _figures(each, seconds, plain_decode) for name, each in sums.items()}
    print(f"\n{len(films)} films, {seconds:.0f} s, {sums['ipl'].score.true_cues} lines")
    print(f"a plain decode of them: {plain_decode.wall_s:.1f} s, {plain_decode.cpu_s:.1f} s of processor\n")
    print("| | " + " | ".join(rows) + " |\n|" + "---|" * (len(rows) + 1))
    for figure in next(iter(rows.values())):
        print(f"| {figure} | " + " | ".join(_shown(row[figure]) for row in rows.values()) + " |")
    ipl, plain = sums["ipl"].cost, sums["plain loop"].cost
    print(
        f"\nthe plain loop takes {plain.wall_s / ipl.wall_s:.1f} times as long as ipl by the clock, "
        f"{plain.cpu_s / ipl.cpu_s:.1f} times as long on the processor"
    )
    names = [film.path.name for film in films]
    print(json.dumps({"films": names, "seconds": seconds, "decode": vars(plain_decode), "programs": rows}))


def _figures(sums: Sums, seconds: float, plain_decode: Cost) -> dict[str, float | None]:
    score, cost = sums.score, sums.cost
    cues = max(1, score.true_cues)
    return {
        "event CER %": 100 * score.event_cer,
        "exact %": 100 * score.exact / cues,
        "wrong in spaces only %": 100 * score.spaceless / cues,
        "missed %": 100 * score.missed / cues,
        "phantom %": 100 * score.phantom / cues,
        "films without subtitles, said so": sums.quiet,
        "films it failed on": sums.failed,
        "boundary error, median, frames": score.boundary(50),
        "boundary error, p95, frames": score.boundary(95),
        "calls of the engine": sums.calls or None,
        "wall s": cost.wall_s,
        "x realtime": seconds / cost.wall_s,
        "wall / plain decode": cost.wall_s / plain_decode.wall_s,
        "processor s": cost.cpu_s,
        "x realtime, one processor": seconds / cost.cpu_s,
        "processor / plain decode": cost.cpu_s / plain_decode.cpu_s,
        "peak memory, MB": sums.peak_mb,
    }


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:g}" if float(value).is_integer() else f"{value:.2f}"


if __name__ == "__main__":
    main()
