"""Error rates against a plain dynamic programme, and their intervals."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipl.asr.metrics import ErrorRate, character_errors, corpus_error_rate, interval, word_errors

texts = st.text("ab ", max_size=12)


def distance(reference: str, hypothesis: str) -> int:
    """Levenshtein's distance by the book."""
    row = list(range(len(hypothesis) + 1))
    for i, left in enumerate(reference, 1):
        above = row
        row = [i]
        for j, right in enumerate(hypothesis, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right)))
    return row[-1]


@given(texts, texts)
def test_errors_are_levenshteins_distance(reference: str, hypothesis: str) -> None:
    result = character_errors(reference, hypothesis)
    assert result.errors == distance(" ".join(reference.split()), " ".join(hypothesis.split()))
    assert len(" ".join(hypothesis.split())) == result.num_units - result.deletions + result.insertions


def test_words_and_characters_with_and_without_spaces() -> None:
    assert word_errors("the cat sat on", "cat sit on down") == ErrorRate(1, 1, 1, 4, 1)
    assert character_errors("the coast", "thecoast").rate == pytest.approx(1 / 9)
    assert character_errors("the coast", "thecoast", spaces=False).rate == 0.0


def test_the_rate_of_a_corpus_is_not_a_mean_of_rates() -> None:
    pairs = [("a", "b"), ("a b c d e f g h i", "a b c d e f g h i")]
    assert corpus_error_rate(pairs, of="words").rate == pytest.approx(0.1)


def test_empty_references() -> None:
    assert word_errors("", "").rate == 0.0
    assert word_errors("", "a").rate == float("inf")
    assert corpus_error_rate([], of="characters").rate == 0.0


def test_the_interval_holds_the_rate_and_depends_on_the_seed_alone() -> None:
    each = [ErrorRate(number % 3, 0, 0, 10, 1) for number in range(60)]
    low, high = interval(each, seed=3)
    assert low < sum(each, ErrorRate()).rate < high
    assert interval(each, seed=3) == (low, high)
    assert interval([], seed=3) == (0.0, 0.0)


def test_metrics_import_no_torch() -> None:
    subprocess.run([sys.executable, "-c", "import ipl.asr.metrics, sys; assert 'torch' not in sys.modules"], check=True)
