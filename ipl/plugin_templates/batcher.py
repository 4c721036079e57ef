"""A batcher: which rows every rank trains on at every step."""

import random
from collections.abc import Iterator

import pyarrow as pa

import ipl
from ipl.records import Cycle


@ipl.plugin("my_batcher")
class MyBatcher:
    """Batches of a fixed number of utterances, shuffled anew in every epoch."""

    size: int = 8
    """utterances in the batch of one rank"""

    @ipl.hookimpl
    def batch(self, cycle: Cycle, epoch: int, ranks: int, utterances: pa.Table) -> Iterator[list[list[int]]]:
        """Yields steps: a list of row numbers for each rank, none of them empty, the same for the same arguments."""
        rows = list(range(utterances.num_rows))
        random.Random(f"{cycle.seed} {epoch}").shuffle(rows)
        for start in range(0, len(rows), self.size * ranks):
            step = rows[start : start + self.size * ranks]
            step = step if len(step) >= ranks else step * ranks  # no rank may go without
            yield [step[rank::ranks] for rank in range(ranks)]
