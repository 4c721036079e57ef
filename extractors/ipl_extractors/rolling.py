"""Subtitles that roll up: each shows what was said before once more, above what is new.

So live television writes them, and YouTube its automatic ones. What was there before was said before: it is no part of
what is said while the new line comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz.fuzz import ratio

from ipl.records import Span

__all__ = ["Unrolled", "unrolled"]

FEWEST_WORDS = 2
"""So many words, or a whole line, are no coincidence."""
ROLLING, ENOUGH = 0.5, 3
"""From this share, and number, of subtitles on that show again what the one before them did, all of a track roll."""
TOUCH_MS = 100
"""Two that are no farther apart follow each other without a gap."""


class Unrolled(NamedTuple):
    """What is new of one text: its number in the track, when it is shown, and the new words."""

    number: int
    span: Span
    text: str


def unrolled(spans: Sequence[Span], texts: Sequence[str], same_words: float = 100.0) -> list[Unrolled]:
    """Returns what each text of a track shows that the one before it did not; all of it if the track does not roll.

    A text may have several lines, and be broken elsewhere than before; words are the same from the rapidfuzz ratio
    `same_words` on, 0 to 100. One that shows nothing new goes on with the one before it. Where lines that roll up are
    texts of their own, which are displayed together with the next, each ends where that begins.

    >>> spans = [Span(1000 * number, 1000 * (number + 1)) for number in range(5)]
    >>> shown = ["so what", "so what\\nis it", "is it\\nthat you", "that you", "that you\\nwant"]
    >>> [(each.span.end_ms, each.text) for each in unrolled(spans, shown)]
    [(1000, 'so what'), (2000, 'is it'), (4000, 'that you'), (5000, 'want')]
    >>> [each.text for each in unrolled(spans[:4], ["No.", "No.\\nI said no.", "Who?", "Nobody."])]
    ['No.', 'No.\\nI said no.', 'Who?', 'Nobody.']
    >>> long = [Span(1000 * number, 1000 * (number + 2)) for number in range(4)]
    >>> [each.span.end_ms for each in unrolled(long, ["so what", "is it", "that you", "want"])]
    [1000, 2000, 3000, 5000]
    """
    gaps_ms = [later.start_ms - earlier.end_ms for earlier, later in pairwise(spans)]
    if sum(gap_ms < -TOUCH_MS for gap_ms in gaps_ms) >= max(ENOUGH, ROLLING * len(gaps_ms)):
        spans = [*(_until(one, other.start_ms) for one, other in pairwise(spans)), spans[-1]]
        gaps_ms = [min(0, gap_ms) for gap_ms in gaps_ms]
    touching = [abs(gap_ms) <= TOUCH_MS for gap_ms in gaps_ms]
    seen = [0, *(_num_shared(*both, same_words) for both in pairwise(texts))]
    seen = [number if touches else 0 for number, touches in zip(seen, [False, *touching], strict=False)]
    if sum(map(bool, seen)) < max(ENOUGH, ROLLING * sum(touching)):
        seen = [0] * len(texts)
    found: list[Unrolled] = []
    for number, (span, text) in enumerate(zip(spans, texts, strict=True)):
        new = _without_first(text, seen[number])
        if new or not seen[number]:
            found.append(Unrolled(number, span, new))
        else:
            found[-1] = found[-1]._replace(span=Span(found[-1].span.start_ms, span.end_ms))
    return found


def _until(span: Span, end_ms: int) -> Span:
    return Span(span.start_ms, end_ms) if span.start_ms < end_ms < span.end_ms else span


def _num_shared(before: str, text: str, same_words: float) -> int:
    """How many of a text's first words are the last ones of the text before; of several numbers the likeliest."""
    old, new = before.split(), text.split()
    first_line = len(text.split("\n", 1)[0].split())
    alike = {
        number: ratio(" ".join(old[-number:]), " ".join(new[:number]))
        for number in range(1, min(len(old), len(new)) + 1)
        if number >= FEWEST_WORDS or number == first_line
    }
    best = max(alike, key=lambda number: (alike[number], number), default=0)
    return best if alike.get(best, 0) >= same_words else 0


def _without_first(text: str, number: int) -> str:
    """The text's lines without so many of its first words."""
    lines = []
    for line in text.split("\n"):
        words = line.split()
        if number < len(words):
            lines.append(" ".join(words[number:]) if number else line)
        number = max(0, number - len(words))
    return "\n".join(lines)
