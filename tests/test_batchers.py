"""Batchers: every row, every rank, like lengths together, the same for the same arguments."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipl_plugins.batchers import DynamicBatcher, RatioBatcher, SortedFirstBatcher

from ipl.records import Cycle
from ipl.training.packing import pack, padding_efficiency

CYCLE = Cycle(index=0, name="cycle-000", seed=17)
BATCHERS = (
    DynamicBatcher(batch_seconds=20.0),
    SortedFirstBatcher(batch_seconds=20.0),
    RatioBatcher(batch_seconds=20.0),
    DynamicBatcher(batch_seconds=20.0, shuffle_rows=10),
    RatioBatcher(batch_seconds=20.0, shuffle_rows=10),
)


def table(durations_ms, origins=None):
    origins = origins or ["labelled"] * len(durations_ms)
    return pa.table(
        {
            "duration_ms": pa.array(durations_ms, pa.int64()),
            "origin": pa.array(origins, pa.string()),
            "confidence": pa.array([None] * len(durations_ms), pa.float32()),
        }
    )


def speech_like(count, seed=0):
    """Durations as in read speech: median about 3 s, a long tail."""
    drawn = np.exp(np.random.default_rng(seed).normal(np.log(2900), 0.45, count))
    return drawn.clip(400, 20_000).astype(np.int64)


rows = st.lists(
    st.tuples(st.integers(0, 30_000), st.sampled_from(["labelled", "pseudo", "mined"])), min_size=1, max_size=60
)


@pytest.mark.parametrize("batcher", BATCHERS, ids=lambda each: f"{type(each).__name__} {each.shuffle_rows}")
@given(rows=rows, ranks=st.integers(1, 5), epoch=st.integers(0, 3), seed=st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_no_row_is_dropped_and_no_rank_is_idle(batcher, rows, ranks, epoch, seed):
    utterances = table([duration for duration, _ in rows], [origin for _, origin in rows])
    cycle = Cycle(index=0, name="c", seed=seed)
    steps = batcher.batch(cycle, epoch, ranks, utterances)
    assert all(len(step) == ranks and all(step) for step in steps)
    seen = Counter(row for step in steps for batch in step for row in batch)
    assert set(seen) == set(range(len(rows)))
    assert steps == batcher.batch(cycle, epoch, ranks, utterances)
    for batch in (batch for step in steps for batch in step):
        longest = max(100, *(rows[row][0] for row in batch))
        assert len(batch) == 1 or longest * len(batch) <= 20_000


@given(rows=rows, ranks=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_dynamic_repeats_no_more_than_it_must(rows, ranks):
    steps = DynamicBatcher(batch_seconds=20.0).batch(CYCLE, 1, ranks, table([duration for duration, _ in rows]))
    repeated = sum(len(batch) for step in steps for batch in step) - len(rows)
    assert repeated < ranks
    assert repeated == 0 or len(rows) < ranks * len(steps)


def test_an_empty_set_has_no_steps():
    for batcher in BATCHERS:
        assert batcher.batch(CYCLE, 0, 2, table([])) == []


@pytest.mark.parametrize("ranks", [1, 2, 8])
@pytest.mark.parametrize("count", [1000, 4616])
def test_padding_is_at_most_five_percent_and_ranks_are_loaded_alike(count, ranks):
    durations_ms = speech_like(count)
    steps = pack(durations_ms, np.arange(count), 60_000, ranks, np.random.default_rng(1))
    assert padding_efficiency(durations_ms, steps) >= 0.95
    loads = np.array([[durations_ms[batch].max() * len(batch) for batch in step] for step in steps])
    assert loads.mean() / loads.max(axis=1).mean() >= 0.95  # a step takes as long as its slowest rank
    assert (loads <= 60_000).all()


@pytest.mark.parametrize(
    "durations_ms", [speech_like(300), (speech_like(2000) ** 2 // 9000).clip(100), speech_like(40)]
)
def test_few_rows_of_very_different_lengths_are_cut_finer(durations_ms):
    for generator in (None, np.random.default_rng(1)):
        steps = pack(durations_ms, np.arange(len(durations_ms)), 60_000, 2, generator)
        assert padding_efficiency(durations_ms, steps) >= 0.94
        assert np.mean([len(batch) for step in steps for batch in step]) >= 4


def test_a_window_keeps_to_few_stretches_of_neighbours_and_mixes_the_rest():
    count, window = 10_000, 1024
    durations_ms = speech_like(count)
    steps, again = (
        pack(durations_ms, np.arange(count), 60_000, 2, np.random.default_rng(seed), window) for seed in (1, 2)
    )
    assert sorted(row for step in steps for batch in step for row in batch) == list(range(count))
    assert padding_efficiency(durations_ms, steps) >= 0.95
    seen, first, last = 0, {}, {}
    for step in steps:
        for row in (row for batch in step for row in batch):
            first.setdefault(row // 256, seen)
            last[row // 256] = seen
            seen += 1
    # A stretch is read while its window lasts, but for one that two windows share.
    assert max(last[stretch] - first[stretch] for stretch in first) < 2.1 * window
    assert np.mean([last[stretch] - first[stretch] for stretch in first]) < 1.2 * window
    assert steps != again
    neighbours = [abs(batch[0] // 256 - batch[-1] // 256) for step in steps for batch in step]
    assert np.mean(neighbours) > 5  # of 39


def test_epochs_differ_in_order_and_in_composition():
    utterances = table(speech_like(500).tolist())
    first, second = (DynamicBatcher().batch(CYCLE, epoch, 2, utterances) for epoch in (0, 1))
    composition = [{frozenset(batch) for step in steps for batch in step} for steps in (first, second)]
    assert first != second
    assert len(composition[0] & composition[1]) < len(composition[0]) / 4


def test_the_first_epoch_of_sorted_first_goes_from_short_to_long():
    durations_ms = speech_like(300)
    steps = SortedFirstBatcher().batch(CYCLE, 0, 2, table(durations_ms.tolist()))
    in_order = [row for step in steps for batch in step for row in batch]
    assert (np.diff(durations_ms[in_order]) >= 0).all()
    later = SortedFirstBatcher().batch(CYCLE, 1, 2, table(durations_ms.tolist()))
    assert later == DynamicBatcher().batch(CYCLE, 1, 2, table(durations_ms.tolist()))


@pytest.mark.parametrize("labelled", [20, 200, 900])
def test_ratio_is_kept_in_seconds_of_audio(labelled):
    durations_ms = speech_like(1000)
    origins = ["labelled"] * labelled + ["pseudo"] * (1000 - labelled)
    steps = RatioBatcher(labelled=1.0, pseudo=4.0, max_repeats=100).batch(
        CYCLE, 3, 2, table(durations_ms.tolist(), origins)
    )
    milliseconds = Counter()
    for row in (row for step in steps for batch in step for row in batch):
        milliseconds[origins[row]] += int(durations_ms[row])
    assert milliseconds["pseudo"] / milliseconds["labelled"] == pytest.approx(4.0, rel=0.02)


def test_ratio_repeats_no_row_beyond_the_limit():
    steps = RatioBatcher(max_repeats=3).batch(CYCLE, 0, 1, table([2000] * 100, ["labelled"] + ["pseudo"] * 99))
    seen = Counter(row for step in steps for batch in step for row in batch)
    assert seen[0] == 3
    assert max(seen.values()) == 3


@pytest.mark.parametrize("option", ["labelled", "pseudo", "max_repeats", "batch_seconds"])
def test_options_out_of_range_are_refused(option):
    with pytest.raises(ValueError, match=option):
        RatioBatcher(**{option: 0})
    with pytest.raises(ValueError, match="shuffle_rows"):
        DynamicBatcher(shuffle_rows=-1)
