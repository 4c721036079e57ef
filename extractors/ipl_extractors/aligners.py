"""Built-in aligners.

`voice` snaps each cue to the voice that is heard around its display. Display time is not speech time: house
styles let a cue appear up to 125 ms before its speech and stay up to 500 ms after it, to be read at leisure.

    cues        [ Hello there. ]   [ Who is it? ][ Me.    ]
    voice         ▃▅▇▅▃ ▅▇▃           ▅▇▅▃▅▇▅▃▅▇▅▃▅▇▃
    pairs       (──────────────)     (──────────)(───────)    a cut where voice goes on is at the display's edge
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ipl
from ipl.mining.text import count_letters, spoken_text
from ipl.mining.timeline import overlap_ms
from ipl.records import Cue, MediaInfo, Pair, Reject, Span
from ipl_extractors.snapping import Snapped, snap

__all__ = ["VoiceSnapping"]

STAGE = "align"
SHARE_OF_CROWDED = 0.5
"""Two cues displayed together for more than this share of the shorter one: nobody can tell whose the voice is."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A cue and what is said of it."""

    cue: Cue
    text: str


@ipl.plugin("voice")
class VoiceSnapping:
    """Snaps each cue to the voice around its display; cuts shared voice at the pause, else at the display's edge."""

    max_early_ms: int = 500
    "how long before its display a cue's speech may start"
    max_late_ms: int = 500
    "how long after its display a cue's speech may end"
    padding_ms: int = 100
    "silence kept before and after the speech, where there is any"
    min_duration_ms: int = 300
    "a pair shorter than this is rejected"
    max_duration_ms: int = 30_000
    "a pair longer than this is rejected"
    min_letters_per_second: float = 1.0
    "letters and digits said in a second, at least"
    max_letters_per_second: float = 30.0
    "letters and digits said in a second, at most"
    lower: bool = False
    "turn the text to lower case"
    punctuation: bool = True
    "keep punctuation"

    @ipl.hookimpl
    def align(self, media: MediaInfo, cues: Sequence[Cue], voice: Sequence[Span]) -> Iterator[Pair | Reject]:
        """Yields a pair or a reject for each cue, in order of display.

        A pair's confidence is no calibrated probability but a product of four plain findings, each 0 to 1: how
        much of the display voice covers; how near its letters per second are to the source's median; 0.8 for
        each edge that was cut where voice goes on; and the cue's own confidence.
        """
        lines = []
        for line in self._lines(cues):
            if isinstance(line, Reject):
                yield line
            else:
                lines.append(line)
        source = Span(0, media.duration_ms)
        displays = [Span(line.cue.start_ms, line.cue.end_ms) for line in lines]
        found = snap(displays, voice, source, self.max_early_ms, self.max_late_ms, self.padding_ms)
        kept: list[tuple[_Line, Snapped]] = []
        for line, snapped in zip(lines, found, strict=True):
            problem = self._problem(line, snapped)
            if snapped is None or problem:
                yield _reject(line.cue, *(problem or ("no voice", "")))
            else:
                kept.append((line, snapped))
        if kept:
            usual = statistics.median(_letters_per_second(line, snapped) for line, snapped in kept)
            for line, snapped in kept:
                yield _pair(line, snapped, usual)

    def _lines(self, cues: Sequence[Cue]) -> Iterator[_Line | Reject]:
        """Yields what can be aligned, in order, and rejects for cues without text, doubled, or displayed together."""
        lines: list[_Line] = []
        for cue in sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms)):
            text = spoken_text(cue.text, lower=self.lower, punctuation=self.punctuation)
            if not count_letters(text):
                yield _reject(cue, "empty text", "nothing in it is spoken")
            elif cue.end_ms <= cue.start_ms:
                yield _reject(cue, "too short", "displayed for no time")
            elif lines and lines[-1].text == text and cue.start_ms < lines[-1].cue.end_ms:
                yield _reject(cue, "doubled", f"the same text is displayed from {lines[-1].cue.start_ms} ms")
            else:
                lines.append(_Line(cue, text))
        crowded = _crowded([line.cue for line in lines])
        for number, line in enumerate(lines):
            if number in crowded:
                yield _reject(line.cue, "overlaps", f"displayed together with the cue at {crowded[number]} ms")
            else:
                yield line

    def _problem(self, line: _Line, snapped: Snapped | None) -> tuple[str, str] | None:
        if snapped is None:
            return "no voice", "no voice is heard while it is displayed"
        duration_ms = snapped.speech.end_ms - snapped.speech.start_ms
        if duration_ms < self.min_duration_ms:
            return "too short", f"{duration_ms} ms of speech; the least is {self.min_duration_ms} ms"
        if duration_ms > self.max_duration_ms:
            return "too long", f"{duration_ms} ms of speech; the most is {self.max_duration_ms} ms"
        rate = _letters_per_second(line, snapped)
        if not self.min_letters_per_second <= rate <= self.max_letters_per_second:
            limits = f"{self.min_letters_per_second:g} to {self.max_letters_per_second:g}"
            return "rate of characters", f"{rate:.1f} letters a second; expected {limits}"
        return None


def _crowded(cues: Sequence[Cue]) -> dict[int, int]:
    """Numbers of the cues that share most of their display with another, each with the other's start."""
    crowded: dict[int, int] = {}
    open_cues: list[int] = []
    for number, cue in enumerate(cues):
        open_cues = [other for other in open_cues if cues[other].end_ms > cue.start_ms]
        for other in open_cues:
            shorter_ms = min(cue.end_ms - cue.start_ms, cues[other].end_ms - cues[other].start_ms)
            if overlap_ms(cue, cues[other]) > SHARE_OF_CROWDED * shorter_ms:
                crowded[number] = cues[other].start_ms
                crowded.setdefault(other, cue.start_ms)
        open_cues.append(number)
    return crowded


def _letters_per_second(line: _Line, snapped: Snapped) -> float:
    return 1000 * count_letters(line.text) / (snapped.speech.end_ms - snapped.speech.start_ms)


def _pair(line: _Line, snapped: Snapped, usual_letters_per_second: float) -> Pair:
    rate = _letters_per_second(line, snapped) / usual_letters_per_second
    certainty = 1.0 if line.cue.confidence is None else line.cue.confidence
    confidence = snapped.share_of_display * min(rate, 1 / rate) * 0.8**snapped.num_cuts * certainty
    speech, display = snapped.padded, Span(line.cue.start_ms, line.cue.end_ms)
    return Pair(line.cue.source_id, speech.start_ms, speech.end_ms, line.text, confidence, display)


def _reject(cue: Cue, reason: str, detail: str) -> Reject:
    return Reject(cue.source_id, cue.start_ms, max(cue.start_ms, cue.end_ms), STAGE, reason, cue.text, detail or None)
