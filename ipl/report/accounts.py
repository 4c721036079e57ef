"""What became of each source's time, counted from the tables themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ipl.schemas import REJECTS, UTTERANCES
from ipl.tables import Table

__all__ = ["Account", "count_time", "total"]

MS_PER_HOUR = 3_600_000


@dataclass
class Account:
    """Pairs and time of one source, or of all."""

    num_pairs: int = 0
    kept_ms: int = 0
    lost_ms: Counter[str] = field(default_factory=Counter)

    @property
    def hours_kept(self) -> float:
        """Hours that became pairs."""
        return self.kept_ms / MS_PER_HOUR

    @property
    def hours_lost(self) -> dict[str, float]:
        """Hours that did not, by reason, the largest first."""
        return {reason: lost / MS_PER_HOUR for reason, lost in self.lost_ms.most_common()}

    @property
    def hours(self) -> float:
        """All hours."""
        return (self.kept_ms + self.lost_ms.total()) / MS_PER_HOUR


def count_time(out_dir: Path) -> dict[str, Account]:
    """Counts the time of each source in a mining folder, in one pass over pairs and rejects, without audio."""
    accounts: dict[str, Account] = {}
    for batch in Table(out_dir / "pairs", UTTERANCES, dict).batches(["source_id", "start_ms", "end_ms"]):
        for row in batch.to_pylist():
            account = accounts.setdefault(row["source_id"], Account())
            account.num_pairs += 1
            account.kept_ms += row["end_ms"] - row["start_ms"]
    for batch in Table(out_dir / "rejects", REJECTS, dict).batches(["source_id", "start_ms", "end_ms", "reason"]):
        for row in batch.to_pylist():
            account = accounts.setdefault(row["source_id"], Account())
            account.lost_ms[row["reason"]] += row["end_ms"] - row["start_ms"]
    return accounts


def total(accounts: dict[str, Account]) -> Account:
    """Adds up the accounts of all sources."""
    whole = Account()
    for account in accounts.values():
        whole.num_pairs += account.num_pairs
        whole.kept_ms += account.kept_ms
        whole.lost_ms.update(account.lost_ms)
    return whole
