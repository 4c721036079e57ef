"""Voice snapping: from display intervals and voice to speech intervals that do not overlap.

1. Between two neighbouring displays lies a border: the longest pause near the end of the one and the start
   of the other; without a pause, the moment at which the later one appears.
2. A cue's reach is its display and a little more on both sides, but never past its borders.
3. Its speech is the voice in its reach that belongs to its display. Where voice goes on past the reach, the
   display's own edge is the best guess of where the speech ends, and counts as a cut.
4. Padding takes in silence only, and never more than half of what lies between two neighbours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ipl.mining.timeline import clip, gaps, length_ms, overlap_ms, union
from ipl.records import Span

__all__ = ["Snapped", "snap"]

LINGER_MS = 500
"""How long house styles let a cue stay after its speech: so long before a display's end its speech may be over."""

LEAD_MS = 125
"""How long before its speech house styles let a cue appear."""


@dataclass(frozen=True, slots=True)
class Snapped:
    """Where a cue is spoken, without and with padding. `num_cuts` counts edges inside voice.

    `share_of_display` is how much of the display voice covers, 0 to 1, where 1 is all but what house styles
    leave silent.
    """

    speech: Span
    padded: Span
    num_cuts: int
    share_of_display: float


def snap(
    displays: Sequence[Span], voice: Sequence[Span], source: Span, max_early_ms: int, max_late_ms: int, padding_ms: int
) -> list[Snapped | None]:
    """Returns for each display (in order of start) where it is spoken, None where no voice is near.

    Padded intervals lie in `source` and do not overlap.
    """
    heard = _Voice(union(clip(span, source) for span in voice))
    borders = [source.start_ms, *_borders(displays, heard), source.end_ms]
    found: list[Snapped | None] = []
    for number, display in enumerate(displays):
        room = Span(borders[number], max(borders[number], borders[number + 1]))
        reach = clip(Span(display.start_ms - max_early_ms, display.end_ms + max_late_ms), room)
        found.append(_speech(display, reach, heard))
    padded = _padded([each for each in found if each is not None], heard, source, padding_ms)
    return [each and next(padded) for each in found]


class _Voice:
    """Spans of voice in order, disjoint; finds those near a moment by bisection."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._ends_ms = [span.end_ms for span in spans]

    def near(self, within: Span) -> list[Span]:
        """The whole spans that share time with `within`."""
        first = bisect_left(self._ends_ms, within.start_ms + 1)
        last = first
        while last < len(self._spans) and self._spans[last].start_ms < within.end_ms:
            last += 1
        return list(self._spans[first:last])

    def silence_before(self, moment_ms: int, most_ms: int) -> int:
        """How long there has been no voice at `moment_ms`, up to `most_ms`."""
        voice = self.near(Span(moment_ms - most_ms, moment_ms))
        return moment_ms - min(voice[-1].end_ms, moment_ms) if voice else most_ms

    def silence_after(self, moment_ms: int, most_ms: int) -> int:
        """How long there will be no voice from `moment_ms`, up to `most_ms`."""
        voice = self.near(Span(moment_ms, moment_ms + most_ms))
        return max(voice[0].start_ms, moment_ms) - moment_ms if voice else most_ms


def _borders(displays: Sequence[Span], heard: _Voice) -> list[int]:
    """One border between each display and the next; as long as the displays end in order, none goes backwards."""
    borders: list[int] = []
    for one, other in pairwise(displays):
        # The border lies inside what the two displays span, so that neither loses all of its own time.
        first_ms, last_ms = sorted((one.end_ms, other.start_ms))
        zone = Span(max(first_ms - LINGER_MS, one.start_ms), min(last_ms + LEAD_MS, other.end_ms))
        longest = max(gaps(heard.near(zone), zone), key=length_ms, default=None)
        border_ms = (longest.start_ms + longest.end_ms) // 2 if longest else other.start_ms
        borders.append(max(border_ms, borders[-1]) if borders else border_ms)
    return borders


def _speech(display: Span, reach: Span, heard: _Voice) -> Snapped | None:
    voice = [span for span in heard.near(reach) if overlap_ms(clip(span, reach), display)]
    pieces = [clip(span, reach) for span in voice]
    # What is mostly heard while the cue is not displayed is the neighbour's, or nobody's: a next speaker's first word.
    mine = [piece for piece in pieces if 2 * overlap_ms(piece, display) >= length_ms(piece)] or pieces
    if not mine:
        return None
    start_ms, end_ms = mine[0].start_ms, mine[-1].end_ms
    cut_before = any(span.start_ms < start_ms < span.end_ms for span in voice)
    cut_after = any(span.start_ms < end_ms < span.end_ms for span in voice)
    if cut_before:
        start_ms = max(start_ms, display.start_ms)
    if cut_after:
        end_ms = min(end_ms, display.end_ms)
    speech = Span(start_ms, end_ms)
    heard_ms = sum(overlap_ms(clip(piece, speech), display) for piece in mine)
    expected_ms = max(length_ms(display) - LINGER_MS - LEAD_MS, length_ms(display) / 2)
    return Snapped(speech, speech, cut_before + cut_after, min(1.0, heard_ms / expected_ms))


def _padded(found: Sequence[Snapped], heard: _Voice, source: Span, padding_ms: int) -> Iterator[Snapped]:
    for number, each in enumerate(found):
        start_ms, end_ms = each.speech.start_ms, each.speech.end_ms
        before_ms, after_ms = start_ms - source.start_ms, source.end_ms - end_ms
        if number > 0:
            before_ms = (start_ms - found[number - 1].speech.end_ms) // 2
        if number + 1 < len(found):
            after_ms = (found[number + 1].speech.start_ms - end_ms) // 2
        start_ms -= heard.silence_before(start_ms, min(padding_ms, before_ms))
        end_ms += heard.silence_after(end_ms, min(padding_ms, after_ms))
        yield replace(each, padded=Span(start_ms, end_ms))
