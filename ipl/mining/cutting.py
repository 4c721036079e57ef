"""Cuts stretches out of a stream of sound, holding no more than a block and the stretch at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ipl.records import Span

__all__ = ["cut"]

Samples = npt.NDArray[np.int16]


def cut(blocks: Iterable[Samples], sample_rate_hz: int, spans: Iterable[Span]) -> Iterator[Samples]:
    """Yields the samples, int16 [N], of each span; fewer where the sound ends before.

    `blocks` are consecutive, int16 [N] of any length; `spans` are in order and do not overlap.

    >>> sound = np.arange(10, dtype=np.int16)
    >>> [part.tolist() for part in cut([sound[:4], sound[4:]], 1000, [Span(1, 3), Span(3, 6), Span(8, 20)])]
    [[1, 2], [3, 4, 5], [8, 9]]
    """
    supply = iter(blocks)
    block, offset = np.empty(0, np.int16), 0
    for span in spans:
        first, last = span.start_ms * sample_rate_hz // 1000, span.end_ms * sample_rate_hz // 1000
        parts = [block[max(0, first - offset) : max(0, last - offset)]]
        while offset + len(block) < last and (following := next(supply, None)) is not None:
            offset += len(block)
            block = following
            parts.append(block[max(0, first - offset) : max(0, last - offset)])
        yield np.concatenate(parts)
