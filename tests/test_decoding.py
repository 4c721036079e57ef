"""Decoding against what can be seen to be right: all paths added up, and a search that is plain to read."""

from __future__ import annotations

import itertools
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ipl.asr.decoding.beam import PrefixBeam, beam_search
from ipl.asr.decoding.greedy import greedy
from ipl.asr.decoding.score import ctc_score, rescore

sys.path.insert(0, str(Path(__file__).parent))
from helpers_decoding import Prefix, readable_search


def random_batch(seed: int, frames: list[int], vocabulary: int, sharpness: float) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(frames), max(frames), vocabulary, generator=generator, dtype=torch.float64)
    return (logits * sharpness).log_softmax(dim=-1), torch.tensor(frames)


def collapse(path: tuple[int, ...]) -> Prefix:
    return tuple(unit for unit, _ in itertools.groupby(path) if unit)


def all_texts(log_probs: Tensor) -> dict[Prefix, float]:
    """P(text) of every text, by adding up every path through log_probs [T, V]."""
    texts: dict[Prefix, float] = defaultdict(float)
    rows = log_probs.tolist()
    for path in itertools.product(range(log_probs.shape[1]), repeat=log_probs.shape[0]):
        texts[collapse(path)] += math.exp(sum(row[unit] for row, unit in zip(rows, path, strict=True)))
    return texts


vocabularies = st.one_of(st.integers(2, 14), st.sampled_from([150, 500]))
batches = st.tuples(
    st.integers(0, 2**31), st.lists(st.integers(1, 12), min_size=1, max_size=4), vocabularies, st.floats(0.2, 4)
)


@settings(max_examples=60, deadline=None)
@given(batches, st.integers(1, 9))
def test_the_batched_search_is_the_readable_one(batch: tuple[int, list[int], int, float], beam: int) -> None:
    log_probs, num_frames = random_batch(*batch)
    for one, frames, found in zip(log_probs, num_frames, beam_search(log_probs, num_frames, beam), strict=True):
        expected = readable_search(one[:frames], beam)
        assert [tuple(each.units) for each in found] == [prefix for prefix, _ in expected]
        assert [each.score for each in found] == pytest.approx([score for _, score in expected], abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(batches, st.integers(1, 6), st.lists(st.integers(0, 12), max_size=3))
def test_stretches_give_what_the_whole_gives(
    batch: tuple[int, list[int], int, float], beam: int, cuts: list[int]
) -> None:
    log_probs, num_frames = random_batch(*batch)
    search = PrefixBeam(len(num_frames), beam, log_probs)
    for begin, end in itertools.pairwise([0, *sorted(cuts), 12]):
        search.feed(log_probs[:, begin:end], (num_frames - begin).clamp(0))
    assert search.candidates() == beam_search(log_probs, num_frames, beam)


def test_padding_may_hold_anything() -> None:
    log_probs, num_frames = random_batch(5, [9, 4], 6, 1.0)
    expected = beam_search(log_probs, num_frames, beam=5)
    log_probs[1, 4:] = math.nan
    assert beam_search(log_probs, num_frames, beam=5) == expected


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(2, 4))
def test_a_beam_that_prunes_nothing_is_exact(seed: int, frames: int, vocabulary: int) -> None:
    log_probs, num_frames = random_batch(seed, [frames], vocabulary, 2.0)
    truth = all_texts(log_probs[0])
    found = beam_search(log_probs, num_frames, beam=500)[0]
    assert {tuple(each.units) for each in found} == set(truth)
    for each in found:
        assert each.score == pytest.approx(math.log(truth[tuple(each.units)]), abs=1e-9)
        assert each.score == pytest.approx(ctc_score(log_probs, num_frames, [each.units]).item(), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(batches, st.integers(1, 6), st.integers(1, 3))
def test_rescoring_is_exact_and_in_order(batch: tuple[int, list[int], int, float], beam: int, tried: int) -> None:
    log_probs, num_frames = random_batch(*batch)
    texts = [[each.units for each in of_one][:4] for of_one in beam_search(log_probs, num_frames, beam, tried)]
    found = rescore(log_probs, num_frames, texts)
    for place, candidates in enumerate(found):
        one = slice(place, place + 1)
        assert 1 <= len(candidates) <= 4
        assert len({tuple(each.units) for each in candidates}) == len(candidates)
        scores = [each.score for each in candidates]
        assert scores == sorted(scores, reverse=True)
        for each in candidates:
            exact = ctc_score(log_probs[one], num_frames[one], [each.units]).item()
            assert each.score == pytest.approx(exact, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(batches)
def test_greedy_collapses_the_best_path(batch: tuple[int, list[int], int, float]) -> None:
    log_probs, num_frames = random_batch(*batch)
    best = [tuple(one[:frames].argmax(dim=1).tolist()) for one, frames in zip(log_probs, num_frames, strict=True)]
    assert [tuple(units) for units in greedy(log_probs, num_frames)] == [collapse(path) for path in best]


def test_utterances_do_not_see_their_neighbours_nor_their_padding() -> None:
    log_probs, num_frames = random_batch(5, [9, 4, 1], 6, 1.0)
    together = beam_search(log_probs, num_frames, beam=5)
    for place, frames in enumerate(num_frames.tolist()):
        alone = beam_search(log_probs[place : place + 1, :frames], num_frames[place : place + 1], beam=5)
        assert alone[0] == together[place]


def test_no_frames_give_the_empty_text() -> None:
    log_probs, num_frames = random_batch(1, [3], 4, 1.0)[0], torch.tensor([0])
    assert greedy(log_probs, num_frames) == [[]]
    assert [(each.units, each.score) for each in beam_search(log_probs, num_frames, beam=3)[0]] == [([], 0.0)]
    assert rescore(log_probs, num_frames, [[[]]])[0][0].score == 0.0
    assert beam_search(torch.zeros(1, 0, 4), num_frames, beam=3)[0][0].units == []
    assert ctc_score(log_probs, torch.tensor([1]), [[1, 2]]).item() == -math.inf


def hard_cases() -> Iterator[tuple[list[list[float]], int]]:
    never = -math.inf
    yield [[0.0, never, never], [0.0, never, never]], 4  # certain silence: the free places stay free
    yield [[never, 0.0, never], [never, 0.0, never], [0.0, never, never], [never, 0.0, never]], 4  # a a _ a
    yield [[-0.7, -0.7, never], [-0.7, -0.7, never], [-0.7, never, -0.7], [-0.7, -0.7, never]], 3


@pytest.mark.parametrize(("rows", "beam"), list(hard_cases()))
def test_probabilities_of_zero(rows: list[list[float]], beam: int) -> None:
    log_probs = torch.tensor([rows], dtype=torch.float64)
    found = beam_search(log_probs, torch.tensor([len(rows)]), beam)[0]
    assert len({tuple(each.units) for each in found}) == len(found)
    truth = all_texts(log_probs[0])
    assert all(math.exp(each.score) <= truth[tuple(each.units)] + 1e-9 for each in found)
    assert math.exp(found[0].score) == pytest.approx(max(truth.values()), abs=0.2)
