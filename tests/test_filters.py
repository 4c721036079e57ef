"""What each filter promises, and how votes combine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipl.records import Cycle, Hypothesis, Vote
from ipl.registry import Registry
from ipl.schemas import HYPOTHESES
from ipl.stages.filter import combine
from ipl.tables import Table, write_table


def votes(name: str, hypotheses: Sequence[Hypothesis], **options: object) -> dict[str, Vote]:
    plugin = Registry().get("filter", name).cls(**options)
    with TemporaryDirectory() as folder:
        write_table(Path(folder) / "part.parquet", hypotheses, HYPOTHESES)
        return {vote.utt_id: vote for vote in plugin.vote(hypotheses=Table.of_hypotheses(Path(folder)))}


def said(*texts: str, seconds: float = 1.0) -> list[Hypothesis]:
    return [Hypothesis(str(i), text, -0.1 * i, len(text), round(seconds * 1000)) for i, text in enumerate(texts)]


@given(st.lists(st.floats(-20, 0, width=32), max_size=50), st.floats(0, 1))
def test_score_keeps_the_share_and_never_a_worse_one_before_a_better(scores: list[float], keep: float) -> None:
    rows = [Hypothesis(str(i), "a", score, 1, 1000) for i, score in enumerate(scores)]
    by_id = votes("score", rows, keep=keep)
    kept = [row.score for row in rows if by_id[row.utt_id].decision == "keep"]
    rejected = [row.score for row in rows if by_id[row.utt_id].decision == "reject"]
    assert len(kept) >= round(keep * len(rows)) or not rejected
    assert not kept or not rejected or min(kept) > max(rejected)
    ties = scores.count(min(kept)) if kept else 0
    assert len(kept) <= round(keep * len(rows)) + max(0, ties - 1)


def test_score_takes_a_threshold() -> None:
    by_id = votes("score", said("a", "b", "c"), keep=None, at_least=-0.15)
    assert [by_id[str(i)].decision for i in range(3)] == ["keep", "keep", "reject"]
    assert by_id["2"].reason == "low score"


def test_empty_rejects_what_has_no_text() -> None:
    assert set(votes("empty", said("", "  ", "a"))) == {"0", "1"}


def test_length_rejects_what_is_too_short_too_long_or_at_no_human_rate() -> None:
    found = votes("length", said("a", "x" * 40, "good text", "o" * 31))
    assert {utt_id: vote.reason for utt_id, vote in found.items()} == {
        "0": "too few characters",
        "1": "rate of characters",
        "3": "rate of characters",
    }
    assert votes("length", said("x" * 40, seconds=2.0)) == {}
    assert votes("length", said("no sound", seconds=0.0))["0"].reason == "rate of characters"


def test_loops_rejects_repeated_ngrams_and_words() -> None:
    looping = "we went to the sea and we went to the sea"
    found = votes("loops", said(looping, "so so so so", "the cat and the dog", "哈哈哈哈哈", "你好世界"))
    assert {utt_id: vote.reason for utt_id, vote in found.items()} == {
        "0": "repeated 4-gram",
        "1": "repeated word",
        "3": "repeated 4-gram",
    }


@given(st.sampled_from(["all", "majority", "any"]), st.integers(0, 5), st.integers(0, 5))
def test_votes_combine_monotonically(rule: str, keeps: int, rejects: int) -> None:
    now = combine(rule, keeps, rejects)  # type: ignore[arg-type]
    assert combine(rule, keeps + 1, rejects) >= now  # type: ignore[arg-type]
    assert combine(rule, keeps, rejects + 1) <= now  # type: ignore[arg-type]
    assert now or rejects


@pytest.mark.parametrize("rule", ["all", "majority", "any"])
def test_without_filters_all_is_kept(rule: str) -> None:
    assert combine(rule, 0, 0)  # type: ignore[arg-type]


def test_a_cycle_seed_is_no_secret_ingredient() -> None:
    rows = said("a b", "c d")
    cycle = Cycle(0, "x", 1)
    assert cycle.seed == 1
    assert votes("score", rows) == votes("score", rows)
