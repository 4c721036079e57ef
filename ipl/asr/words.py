"""Units with their frames to words with their times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ipl.asr.alignment import UnitSpan
from ipl.asr.pieces import is_han
from ipl.asr.units import Units
from ipl.records import Word

__all__ = ["to_words"]


def to_words(units: Units, spans: Sequence[UnitSpan], frame_ms: float) -> tuple[Word, ...]:
    """The words that aligned units spell, in order; a Chinese character is a word of its own.

    A word lasts from its first unit's first frame to the end of its last unit's last; its confidence is the geometric
    mean of its units'. Times count from the utterance's start.

    >>> units = Units.collect(["ab "])
    >>> spans = [UnitSpan(2, 0, 1, 1.0), UnitSpan(3, 2, 4, 0.25), UnitSpan(1, 5, 6, 1.0), UnitSpan(3, 6, 7, 0.5)]
    >>> [(each.text, each.start_ms, each.end_ms, each.confidence) for each in to_words(units, spans, 30.0)]
    [('ab', 0, 120, 0.5), ('b', 180, 210, 0.5)]
    """
    return tuple(_word(text, parts, frame_ms) for text, parts in _grouped(units, spans))


def _grouped(units: Units, spans: Sequence[UnitSpan]) -> Iterator[tuple[str, list[UnitSpan]]]:
    text, parts = "", list[UnitSpan]()
    for span in spans:
        for character in units.symbols[span.unit]:
            if text and (character.isspace() or is_han(character) or is_han(text[-1])):
                yield text, parts
                text, parts = "", []
            if not character.isspace():
                text += character
                if not parts or parts[-1] is not span:
                    parts.append(span)
    if text:
        yield text, parts


def _word(text: str, parts: Sequence[UnitSpan], frame_ms: float) -> Word:
    logs = [math.log(max(each.confidence, 1e-9)) for each in parts]
    confidence = min(1.0, math.exp(sum(logs) / len(logs)))
    return Word(text, round(parts[0].begin * frame_ms), round(parts[-1].end * frame_ms), confidence)
