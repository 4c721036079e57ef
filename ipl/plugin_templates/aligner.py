"""An aligner: where each cue is spoken."""

from collections.abc import Iterator, Sequence

import ipl
from ipl.records import Cue, MediaInfo, Pair, Reject, Span


@ipl.plugin("my_aligner")
class MyAligner:
    """Takes speech for as long as its display, and a little earlier."""

    lead_ms: int = 100
    """how long speech starts and ends before its display, in ms"""

    @ipl.hookimpl
    def align(self, media: MediaInfo, cues: Sequence[Cue]) -> Iterator[Pair | Reject]:
        """Yields a pair or a reject for each cue; ask for `voice` too to look where somebody speaks."""
        free_ms = 0  # pairs may not overlap
        for cue in sorted(cues, key=lambda cue: cue.start_ms):
            start_ms = max(free_ms, cue.start_ms - self.lead_ms)
            end_ms = min(media.duration_ms, cue.end_ms - self.lead_ms)
            if cue.text.strip() and start_ms < end_ms:
                yield Pair(cue.source_id, start_ms, end_ms, cue.text, None, Span(cue.start_ms, cue.end_ms))
                free_ms = end_ms
            else:
                yield Reject(cue.source_id, cue.start_ms, cue.end_ms, "align", "no text or no time", cue.text)
