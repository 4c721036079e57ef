"""A search that is plain to read."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable

from torch import Tensor

Prefix = tuple[int, ...]


def readable_search(
    log_probs: Tensor, beam: int, added: Callable[[Prefix], float] = lambda prefix: 0.0
) -> list[tuple[Prefix, float]]:
    """Prefix beam search of one utterance [T, V], by the book: probabilities in dictionaries.

    `added` is what a language model adds to a prefix's rank in the beam.
    """
    prefixes: dict[Prefix, tuple[float, float]] = {(): (1.0, 0.0)}  # ends in a blank, ends in a unit
    for row in log_probs.exp().tolist():
        grown: dict[Prefix, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for prefix, (blank, unit) in prefixes.items():
            grown[prefix][0] += (blank + unit) * row[0]
            for next_unit in range(1, len(row)):
                if prefix and prefix[-1] == next_unit:
                    grown[prefix][1] += unit * row[next_unit]
                    grown[*prefix, next_unit][1] += blank * row[next_unit]
                else:
                    grown[*prefix, next_unit][1] += (blank + unit) * row[next_unit]
        possible = {prefix: math.log(sum(mass)) + added(prefix) for prefix, mass in grown.items() if sum(mass) > 0}
        best = sorted(possible, key=lambda prefix: -possible[prefix])[:beam]
        prefixes = {prefix: (grown[prefix][0], grown[prefix][1]) for prefix in best}
    return [(prefix, math.log(sum(mass))) for prefix, mass in prefixes.items()]
