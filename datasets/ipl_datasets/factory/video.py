"""Frames and sound to a media file, over ffmpeg."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import ffmpeg
import soundfile as sf

from ipl.errors import StageError
from ipl.mining.media import ffmpeg_path
from ipl_datasets.espeak import Samples
from ipl_datasets.factory.render import render
from ipl_datasets.factory.scene import Scene

__all__ = ["VARIABLE_BLOCK", "Encoding", "is_kept", "write_video"]

VARIABLE_BLOCK = 48
"""Frames after which a variable frame rate changes: all frames, every second one, every third one, all again."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a video is written. The higher `crf` is, the less is left of the picture (x264: 0 to 51)."""

    preset: str = "ultrafast"
    crf: int = 26
    variable: bool = False
    """leave frames out, see `is_kept`"""
    start_s: float = 0.0
    """the time stamp of the first frame"""


def is_kept(frame: int) -> bool:
    """Whether a frame is in a video of variable frame rate.

    >>> [frame for frame in range(44, 58) if is_kept(frame)]
    [44, 45, 46, 47, 48, 50, 52, 54, 56]
    """
    return frame % (frame // VARIABLE_BLOCK % 3 + 1) == 0


def write_video(
    path: Path, scene: Scene, samples: Samples, sample_rate_hz: int, encoding: Encoding | None = None
) -> None:
    """Writes H.264 pictures and AAC sound, whole or not at all; the suffix of `path` (mp4, mkv) says the container.

    Equal arguments give equal bytes with the same ffmpeg. Raises StageError where ffmpeg fails.
    """
    encoding = encoding or Encoding()
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    with tempfile.TemporaryDirectory(prefix="ipl-factory-") as folder:
        sound, log = Path(folder) / "sound.wav", Path(folder) / "log.txt"
        sf.write(sound, samples, sample_rate_hz, subtype="PCM_16")
        pictures = ffmpeg.input(
            "pipe:",
            format="rawvideo",
            pix_fmt="rgb24",
            s=f"{scene.width}x{scene.height}",
            framerate=f"{scene.frame_rate.numerator}/{scene.frame_rate.denominator}",
        )
        more = {}
        if encoding.variable:
            every = f"mod(floor(n/{VARIABLE_BLOCK}),3)+1"
            pictures = pictures.filter("select", f"not(mod(n,{every}))")
            more["fps_mode"] = "vfr"
        if encoding.start_s:
            more["output_ts_offset"] = str(encoding.start_s)
        output = ffmpeg.output(
            pictures,
            ffmpeg.input(str(sound)),
            f"file:{partial}",
            vcodec="libx264",
            preset=encoding.preset,
            crf=encoding.crf,
            pix_fmt="yuv420p",
            acodec="aac",
            audio_bitrate="96k",
            threads=2,  # a fixed number: the bytes depend on it
            fflags="+bitexact",
            **more,
        )
        try:
            with log.open("wb") as errors:
                code = _feed(output, scene, errors.fileno())
            if code:
                raise StageError(f"{path}: ffmpeg failed ({code}): {_last_line(log)}")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _feed(output: ffmpeg.nodes.OutputStream, scene: Scene, errors: int) -> int:
    """Runs ffmpeg, writes the scene's frames to it, and returns its exit code."""
    import subprocess

    command = ffmpeg.compile(output, cmd=[ffmpeg_path(), "-hide_banner", "-loglevel", "error"], overwrite_output=True)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors) as process:
        assert process.stdin is not None
        try:
            for frame in render(scene):
                process.stdin.write(frame.data)
            process.stdin.close()
        except BrokenPipeError:  # ffmpeg has ended by itself: its exit code and its log say why
            pass
        except BaseException:
            process.kill()
            raise
        return process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
