"""One film in the containers and codecs that people have: what is read must not depend on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ffmpeg
from drawing import Genre
from drawn import MEADOW
from further_genres import plain
from genres import genre_films
from suite import Made

from ipl.mining.media import ffmpeg_path
from ipl.progress import progress

FILM = Genre("film", plain, MEADOW, 854, 480, 25, crf=12, seconds=24)

FAST: dict[str, Any] = {"vcodec": "libx264", "preset": "veryfast"}
HEVC: dict[str, Any] = {"vcodec": "libx265", "preset": "ultrafast", "x265-params": "log-level=none"}
FORMATS: dict[str, dict[str, Any]] = {
    "interlaced.ts": {"vcodec": "mpeg2video", "q:v": 5, "flags": "+ilme+ildct", "vf": "fps=50,interlace"},
    "vp9.webm": {"vcodec": "libvpx-vp9", "deadline": "realtime", "cpu-used": 8, "b:v": "800k", "acodec": "libopus"},
    "av1.mkv": {"vcodec": "libsvtav1", "preset": 12, "svtav1-params": "lp=2"},
    "hevc10.mp4": {**HEVC, "pix_fmt": "yuv420p10le"},
    "h264-10.mkv": {**FAST, "pix_fmt": "yuv420p10le"},
    "h264-444.mp4": {**FAST, "pix_fmt": "yuv444p"},
    "full-range.mp4": {**FAST, "vf": "scale=out_range=full", "color_range": "pc"},
    "grey.mp4": {**FAST, "pix_fmt": "gray"},
    "mpeg4.avi": {"vcodec": "mpeg4", "q:v": 5, "acodec": "libmp3lame"},
    "wmv2.wmv": {"vcodec": "wmv2", "q:v": 5, "acodec": "wmav2"},
    "flv1.flv": {"vcodec": "flv1", "q:v": 5, "acodec": "libmp3lame", "ar": 44100},
    "mjpeg.avi": {"vcodec": "mjpeg", "q:v": 5, "pix_fmt": "yuvj420p", "acodec": "pcm_s16le"},
    "prores.mov": {"vcodec": "prores_ks", "profile:v": 0, "acodec": "pcm_s16le"},
    "theora.ogv": {"vcodec": "libtheora", "q:v": 6, "acodec": "libvorbis"},
    "anamorphic.mp4": {**FAST, "vf": "scale=480:480,setsar=854/480"},
    "variable-rate.mkv": {**FAST, "vf": "mpdecimate", "fps_mode": "vfr"},
    "fragments.mp4": {**FAST, "movflags": "frag_keyframe+empty_moov+delay_moov"},
    "odd-size.mkv": {**FAST, "vf": "scale=853:479", "pix_fmt": "yuv444p"},
    "one-key-frame.mp4": {**FAST, "g": 10_000, "bf": 3},
    "rgb.mkv": {"vcodec": "ffv1", "pix_fmt": "bgr0"},
    "60-frames.mp4": {**FAST, "vf": "fps=60"},
    "5-frames.mp4": {**FAST, "vf": "fps=5"},
    "picture.gif": {"vf": "fps=10,split[a][b];[a]palettegen[p];[b][p]paletteuse", "an": None},
}
"""The names of files, and ffmpeg's options for them."""


def format_films(folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """Makes what is not there yet, and yields all films, or those of some numbers; none where the clips are missing."""
    for film in genre_films((FILM,), folder):
        chosen = [name for number, name in enumerate(FORMATS) if not only or number in only]
        with progress("making films", len(chosen), "films") as advance:
            for name in chosen:
                path = folder / name
                if not path.is_file() or path.stat().st_mtime < film.path.stat().st_mtime:
                    _write(film.path, path, FORMATS[name])
                advance(1, name)
                yield replace(film, path=path, conditions={"format": name})


def _write(film: Path, path: Path, options: dict[str, Any]) -> None:
    """Encodes a film once more; whole or not at all."""
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    whole = ffmpeg.input(str(film)).output(f"file:{partial}", **options).global_args("-v", "error").overwrite_output()
    whole.run(cmd=ffmpeg_path())
    partial.replace(path)
