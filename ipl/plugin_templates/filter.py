"""A filter: which hypotheses become labels."""

from collections.abc import Iterable

import ipl
from ipl.records import Hypothesis, Vote
from ipl.tables import Table


@ipl.plugin("my_filter")
class MyFilter:
    """Rejects texts that are too long."""

    max_characters: int = 200
    """characters that a text may have"""

    @ipl.hookimpl
    def vote(self, hypotheses: Table[Hypothesis]) -> Iterable[Vote]:
        """Yields a vote for each text that is too long; without a vote a filter abstains."""
        for each in hypotheses:
            if len(each.text) > self.max_characters:
                yield Vote(each.utt_id, "reject", "too long", len(each.text))
