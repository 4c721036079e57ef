"""Filters: which hypotheses become labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

import ipl
from ipl.records import Hypothesis, Vote
from ipl.tables import Table

__all__ = ["Empty", "Length", "Loops", "Score"]


@ipl.plugin("empty")
class Empty:
    """Rejects hypotheses without text."""

    @ipl.hookimpl
    def vote(self, hypotheses: Table[Hypothesis]) -> Iterable[Vote]:
        """Votes on those without text; abstains on the rest."""
        for each in hypotheses:
            if not each.text.strip():
                yield Vote(each.utt_id, "reject", "no text")


@ipl.plugin("score")
class Score:
    """Keeps the best hypotheses by score: log probability over units (Kahn et al. 2020, arXiv:1909.09116, 3.2)."""

    keep: float | None = 0.6
    """share of the hypotheses to keep, 0 to 1; null for no share"""
    at_least: float | None = None
    """score to reach, in nats per unit (never above 0)"""

    def __post_init__(self) -> None:
        if self.keep is not None and not 0 <= self.keep <= 1:
            raise ValueError(f"keep: found {self.keep}, expected 0 to 1")
        if self.keep is None and self.at_least is None:
            raise ValueError("keep and at_least are both null; give one")

    @ipl.hookimpl
    def vote(self, hypotheses: Table[Hypothesis]) -> Iterable[Vote]:
        """Keeps or rejects each one; hypotheses of equal score share one fate."""
        scores = hypotheses.read(["score"])["score"].to_numpy()
        threshold = self.at_least if self.at_least is not None else -np.inf
        if self.keep is not None and len(scores):
            num_kept = round(self.keep * len(scores))
            ranked = np.sort(scores)[::-1]
            threshold = max(threshold, ranked[num_kept - 1] if num_kept else np.inf)
        for each in hypotheses:
            decision, reason = ("keep", None) if each.score >= threshold else ("reject", "low score")
            yield Vote(each.utt_id, decision, reason, each.score)  # type: ignore[arg-type]


@ipl.plugin("length")
class Length:
    """Rejects hypotheses that are too short or too long as text, or for their audio."""

    min_characters: int = 2
    """characters that a text has at least, spaces not counted"""
    max_characters: int = 1000
    """characters that a text has at the most, spaces not counted"""
    min_rate: float = 2.0
    """characters per second at least"""
    max_rate: float = 30.0
    """characters per second at the most"""

    @ipl.hookimpl
    def vote(self, hypotheses: Table[Hypothesis]) -> Iterable[Vote]:
        """Rejects what is out of range, with the number that was; abstains on the rest."""
        for each in hypotheses:
            characters = len("".join(each.text.split()))
            rate = characters * 1000 / max(each.duration_ms, 1)
            if characters < self.min_characters:
                yield Vote(each.utt_id, "reject", "too few characters", characters)
            elif characters > self.max_characters:
                yield Vote(each.utt_id, "reject", "too many characters", characters)
            elif not self.min_rate <= rate <= self.max_rate:
                yield Vote(each.utt_id, "reject", "rate of characters", rate)


@ipl.plugin("loops")
class Loops:
    """Rejects hypotheses that repeat themselves, as a looping decoder's do (Kahn et al. 2020, arXiv:1909.09116)."""

    size: int = 4
    """words in the repeated n-gram; of a text without spaces, characters"""
    times: int = 2
    """occurrences of one n-gram from which a hypothesis is rejected"""
    run: int = 4
    """the same word (or character, without spaces) so often in a row rejects too"""

    @ipl.hookimpl
    def vote(self, hypotheses: Table[Hypothesis]) -> Iterable[Vote]:
        """Rejects what loops; abstains on the rest."""
        for each in hypotheses:
            tokens = each.text.split() if " " in each.text.strip() else list(each.text.strip())
            grams = Counter(tuple(tokens[i : i + self.size]) for i in range(len(tokens) - self.size + 1))
            most = max(grams.values(), default=0)
            if most >= self.times:
                yield Vote(each.utt_id, "reject", f"repeated {self.size}-gram", most)
            elif (longest := _longest_run(tokens)) >= self.run:
                yield Vote(each.utt_id, "reject", "repeated word", longest)


def _longest_run(tokens: list[str]) -> int:
    """The most times that one token follows itself.

    >>> _longest_run("a b b b a".split())
    3
    """
    longest = length = 0
    before = None
    for token in tokens:
        length = length + 1 if token == before else 1
        longest, before = max(longest, length), token
    return longest
