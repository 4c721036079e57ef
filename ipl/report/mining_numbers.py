"""`summary.json` of a mining folder as a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipl.files import read_json
from ipl.report.numbers import count, hours, seconds
from ipl.report.results import read_record

__all__ = ["MiningNumbers"]


@dataclass(frozen=True)
class MiningNumbers:
    """What mining came to. `seconds` is work of all workers by phase; `failed` are the sources of no use, and why."""

    num_sources: int
    num_failed: int
    num_cues: int
    num_pairs: int
    recognizer_calls: int
    detector_calls: int
    hours: float
    hours_kept: float
    wall_seconds: float
    times_realtime: float
    hours_lost: Mapping[str, float]
    seconds: Mapping[str, float]
    failed: Sequence[Mapping[str, str]]

    @classmethod
    def of(cls, value: Mapping[str, Any], where: str = "summary.json") -> MiningNumbers:
        """Reads the contents of `summary.json`; InputError where a key is missing."""
        return read_record(cls, value, where)

    @classmethod
    def at(cls, out_dir: Path) -> MiningNumbers | None:
        """Reads a folder's numbers; None where mining has not come to its end."""
        path = out_dir / "summary.json"
        return cls.of(read_json(path), str(path)) if path.is_file() else None

    def counts(self) -> list[tuple[str, str]]:
        """What was counted, in words and numbers."""
        return [
            ("sources", count(self.num_sources)),
            ("sources of no use", count(self.num_failed)),
            ("cues", count(self.num_cues)),
            ("pairs", count(self.num_pairs)),
            ("length of the sources", hours(self.hours)),
            ("length of the pairs", hours(self.hours_kept)),
            ("pictures searched for text", count(self.detector_calls)),
            ("lines of text read", count(self.recognizer_calls)),
            ("time of the last call", seconds(self.wall_seconds)),
            ("its speed", f"{self.times_realtime:.1f} times real time" if self.times_realtime else "nothing was new"),
        ]
