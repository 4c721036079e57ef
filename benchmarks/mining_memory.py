"""Memory of reading burned-in subtitles from short and long videos: `python benchmarks/mining_memory.py`.

Makes a film of the longest length at 360p and 6 frames a second, in which lines are said again as rarely as the
factory's words let them, cuts the others from it, and reads each in a process of its own. Prints how many cues it has,
wall time, speed and peak memory (the process and its ffmpeg, shared pages counted once, looked at twice a second), and
last the same figures as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
from ipl_datasets.factory.dialogue import english
from ipl_datasets.factory.film import Film, make_film
from ipl_datasets.factory.scene import Style
from ipl_extractors.burned_in import BurnedIn
from ipl_extractors.ocr import RapidOcr
from quickstart import SECONDS_BETWEEN_LOOKS, proportional_kib, tree

from ipl.mining.media import ffmpeg_path, probe
from ipl.records import Cue

SENTENCES_A_MINUTE = 22.5


def main() -> None:
    """Measures each length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 130], help="lengths to read")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read(args.read)
        return
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        texts = tuple(islice(english(np.random.default_rng(3)), round(max(args.minutes) * SENTENCES_A_MINUTE)))
        make_film(Film(texts, 3, (1, 2), True, 640, 360, "6", 30.0, None, "IPL", Style()), film)
        print(f"{len(set(texts))} different lines")
        print(f"{'minutes':>8} {'cues':>6} {'wall s':>8} {'x realtime':>11} {'peak MiB':>9}")
        rows = [measured(begin(film, minutes)) for minutes in args.minutes]
    print(json.dumps(rows))


def begin(film: Path, minutes: float) -> Path:
    """The first minutes of a film."""
    path = film.with_name(f"{minutes:g}.mp4")
    ffmpeg("-i", film, "-t", round(60 * minutes), "-c", "copy", path)
    return path


def ffmpeg(*arguments: object) -> None:
    """Runs ffmpeg."""
    subprocess.run([ffmpeg_path(), "-v", "error", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)


def measured(film: Path) -> dict[str, float]:
    """Reads a film in a new process, and prints what that took."""
    began, peak_kib = time.monotonic(), 0
    command = [sys.executable, __file__, "--read", str(film)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak_kib = max(peak_kib, sum(map(proportional_kib, tree(process.pid))))
            time.sleep(SECONDS_BETWEEN_LOOKS)
        assert process.stdout is not None
        told = process.stdout.read()
    if process.returncode:
        sys.exit(f"reading {film} ended with {process.returncode}")
    seconds, duration_ms = time.monotonic() - began, probe(film).duration_ms
    row = {
        "minutes": round(duration_ms / 60_000, 1),
        "cues": int(told),
        "wall_seconds": round(seconds, 1),
        "times_realtime": round(duration_ms / 1000 / seconds, 1),
        "peak_mib": round(peak_kib / 1024),
    }
    print("{minutes:8.1f} {cues:6d} {wall_seconds:8.1f} {times_realtime:11.1f} {peak_mib:9d}".format(**row), flush=True)
    return row


def read(film: Path) -> None:
    """Reads a film and says how many cues it has."""
    found = BurnedIn().extract_cues(probe(film), None, RapidOcr().read_text, film.parent / film.stem)
    print(sum(isinstance(each, Cue) for each in found))


if __name__ == "__main__":
    main()
