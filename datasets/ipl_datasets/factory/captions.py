"""When captions are displayed: a little before and after their speech, as subtitle editors do it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Literal

import numpy as np

from ipl_datasets.factory.scene import Caption
from ipl_datasets.factory.soundtrack import Line
from ipl_datasets.speech import SAMPLE_RATE_HZ

__all__ = ["Gap", "display"]

Gap = Literal["pause", "touching", "one frame"]
"""What lies between two captions: the pause of the speech, nothing, or a single frame."""

EARLIEST_S = 0.125
LATEST_S = 0.5


def display(
    lines: Sequence[Line], frame_rate: Fraction, frames: int, rng: np.random.Generator, gap: Gap = "pause"
) -> list[Caption]:
    """Displays each line from up to 125 ms before its speech to up to 500 ms after, cut where the next one starts.

    Captions start and end with a frame, never overlap, and last one frame at least. With another `gap` than the
    pause, they stay until the next one comes. Before the same line again there is a frame without at least.
    """
    first = [ceil((line.start / SAMPLE_RATE_HZ - rng.uniform(0, EARLIEST_S)) * frame_rate) for line in lines]
    ends = [*first[1:], frames]
    captions = []
    for number, (line, start, latest) in enumerate(zip(lines, first, ends, strict=True)):
        wanted = ceil((line.end / SAMPLE_RATE_HZ + rng.uniform(0, LATEST_S)) * frame_rate)
        if gap != "pause" and number + 1 < len(lines):
            wanted = latest - (gap == "one frame")
        if number + 1 < len(lines) and lines[number + 1].text == line.text:
            latest -= 1  # nobody could tell that it is displayed twice
        captions.append(Caption(line.text, start, max(start + 1, min(wanted, latest))))
    return captions
