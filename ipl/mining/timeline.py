"""Arithmetic on stretches of time, and the books of a source: where every millisecond went.

voice     ──███████────████████──────────███──
pairs     ──█████──────██████───────────────────
rejects   ██─────██████──────███████████████████   kept + rejected = the whole source
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

from ipl.records import Reject, Span

__all__ = ["Stretch", "account", "clip", "covered_ms", "gaps", "intersection", "length_ms", "overlap_ms", "union"]


class Stretch(Protocol):
    """Anything with a start and an end: a Span, a Cue, a Pair, a Reject."""

    @property
    def start_ms(self) -> int:
        """First moment."""

    @property
    def end_ms(self) -> int:
        """End, exclusive."""


def length_ms(span: Stretch) -> int:
    """Returns how long a span is."""
    return span.end_ms - span.start_ms


def union(spans: Iterable[Stretch]) -> list[Span]:
    """Returns the time that any of `spans` covers, in order; touching spans become one, empty ones vanish.

    >>> union([Span(5, 9), Span(0, 5), Span(20, 30), Span(7, 7)])
    [Span(start_ms=0, end_ms=9), Span(start_ms=20, end_ms=30)]
    """
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start_ms):
        if span.end_ms <= span.start_ms:
            continue
        if merged and span.start_ms <= merged[-1].end_ms:
            merged[-1] = Span(merged[-1].start_ms, max(merged[-1].end_ms, span.end_ms))
        else:
            merged.append(Span(span.start_ms, span.end_ms))
    return merged


def clip(span: Stretch, within: Stretch) -> Span:
    """Returns the part of `span` that lies within; an empty span at the nearer edge where none does.

    >>> clip(Span(5, 30), Span(10, 20)), clip(Span(1, 3), Span(10, 20))
    (Span(start_ms=10, end_ms=20), Span(start_ms=10, end_ms=10))
    """
    start_ms = min(max(span.start_ms, within.start_ms), within.end_ms)
    return Span(start_ms, max(start_ms, min(span.end_ms, within.end_ms)))


def overlap_ms(one: Stretch, other: Stretch) -> int:
    """Returns how much time two spans share.

    >>> overlap_ms(Span(0, 10), Span(8, 20)), overlap_ms(Span(0, 10), Span(10, 20))
    (2, 0)
    """
    return max(0, min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms))


def covered_ms(spans: Iterable[Stretch]) -> int:
    """Returns how much time `spans` cover together.

    >>> covered_ms([Span(0, 10), Span(5, 12)])
    12
    """
    return sum(map(length_ms, union(spans)))


def gaps(spans: Iterable[Stretch], within: Stretch) -> list[Span]:
    """Returns the parts of `within` that no span covers, in order.

    >>> gaps([Span(2, 4), Span(4, 6)], Span(0, 10))
    [Span(start_ms=0, end_ms=2), Span(start_ms=6, end_ms=10)]
    """
    free: list[Span] = []
    start_ms = within.start_ms
    for span in union(clip(span, within) for span in spans):
        if span.start_ms > start_ms:
            free.append(Span(start_ms, span.start_ms))
        start_ms = span.end_ms
    if start_ms < within.end_ms:
        free.append(Span(start_ms, within.end_ms))
    return free


def intersection(some: Iterable[Stretch], others: Iterable[Stretch]) -> list[Span]:
    """Returns the time that both cover, in order.

    >>> intersection([Span(0, 10), Span(20, 30)], [Span(5, 25)])
    [Span(start_ms=5, end_ms=10), Span(start_ms=20, end_ms=25)]
    """
    left, right = union(some), union(others)
    shared: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if overlap_ms(left[i], right[j]):
            shared.append(clip(left[i], right[j]))
        if left[i].end_ms < right[j].end_ms:
            i += 1
        else:
            j += 1
    return shared


def account(
    whole: Span, kept: Sequence[Stretch], rejects: Sequence[Reject], remainders: Sequence[tuple[Reject, Sequence[Span]]]
) -> Iterator[Reject]:
    """Yields rejects that cover exactly the part of `whole` that is not kept, no millisecond twice.

    Each of `rejects` keeps what none before it took; where that is in pieces the longest carries its text, and
    where nothing is left the row stays, with no time. Then each of `remainders`, a pattern and the spans that
    it explains, takes what is still free there, and the last one all the rest.
    """
    free = gaps(kept, whole)
    last_ms, first = whole.start_ms, 0
    for reject in sorted(rejects, key=lambda reject: (reject.start_ms, reject.end_ms)):
        inside = clip(reject, whole)
        untaken = Span(max(inside.start_ms, last_ms), max(inside.end_ms, last_ms))
        last_ms = untaken.end_ms
        while first < len(free) and free[first].end_ms <= untaken.start_ms:
            first += 1
        pieces = []
        for span in islice(free, first, None):
            if span.start_ms >= untaken.end_ms:
                break
            if overlap_ms(span, untaken):
                pieces.append(clip(span, untaken))
        yield from _pieces(reject, inside, pieces)

    free = gaps([*kept, *rejects], whole)
    for number, (pattern, spans) in enumerate(remainders, start=1):
        taken = free if number == len(remainders) else intersection(free, spans)
        for span in taken:
            yield replace(pattern, start_ms=span.start_ms, end_ms=span.end_ms)
        free = _without(free, taken)


def _without(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    if not some:
        return []
    return intersection(some, gaps(others, Span(some[0].start_ms, some[-1].end_ms)))


def _pieces(reject: Reject, inside: Span, pieces: Sequence[Span]) -> Iterator[Reject]:
    if not pieces:
        yield replace(reject, start_ms=inside.start_ms, end_ms=inside.start_ms)
        return
    longest = max(pieces, key=length_ms)
    for piece in pieces:
        text = reject.text if piece is longest else None
        yield replace(reject, start_ms=piece.start_ms, end_ms=piece.end_ms, text=text)
