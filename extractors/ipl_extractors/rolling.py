"""Subtitles that roll up: each shows what was said before once more, above what is new.

So live television writes them, and YouTube its automatic ones; where people sing, a new line may stand above the last
one, too. What was there before was said before: it is no part of what is said while the new line comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz.fuzz import ratio

from ipl.records import Span

__all__ = ["Unrolled", "unrolled"]

FEWEST_WORDS, MOST_WORDS = 2, 60
"""So many words, or a whole line, are no coincidence; more than the others no subtitle shows."""
ROLLING, ENOUGH = 0.5, 3
"""From this share, and number, of subtitles on that begin with the end of the one before them, all of a track roll."""
TOUCH_MS = 100
"""Two that are no farther apart follow each other without a gap."""
LONG_WORD = 4
"""In shorter words, and in numbers, one other letter makes another word."""


class Unrolled(NamedTuple):
    """What is new of one text: its number in the track, when it is shown, and the new words."""

    number: int
    span: Span
    text: str


def unrolled(spans: Sequence[Span], texts: Sequence[str], same_word: float = 100.0) -> list[Unrolled]:
    """Returns what each text of a track shows that the one before it did not; all of it if the track does not roll.

    What was there before are the first words, or some of the lines. A text may have several lines, and be broken
    elsewhere than before; longer words are the same from the rapidfuzz ratio `same_word` on, 0 to 100. One that shows
    nothing new goes on with the one before it. Where each line that rolls up is a text of its own, displayed until the
    one after the next comes, it ends where the next begins.

    >>> spans = [Span(1000 * number, 1000 * (number + 1)) for number in range(5)]
    >>> shown = ["so what", "so what\\nis it", "is it\\nthat you", "that you", "that you\\nwant"]
    >>> [(each.span.end_ms, each.text) for each in unrolled(spans, shown)]
    [(1000, 'so what'), (2000, 'is it'), (4000, 'that you'), (5000, 'want')]
    >>> [each.text for each in unrolled(spans, ["No.", "No.\\nI said no.", "Go!", "Go!", "Go!"])]
    ['No.', 'No.\\nI said no.', 'Go!', 'Go!', 'Go!']
    >>> long = [Span(1000 * number, 1000 * (number + 2)) for number in range(5)]
    >>> [each.span.end_ms for each in unrolled(long, ["so what", "is it", "that you", "want", "of me"])]
    [1000, 2000, 3000, 4000, 6000]
    """
    if _are_rows(spans):
        spans = [*(Span(one.start_ms, other.start_ms) for one, other in pairwise(spans)), spans[-1]]
    new = list(texts)
    num_proofs = 0
    for number, (one, other) in enumerate(pairwise(spans), start=1):
        if abs(other.start_ms - one.end_ms) <= TOUCH_MS:
            new[number], is_enough = _new(texts[number - 1], texts[number], same_word)
            num_proofs += is_enough
    # A chorus repeats itself, too, and shows nothing new.
    if num_proofs < max(ENOUGH, ROLLING * (sum(map(bool, new)) - 1)):
        new = list(texts)
    found: list[Unrolled] = []
    for number, (span, text) in enumerate(zip(spans, new, strict=True)):
        if text or not texts[number]:
            found.append(Unrolled(number, span, text))
        else:
            found[-1] = found[-1]._replace(span=Span(found[-1].span.start_ms, span.end_ms))
    return found


def _are_rows(spans: Sequence[Span]) -> bool:
    """Whether most texts are displayed until the one after the next comes, each beginning and ending after the last."""
    are_in_order = all(one.start_ms < other.start_ms and one.end_ms < other.end_ms for one, other in pairwise(spans))
    pairs = zip(spans, spans[1:], spans[2:], strict=False)
    until = [abs(one.end_ms - third.start_ms) <= TOUCH_MS for one, other, third in pairs if other.start_ms < one.end_ms]
    return are_in_order and sum(until) >= max(ENOUGH, ROLLING * len(spans))


def _new(before: str, text: str, same_word: float) -> tuple[str, bool]:
    """What of a text the one before did not show, and whether it is no coincidence that it showed the rest."""
    number = _num_shared(before, text, same_word)
    if number:
        new = _without_first(text, number)
        return new, bool(new) and _is_enough(number, text)
    known = [line.split() for line in before.split("\n")]
    lines = [line for line in text.split("\n") if not any(_are_same(line.split(), each, same_word) for each in known)]
    return "\n".join(lines), 0 < len(lines) < text.count("\n") + 1


def _are_same(words: Sequence[str], others: Sequence[str], same_word: float) -> bool:
    return len(words) == len(others) and all(_is_same(*pair, same_word) for pair in zip(words, others, strict=True))


def _num_shared(before: str, text: str, same_word: float) -> int:
    """How many of a text's first words are the last ones of the text before, at the most."""
    old, new = before.split()[-MOST_WORDS:], text.split()[:MOST_WORDS]
    for number in range(min(len(old), len(new)), 0, -1):
        if all(_is_same(*words, same_word) for words in zip(old[-number:], new, strict=False)):
            return number
    return 0


def _is_enough(number: int, text: str) -> bool:
    """Whether it is no coincidence that so many of a text's first words were there before."""
    return number >= FEWEST_WORDS or 0 < number == len(text.split("\n", 1)[0].split())


def _is_same(one: str, other: str, same_word: float) -> bool:
    is_long = min(len(one), len(other)) >= LONG_WORD and not any(map(str.isdigit, one + other))
    return one == other or (is_long and ratio(one, other) >= same_word)


def _without_first(text: str, number: int) -> str:
    """The text's lines without so many of its first words."""
    lines = []
    for line in text.split("\n"):
        words = line.split()
        if number < len(words):
            lines.append(" ".join(words[number:]) if number else line)
        number = max(0, number - len(words))
    return "\n".join(lines)
