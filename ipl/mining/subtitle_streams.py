"""Subtitles that are streams within a media file: the text of those that are text, and the pictures of the others.

Times count from where the container's own do, as all others in ipl.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import ffmpeg
import numpy as np
import numpy.typing as npt

from ipl.errors import MediaError
from ipl.mining.pipe import OnDamage, Pipe
from ipl.mining.probe import SubtitleStream, read_streams, subtitle_size

__all__ = ["ShownPicture", "stream_pictures", "stream_text"]

CHUNK_BYTES = 1 << 20


def stream_text(path: Path, stream: SubtitleStream, style: Literal["srt", "ass"], on_damage: OnDamage) -> str:
    """Returns what a stream of text says, as a file of that format has it."""
    # Of some containers ffmpeg would take the stream's own start for 0, as no other is asked for.
    start_s = read_streams(path).info.start_ms / 1000
    source = ffmpeg.input(f"file:{path}")[str(stream.index)]
    output = source.output("pipe:", format=style, output_ts_offset=f"{-start_s:.3f}").global_args("-copyts")
    with Pipe(output, path, on_damage) as pipe:
        parts = list(iter(lambda: pipe.read(CHUNK_BYTES), b""))
        pipe.finish(None)
    return b"".join(parts).decode("utf-8", "replace")


class ShownPicture(NamedTuple):
    """What a stream of pictures shows for some time: luma over black, uint8 [H, W], of the whole screen."""

    start_ms: int
    end_ms: int
    picture: npt.NDArray[np.uint8]


def stream_pictures(path: Path, stream: SubtitleStream, on_damage: OnDamage) -> Iterator[ShownPicture]:
    """Yields what a stream of pictures shows, one after the other, without the times when it shows nothing.

    What has no end is shown to the end of the file. Raises MediaError where nothing tells how large its screen is.
    """
    info = read_streams(path).info
    columns, rows = stream.size or subtitle_size(path, stream) or (info.width, info.height)
    if not columns:
        raise MediaError(
            f"{path}: subtitle stream {stream.index} ({stream.codec}) does not tell the size of its pictures"
        )
    video = ffmpeg.input(f"file:{path}")[str(stream.index)].filter("scale", columns, rows).filter("format", "ya8")
    # Two pictures may come at one time, which no file may have; by then their times have been told.
    video = video.filter("showinfo", checksum=0).filter("setpts", "N/25/TB")
    output = video.output("pipe:", format="rawvideo", pix_fmt="ya8", fps_mode="passthrough").global_args("-copyts")
    before: tuple[int, npt.NDArray[np.uint8]] | None = None
    with Pipe(output, path, on_damage, timed=True) as pipe:
        while len(data := pipe.read(2 * rows * columns)) == 2 * rows * columns:
            time_ms = max(0, round(pipe.next_time_ms() - info.start_ms))
            if time_ms > info.duration_ms:  # ffmpeg ends what has no end at a time of its own
                continue
            luma, alpha = np.moveaxis(np.frombuffer(data, np.uint8).reshape(rows, columns, 2), 2, 0)
            shown = (luma.astype(np.uint16) * alpha // 255).astype(np.uint8)
            if before is not None and np.array_equal(before[1], shown):
                continue
            if before is not None and before[1].any() and before[0] < time_ms:
                yield ShownPicture(before[0], time_ms, before[1])
            before = time_ms, shown
        pipe.finish(None)
    if before is not None and before[1].any() and before[0] < info.duration_ms:
        yield ShownPicture(before[0], info.duration_ms, before[1])
