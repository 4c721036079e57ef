"""When words are said and how sure a recogniser is: alignment against all paths, words of all kinds of units."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ipl.asr.alignment import UnitSpan, align
from ipl.asr.unit_kinds import learn
from ipl.asr.units import Units
from ipl.asr.words import to_words


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6), st.lists(st.integers(1, 3), max_size=4), st.booleans())
def test_the_alignment_is_the_best_of_all_paths(seed: int, frames: int, text: list[int], has_company: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    log_probs = (2 * torch.randn(1, frames, 4, generator=generator, dtype=torch.float64)).log_softmax(dim=-1)
    rows = log_probs[0].tolist()
    paths = [
        path
        for path in itertools.product(range(4), repeat=frames)
        if [unit for unit, _ in itertools.groupby(path) if unit] == text
    ]
    if has_company:  # longer, of another text; it must not matter
        more = torch.randn(1, frames + 3, 4, generator=generator, dtype=torch.float64).log_softmax(dim=-1)
        padded = torch.nn.functional.pad(log_probs, (0, 0, 0, 3), value=math.nan)
        spans = align(torch.cat([padded, more]), torch.tensor([frames, frames + 3]), [text, [1, 2]])[0]
    else:
        spans = align(log_probs, torch.tensor([frames]), [text])[0]
    if not paths:
        assert spans == []
        return
    best = max(paths, key=lambda path: sum(row[unit] for row, unit in zip(rows, path, strict=True)))
    runs, place = [], 0
    for unit, group in itertools.groupby(best):
        length = len(list(group))
        if unit:
            said = max(math.exp(rows[frame][unit]) for frame in range(place, place + length))
            runs.append(UnitSpan(unit, place, place + length, pytest.approx(said)))
        place += length
    assert spans == runs


def test_nothing_said_has_no_spans() -> None:
    log_probs = torch.randn(2, 5, 3).log_softmax(dim=-1)
    assert align(log_probs, torch.tensor([0, 5]), [[1], []]) == [[], []]
    assert align(log_probs[:, :0], torch.tensor([0, 0]), [[1], []]) == [[], []]


@pytest.mark.parametrize("kind", ["characters", "bigrams", "sentencepiece", "mixed"])
def test_words_are_those_of_the_text(kind: str) -> None:
    text = "the cat's hat 今天 sat x"
    units = learn(kind, [text, "the hat", "今 cat"], 40)  # type: ignore[arg-type]
    spans = [UnitSpan(unit, 2 * place, 2 * place + 1, 0.5) for place, unit in enumerate(units.encode(text))]
    words = to_words(units, spans, 30.0)
    assert [each.text for each in words] == ["the", "cat's", "hat", "今", "天", "sat", "x"]
    assert all(first.start_ms <= second.start_ms for first, second in itertools.pairwise(words))
    assert all(each.start_ms < each.end_ms for each in words)
    assert [each.confidence for each in words] == pytest.approx([0.5] * len(words))


def test_no_units_are_no_words() -> None:
    assert to_words(Units.collect(["a b"]), [], 30.0) == ()
    assert to_words(Units.collect(["a b"]), [UnitSpan(1, 0, 1, 1.0)], 30.0) == ()
