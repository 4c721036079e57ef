"""Mining plugins that know all from a file `<stem>.fake` beside the video: lines `start end text`."""

import os
import time

import numpy as np

import ipl
from ipl.records import Cue, Pair, Span
from ipl.worker import report


@ipl.plugin("loud")
class Loud:
    """Voice is where the sound is loud, in steps of 20 ms."""

    @ipl.hookimpl
    def detect_voice(self, blocks, sample_rate_hz):
        step = sample_rate_hz // 50
        sound = np.concatenate([*blocks, np.zeros(0, np.int16)])
        loud = [bool(np.abs(sound[i : i + step].astype(int)).max() > 1000) for i in range(0, len(sound), step)]
        start = None
        for number, now in enumerate([*loud, False]):
            if now and start is None:
                start = number
            if not now and start is not None:
                yield Span(20 * start, min(20 * number, len(sound) * 1000 // sample_rate_hz))
                start = None


@ipl.plugin("listed")
class Listed:
    """Cues as listed beside the video; reads one picture for each."""

    behaviour: str = ""
    "what to do wrong"

    @ipl.hookimpl
    def extract_cues(self, media, language, read_text, work_dir):
        if self.behaviour == "segfault" and "killer" in media.path.name:
            os.kill(os.getpid(), 11)
        if self.behaviour == "slow":
            time.sleep(0.4)
        if self.behaviour == "long":
            for done_ms in range(0, 6000, 1000):
                report(done_ms, 6000)
                time.sleep(0.5)
        if self.behaviour == "forget":
            return None
        listed = media.path.with_suffix(".fake")
        if not listed.exists():
            return []
        cues = []
        for line in listed.read_text().splitlines():
            start, end, text = line.split(" ", 2)
            read_text([np.zeros((8, 8, 3), np.uint8)], True)
            cues.append(Cue("whatever", int(start), int(end), text, "listed"))
            (work_dir / f"{start}.jpg").write_bytes(b"crop")
        return cues


@ipl.plugin("mumbler")
class Mumbler:
    """Reads nothing."""

    def cannot_read(self, language):
        return "it knows no Klingon" if language == "tlh" else None

    @ipl.hookimpl
    def read_text(self, pictures, lines):
        return [[] for _ in pictures]


@ipl.plugin("careless")
class Careless:
    """Pairs that break the rules."""

    behaviour: str = "overlap"
    "which rule"

    @ipl.hookimpl
    def align(self, media, cues, voice):
        last = media.duration_ms + 1 if self.behaviour == "outside" else 900
        yield Pair("", 0, last, "one", None, Span(0, 1000))
        yield Pair("", 800, 1000, "two", None, Span(0, 1000))
