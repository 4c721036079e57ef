"""A voice detector: where somebody speaks."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy.typing as npt

import ipl
from ipl.records import Span


@ipl.plugin("my_voice_detector")
class MyVoiceDetector:
    """Takes all sound for voice, but for its start."""

    skip_ms: int = 0
    """how much of the start is left out, in ms"""

    @ipl.hookimpl
    def detect_voice(self, blocks: Iterable[npt.NDArray[Any]], sample_rate_hz: int) -> Iterator[Span]:
        """Yields spans in order; `blocks` (int16 [N]) are of any length, and the result must not depend on it."""
        num_samples = sum(len(block) for block in blocks)
        end_ms = num_samples * 1000 // sample_rate_hz
        if end_ms > self.skip_ms:
            yield Span(self.skip_ms, end_ms)
