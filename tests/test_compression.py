"""Compressed gradients against the plain mean, on two gloo ranks with several buckets and uneven batches."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ipl.training.frozen_variance import FrozenVarianceAdamW

SCRIPT = Path(__file__).parent / "ranks_compression.py"
KINDS = ("none", "fp16", "bf16", "powersgd", "onebit")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    out = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*command, str(SCRIPT), str(out)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((out / f"rank-{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize(("kind", "tolerance"), [("none", 1e-6), ("fp16", 1e-3), ("bf16", 1e-2)])
def test_halves_are_the_mean_but_for_rounding(outcomes, kind, tolerance):
    assert all(each[kind]["first_distance"] < tolerance for each in outcomes)


def test_powersgd_loses_nothing_of_a_gradient_of_its_rank_but_for_rounding(outcomes):
    assert all(each["low_rank_distance_float32"] < 1e-5 for each in outcomes)
    # Half a step of 63 (int8) or 1,024 (fp16) in a column's largest number, in each of the two matrices.
    assert all(each["low_rank_distance_int8"] < 3 / 63 for each in outcomes)
    assert all(each["low_rank_distance_float16"] < 3 / 1024 for each in outcomes)


@pytest.mark.parametrize("kind", ["powersgd", "onebit"])
def test_what_is_not_sent_is_remembered_to_the_last_bit_of_it(outcomes, kind):
    for each in outcomes:
        assert each[kind]["first_distance"] > 0.01  # they do lose something
        assert each[kind]["telescoped_distance"] < 1e-5  # what was applied and what is remembered is all there was


def test_powersgd_remembers_no_more_of_a_vector_than_rounding_takes_away_however_ranks_differ(outcomes):
    # Half a step: 63 steps are the largest number that a rank has to send, a gradient and what it remembers.
    assert all(0 < share <= 1 / 125 for each in outcomes for share in each["powersgd"]["vectors_remembered"])


@pytest.mark.parametrize("kind", KINDS)
def test_all_ranks_get_the_same_bits_from_several_buckets(outcomes, kind):
    assert all(each[kind]["ranks_agree"] for each in outcomes)
    assert all(each[kind]["buckets"] >= 4 for each in outcomes)


@pytest.mark.parametrize("kind", KINDS)
def test_restored_state_goes_on_bit_by_bit(outcomes, kind):
    assert all(each[kind]["goes_on"] for each in outcomes)


@pytest.mark.parametrize("kind", KINDS)
def test_one_rank_s_nan_reaches_all_and_is_not_remembered(outcomes, kind):
    assert all(each[kind]["poison_spreads"] and each[kind]["healthy_after"] for each in outcomes)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [("none", 1, 1), ("fp16", 2, 2), ("bf16", 2, 2), ("powersgd", 32, 64), ("onebit", 25, 32)],
)
def test_bytes_are_counted(outcomes, kind, least, most):
    assert all(least <= each[kind]["bytes_ratio"] <= most for each in outcomes)


def losses(optimizer_of, freeze_at):
    torch.manual_seed(1)
    model, inputs = nn.Linear(8, 4), torch.randn(32, 8)
    wanted = inputs @ torch.randn(8, 4)
    optimizer, found = optimizer_of(model.parameters(), lr=0.02), []
    for step in range(120):
        if step == freeze_at:
            optimizer.freeze_variance()
        loss = (model(inputs) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def test_adamw_is_torch_s_until_its_variance_is_frozen_and_goes_on_learning():
    assert losses(FrozenVarianceAdamW, None) == losses(torch.optim.AdamW, None)
    frozen = losses(FrozenVarianceAdamW, 20)
    assert frozen[:20] == losses(torch.optim.AdamW, None)[:20]
    assert frozen[-1] < 0.1 * frozen[20]


def test_freezing_before_there_is_a_variance_does_nothing():
    assert losses(FrozenVarianceAdamW, 0) == losses(torch.optim.AdamW, None)
