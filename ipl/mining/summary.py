"""What mining came to, over all sources: counts, hours kept and lost, seconds of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ipl.mining.receipts import Receipt
from ipl.mining.work import Mined

__all__ = ["is_of_no_use", "summarize"]

MS_PER_HOUR = 3_600_000


def summarize(mined: Sequence[Mined], wall_seconds: float, srt: bool = False) -> dict[str, Any]:
    """Returns what `summary.json` holds; with `srt`, subtitles are of use also without sound.

    Seconds of phases and calls of the text reader are all work ever done on these sources; `wall_seconds` and
    `times_realtime` are this call's, over the sources that it mined.
    """
    receipts = [each.receipt for each in mined]
    rejects: Counter[str] = Counter()
    lost_ms: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for receipt in receipts:
        rejects.update(receipt.num_rejects)
        lost_ms.update(receipt.lost_ms)
        seconds.update(receipt.seconds)
    return {
        "num_sources": len(receipts),
        "num_mined_now": sum(each.now for each in mined),
        "num_failed": sum(is_of_no_use(receipt, srt) for receipt in receipts),
        "num_to_try_again": sum(not receipt.final for receipt in receipts),
        "num_cues": sum(receipt.num_cues for receipt in receipts),
        "num_pairs": sum(receipt.num_pairs for receipt in receipts),
        "recognizer_calls": sum(receipt.recognizer_calls for receipt in receipts),
        "detector_calls": sum(receipt.detector_calls for receipt in receipts),
        "hours": sum(receipt.duration_ms for receipt in receipts) / MS_PER_HOUR,
        "hours_kept": sum(receipt.kept_ms for receipt in receipts) / MS_PER_HOUR,
        "wall_seconds": round(wall_seconds, 3),
        "times_realtime": round(realtime(mined, wall_seconds), 2),
        "hours_lost": {reason: ms / MS_PER_HOUR for reason, ms in lost_ms.most_common()},
        "num_rejects": dict(rejects.most_common()),
        "seconds": {phase: round(spent, 3) for phase, spent in seconds.most_common()},
        "failed": [
            {"source_id": receipt.source_id, "path": receipt.path, "reason": receipt.failed, "detail": receipt.detail}
            for receipt in receipts
            if is_of_no_use(receipt, srt)
        ],
    }


def is_of_no_use(receipt: Receipt, srt: bool) -> bool:
    """Whether nothing of a source can be used: no pairs, nor, where they are wanted, subtitles."""
    return receipt.failed is not None and not (srt and receipt.num_cues > 0)


def realtime(mined: Sequence[Mined], wall_seconds: float) -> float:
    """Hours of sources that are mined in an hour."""
    return sum(each.receipt.duration_ms for each in mined if each.now) / 1000 / max(wall_seconds, 1e-3)
