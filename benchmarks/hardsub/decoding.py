"""What pictures cost before anybody reads them: ffmpeg over a pipe, and PyAV (not a dependency; skipped where missing).

    python benchmarks/hardsub/decoding.py FILM [--threads 2]

Each way is run `--rounds` times in turn, and its best is printed: seconds by the clock and of the processor.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import ffmpeg
from cost import Cost, decode, measured

from ipl.mining.media import Box, every_frame, ffmpeg_path, probe

BAND_ROWS = 0.2
"""How much of the picture the subtitles' band is, at the bottom; it is scaled to half its height."""

FAST: dict[str, Any] = {"skip_loop_filter": "all"}
Way = Callable[[], int]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures ways to the pictures of a film.")
    parser.add_argument("film", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    media = probe(args.film)
    top = round(media.height * (1 - BAND_ROWS))
    band = Box(0, top, media.width, media.height)
    rows = (media.height - top) // 2 // 2 * 2
    ways = _ffmpeg_ways(args.film, band, rows, args.threads)
    if importlib.util.find_spec("av"):
        ways |= _pyav_ways(args.film, band, rows, args.threads)
    else:
        print("left out: PyAV, as this python has none (pip install av)")
    best: dict[str, tuple[Cost, int]] = {}
    for _ in range(args.rounds):  # in turn, so that other work on the machine falls on all of them
        best_decode = decode(args.film, args.threads)
        _keep(best, "ffmpeg, all pictures to nowhere", best_decode, 0)
        for name, way in ways.items():
            with measured() as cost:
                pictures = way()
            _keep(best, name, cost, pictures)
    seconds = media.duration_ms / 1000
    print(f"{args.film.name}: {media.width}x{media.height}, {seconds:.1f} s, {args.threads} threads")
    print(f"{'':<44} {'pictures':>8} {'wall s':>8} {'cpu s':>8} {'x realtime of cpu':>18}")
    for name, (cost, pictures) in best.items():
        told = pictures or "all"
        print(f"{name:<44} {told:>8} {cost.wall_s:>8.2f} {cost.cpu_s:>8.2f} {seconds / cost.cpu_s:>18.0f}")
    print(json.dumps({name: {"pictures": pictures, **vars(cost)} for name, (cost, pictures) in best.items()}))


def _keep(best: dict[str, tuple[Cost, int]], name: str, cost: Cost, pictures: int) -> None:
    old = best.get(name, (cost, pictures))[0]
    best[name] = Cost(min(old.wall_s, cost.wall_s), min(old.cpu_s, cost.cpu_s)), pictures


def _ffmpeg_ways(film: Path, band: Box, rows: int, threads: int) -> dict[str, Way]:
    def piped(**options: Any) -> int:
        video = ffmpeg.input(str(film), threads=threads, **options).video
        video = video.filter("crop", band.right, band.bottom - band.top, 0, band.top, exact=1)
        columns = round(band.right * rows / (band.bottom - band.top))
        output = video.filter("scale", columns, rows, flags="area").output(
            "pipe:", format="rawvideo", pix_fmt="gray", fps_mode="passthrough"
        )
        process = output.global_args("-v", "error").run_async(cmd=ffmpeg_path(), pipe_stdout=True)
        count = 0
        while len(process.stdout.read(rows * columns)) == rows * columns:
            count += 1
        process.stdout.close()
        process.wait()
        return count

    return {
        "ffmpeg, ipl's every_frame, band": lambda: sum(1 for _ in every_frame(film, [band], 0.5)),
        "ffmpeg, band": piped,
        "ffmpeg, band, no loop filter": partial(piped, **FAST),
        "ffmpeg, band, reference frames, no filter": partial(piped, skip_frame="noref", **FAST),
        "ffmpeg, band, key frames": partial(piped, skip_frame="nokey"),
    }


def _pyav_ways(film: Path, band: Box, rows: int, threads: int) -> dict[str, Way]:
    import av
    import numpy as np

    def pictures(skip_frame: str, skip_loop_filter: str) -> Iterator[Any]:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            context.thread_type, context.thread_count = "AUTO", threads
            context.skip_frame = skip_frame
            context.options = {"skip_loop_filter": skip_loop_filter}
            yield from container.decode(stream)

    def read(skip_frame: str = "DEFAULT", skip_loop_filter: str = "default", look: bool = True) -> int:
        count = 0
        for frame in pictures(skip_frame, skip_loop_filter):
            count += 1
            if (
                look
            ):  # the luma is a plane of the picture as it is: cut out without a copy, and scaled by means of fours
                plane = frame.planes[0]
                luma = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
                cut = luma[band.top : band.bottom, : band.right]
                halves = (
                    cut[: rows * 2 : 2, : band.right // 2 * 2].astype(np.uint16)
                    + cut[1 : rows * 2 : 2, : band.right // 2 * 2]
                )
                (halves[:, ::2] + halves[:, 1::2]) >> 2
        return count

    fast = {"skip_loop_filter": "all"}
    return {
        "PyAV, pictures not looked at": partial(read, look=False),
        "PyAV, band": read,
        "PyAV, band, no loop filter": partial(read, **fast),
        "PyAV, band, reference frames, no filter": partial(read, skip_frame="NONREF", **fast),
        "PyAV, band, key frames": partial(read, skip_frame="NONKEY"),
    }


if __name__ == "__main__":
    main()
