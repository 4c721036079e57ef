"""A selector: which utterances of the pool a cycle recognises."""

from collections.abc import Iterable

import ipl
from ipl.tables import Dataset


@ipl.plugin("my_selector")
class MySelector:
    """Selects utterances that are not too long."""

    max_seconds: float = 20.0
    """length that an utterance may have, in seconds"""

    @ipl.hookimpl
    def select(self, pool: Dataset) -> Iterable[str]:
        """Yields utt_ids; ask for `cycle` too where chance plays a part, and draw from `cycle.seed`."""
        for row in pool.read_columns("utt_id", "num_samples", "sample_rate_hz"):
            if row["num_samples"] <= self.max_seconds * row["sample_rate_hz"]:
                yield row["utt_id"]
