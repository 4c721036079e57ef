"""An ffmpeg at work: what it writes, when its frames are shown, and what it complains of."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from ipl.errors import MediaError
from ipl.mining.probe import ffmpeg_path

__all__ = ["OnDamage", "Pipe"]

OnDamage = Callable[[str], None]
MOST_SAID = 3
"""So many of ffmpeg's complaints of a file are told, the first ones."""
TIME_BASE = re.compile(rb"Parsed_showinfo.* config in time_base: (\d+)/(\d+)")
FRAME_TIME = re.compile(rb"Parsed_showinfo.* pts: *(-?\d+)")
"""In units of the time base: what showinfo says in seconds is rounded to six digits by older versions of ffmpeg."""
_FIELDS = re.compile(rb"(?:\s*\w+: *(?:\[[^]]*\]|\S+))*\s*")
"""What showinfo tells of a frame, in the two lines that it writes piece by piece."""


def _cut_in(line: bytes) -> bytes:
    """What another thread of ffmpeg, which has just complained, wrote into a line of showinfo; mostly nothing.

    >>> _cut_in(b"[Parsed_showinfo_0 @ 0x7f] [info] n:   1 pts:    512 type:B File ended prematurely\\n")
    b'File ended prematurely'
    """
    told = line.partition(b"[info] ")[2]
    is_of_a_frame = b"Parsed_showinfo" in line and told.startswith((b"n:", b"color_range:"))
    fields = _FIELDS.match(told)
    return told[fields.end() :].strip() if is_of_a_frame and fields else b""


class Pipe:
    """A running ffmpeg whose standard output is read; killed when left early.

    If it is `timed`, its filter `showinfo` tells the time of each frame, before it writes it; complaints are forgotten
    that come before the frame at `before_ms`, and the first one after it is reported with the next frame that is read,
    and no other: who is killed after that need not read all again to know of it. What comes behind the last frame, and
    all that is complained of in what is not timed, is reported at the end, the first few of it.
    """

    def __init__(
        self,
        output: Any,
        path: Path,
        on_damage: OnDamage | None,
        timed: bool = False,
        before_ms: float = -math.inf,
    ) -> None:
        self._path = path
        self._on_damage = on_damage
        self._is_timed = timed
        self._before_ms = before_ms
        self._times_ms: SimpleQueue[float] = SimpleQueue()
        self._is_past_begin = False
        self._has_told = False
        level = "level+info" if timed else "error"
        command = output.global_args("-v", level, "-nostdin", "-nostats").compile(cmd=ffmpeg_path())
        self._process = Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, bufsize=1 << 20)
        # A thread empties stderr, else a damaged file's complaints would fill it and stop ffmpeg.
        self._complaints: list[bytes] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        unit_ms = 0.0
        for line in self._process.stderr:
            is_complaint = not self._is_timed or b"[error] " in line or b"[fatal] " in line
            complaint = line if is_complaint else _cut_in(line)
            if complaint and len(self._complaints) < MOST_SAID:
                self._complaints.append(complaint)
            if (match := FRAME_TIME.search(line)) is not None:
                time_ms = int(match[1]) * unit_ms
                if time_ms <= self._before_ms:
                    self._complaints.clear()
                self._times_ms.put(time_ms)
            elif (match := TIME_BASE.search(line)) is not None:
                unit_ms = 1000 * int(match[1]) / int(match[2])

    def next_time_ms(self) -> float:
        """Returns the time of the frame that was just read."""
        time_ms = self._times_ms.get(timeout=60)
        # Not at the first frame: where that comes too late, decoding begins anew, farther ahead.
        if self._is_past_begin and self._on_damage and self._complaints and not self._has_told:
            self._on_damage(self._damage(self._said()[:1]))
            self._has_told = True
        self._is_past_begin = time_ms > self._before_ms
        return time_ms

    def read(self, num_bytes: int) -> bytes:
        """Reads exactly so many bytes, fewer only at the end."""
        assert self._process.stdout is not None
        return self._process.stdout.read(num_bytes)

    def finish(self, problem: str | None) -> None:
        """Reports damage, once all has been read: `problem`, ffmpeg's complaints, its exit code."""
        exit_code = self._process.wait()
        self._listener.join()
        said = [] if self._has_told else self._said()
        if not (problem or said or (exit_code and not self._has_told)):
            return
        line = self._damage(([problem] if problem else []) + said or [f"ffmpeg exit code {exit_code}"])
        if self._on_damage is None:
            raise MediaError(line)
        self._on_damage(line)

    def _said(self) -> list[str]:
        return [line.decode("utf-8", "replace").split("] ")[-1].strip() for line in self._complaints]

    def _damage(self, words: list[str]) -> str:
        what = "; ".join(dict.fromkeys(words))
        return f"{self._path}: damaged or cut short ({what}); what could be read was used, copy or download it again"

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
