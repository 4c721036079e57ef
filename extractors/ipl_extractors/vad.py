"""Built-in voice detectors.

`webrtcvad` is Google's Gaussian-mixture detector (WebRTC, via py-webrtcvad) with hysteresis around it: its
decisions on 10 to 30 ms frames become spans by closing short pauses and dropping short bursts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import ipl
from ipl.errors import InputError
from ipl.records import Span

__all__ = ["Webrtcvad", "voice_spans"]

NATIVE_RATES_HZ = (8_000, 16_000, 32_000, 48_000)
Block = npt.NDArray[np.int16]


@ipl.plugin("webrtcvad")
class Webrtcvad:
    """Voice by WebRTC's detector, with short pauses closed and short bursts dropped."""

    aggressiveness: Literal[0, 1, 2, 3] = 3
    "how strictly sound that is no voice is left out, 0 to 3"
    frame_ms: Literal[10, 20, 30] = 30
    "length of the frames that are judged"
    max_pause_ms: int = 300
    "a pause no longer than this is part of the voice around it"
    min_voice_ms: int = 200
    "a span shorter than this, without its padding, is dropped"
    padding_ms: int = 60
    "added before and after each span"

    @ipl.hookimpl
    def detect_voice(self, blocks: Iterable[Block], sample_rate_hz: int) -> Iterator[Span]:
        """Yields spans of voice; rates that the detector does not know are resampled on the way."""
        if sample_rate_hz <= 0:
            raise InputError(f"webrtcvad: sample rate {sample_rate_hz} Hz; expected a positive one, such as 16000")
        rate = sample_rate_hz
        if rate not in NATIVE_RATES_HZ:
            blocks, rate = _resampled(blocks, rate, 16_000), 16_000
        import webrtcvad

        detector, heard = webrtcvad.Vad(self.aggressiveness), 0

        def counted() -> Iterator[Block]:
            nonlocal heard
            for block in blocks:
                heard += len(block)
                yield block

        frames = _frames(counted(), rate * self.frame_ms // 1000)
        decisions = (detector.is_speech(frame.tobytes(), rate) for frame in frames)
        for span in voice_spans(decisions, self.frame_ms, self.max_pause_ms, self.min_voice_ms, self.padding_ms):
            yield Span(span.start_ms, min(span.end_ms, heard * 1000 // rate))  # the last frame may be cut short


def voice_spans(
    decisions: Iterable[bool], frame_ms: int, max_pause_ms: int, min_voice_ms: int, padding_ms: int
) -> Iterator[Span]:
    """Turns decisions on consecutive frames into spans, in order and not touching.

    Runs of voice with pauses up to `max_pause_ms` between them are one; those shorter than `min_voice_ms` are
    dropped; the rest is padded within the sound. Holds two spans at a time.

    >>> list(voice_spans([False, True, True, False, False, True, True], 10, 10, 20, 5))
    [Span(start_ms=5, end_ms=35), Span(start_ms=45, end_ms=70)]
    """
    end_of_sound_ms = 0
    ready: Span | None = None  # padded; grows while the next run, padded, touches it
    for run in _runs(decisions, frame_ms, max_pause_ms):
        end_of_sound_ms = run.end_ms
        if run.end_ms - run.start_ms < max(min_voice_ms, frame_ms):
            continue
        start_ms, end_ms = max(0, run.start_ms - padding_ms), run.end_ms + padding_ms
        if ready and start_ms <= ready.end_ms:
            start_ms = ready.start_ms
        elif ready:
            yield ready
        ready = Span(start_ms, end_ms)
    if ready:
        yield Span(ready.start_ms, min(ready.end_ms, end_of_sound_ms))


def _runs(decisions: Iterable[bool], frame_ms: int, max_pause_ms: int) -> Iterator[Span]:
    """Yields runs of voice with their short pauses, and last an empty run at the end of the sound."""
    start_ms = end_ms = -1
    now_ms = 0
    for decision in decisions:
        if decision:
            if start_ms < 0:
                start_ms = now_ms
            end_ms = now_ms + frame_ms
        elif start_ms >= 0 and now_ms + frame_ms - end_ms > max_pause_ms:
            yield Span(start_ms, end_ms)
            start_ms = -1
        now_ms += frame_ms
    if start_ms >= 0:
        yield Span(start_ms, end_ms)
    yield Span(now_ms, now_ms)


def _frames(blocks: Iterable[Block], num_samples: int) -> Iterator[Block]:
    """Cuts blocks of any length into frames of one length; after what is shorter than a frame silence follows."""
    rest = np.empty(0, np.int16)
    for block in blocks:
        rest = np.concatenate((rest, block))
        whole = len(rest) // num_samples * num_samples
        yield from rest[:whole].reshape(-1, num_samples)
        rest = rest[whole:]
    if len(rest):
        yield np.pad(rest, (0, num_samples - len(rest)))


def _resampled(blocks: Iterable[Block], from_hz: int, to_hz: int) -> Iterator[Block]:
    import soxr

    stream: Any = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0, np.int16), last=True)
