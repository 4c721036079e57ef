"""How far mining has come, also inside a long source: what workers report, as a share of all and as speed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ipl.mining.sources import Source
from ipl.mining.work import Mined
from ipl.progress import Advance, counted
from ipl.worker import Report

__all__ = ["PERCENT", "Watch"]

PERCENT = 100.0


class Watch:
    """Tells `advance` (of progress from 0 to 100) how much is done; sources count by their bytes."""

    def __init__(self, sources: Sequence[Source], advance: Advance) -> None:
        sizes = {source.source_id: max(1, _num_bytes(source)) for source in sources}
        self._percent = {name: PERCENT * size / sum(sizes.values()) for name, size in sizes.items()}
        self._advance = advance
        self._share: dict[str, float] = {}
        self._running_ms: dict[str, float] = {}
        self._earlier_ms: dict[str, float] = {}
        self._mined_ms = 0.0
        self._num_ended = 0
        self._started = time.monotonic()

    def reached(self, source: Source, report: Report) -> None:
        """Takes note that a worker has done so many milliseconds of a source's."""
        earlier_ms = self._earlier_ms[source.source_id] = max(
            report.earlier, self._earlier_ms.get(source.source_id, 0.0)
        )
        self._running_ms[source.source_id] = max(0.0, report.done - earlier_ms)
        if report.earlier:
            self._go_to(source, report.earlier / max(report.of, 1.0), is_earlier=True)
        self._go_to(source, report.done / max(report.of, 1.0))

    def ended(self, source: Source, mined: Mined) -> None:
        """Takes note that a source is done."""
        self._running_ms.pop(source.source_id, None)
        earlier_ms = self._earlier_ms.pop(source.source_id, 0.0)
        self._mined_ms += mined.receipt.duration_ms - earlier_ms if mined.now else 0
        self._num_ended += 1
        self._go_to(source, 1.0, is_earlier=not mined.now)

    def _go_to(self, source: Source, share: float, is_earlier: bool = False) -> None:
        before = self._share.get(source.source_id, 0.0)
        after = self._share[source.source_id] = min(1.0, max(before, share))  # a second look at it is no way back
        done_ms = self._mined_ms + sum(self._running_ms.values())
        speed = done_ms / 1000 / max(time.monotonic() - self._started, 1e-3)
        note = f"{self._num_ended} of {counted(len(self._percent), 'source')}"
        if done_ms:  # of what was done before, there is none
            note += f", {speed:.1f}x realtime"
        self._advance((after - before) * self._percent[source.source_id], note, is_earlier)


def _num_bytes(source: Source) -> int:
    try:
        return source.path.stat().st_size
    except OSError:  # what is wrong with it is told where it is mined
        return 0
