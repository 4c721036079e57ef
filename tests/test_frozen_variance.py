"""Promises of Adam's variance once it is frozen: blocks follow their gradients, the numbers within them do not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ipl.training.blocks import BLOCK
from ipl.training.frozen_variance import LEAST, SETTLED, FrozenVarianceAdamW

FROZEN_AT, AT_LAST = 150, 500
"""Gradients change 100 steps after those of the frozen variance have been compared with; 250 later it is known."""


def mean_updates(size: int, after: Tensor, inflated: float = 1.0) -> tuple[Tensor, Tensor]:
    """The mean absolute update of each number as the variance is frozen, and at last.

    Gradients are noise, from the freezing on `inflated` times as large, as compression makes them, and 100 steps after
    blocks were first compared `after` times as large as that.
    """
    generator = torch.Generator().manual_seed(0)
    weight = nn.Parameter(torch.zeros(size))
    optimizer = FrozenVarianceAdamW([weight], lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)
    updates = []
    for step in range(FROZEN_AT + AT_LAST):
        if step == FROZEN_AT:
            optimizer.freeze_variance()
        weight.grad = torch.randn(size, generator=generator)
        if step >= FROZEN_AT:
            weight.grad *= inflated
        if step >= FROZEN_AT + SETTLED + 100:
            weight.grad *= after
        before = weight.detach().clone()
        optimizer.step()
        updates.append((weight.detach() - before).abs())
    return torch.stack(updates[50:FROZEN_AT]).mean(dim=0), torch.stack(updates[-100:]).mean(dim=0)


@pytest.mark.parametrize("change", [0.3, 1.0, 3.0])
def test_updates_stay_as_large_where_all_gradients_of_a_block_shrink_or_grow(change: float) -> None:
    size = 3 * BLOCK + 40
    after = torch.ones(size)
    after[BLOCK : 2 * BLOCK] = change
    before, at_last = mean_updates(size, after)
    for first in range(0, size, BLOCK):
        part = slice(first, first + BLOCK)
        assert float(at_last[part].mean() / before[part].mean()) == pytest.approx(1.0, abs=0.25)


def test_within_a_block_updates_keep_the_proportions_of_the_gradients() -> None:
    after = torch.ones(BLOCK)
    after[: BLOCK // 2] = 0.5
    _, at_last = mean_updates(BLOCK, after)
    smaller, larger = at_last[: BLOCK // 2].mean(), at_last[BLOCK // 2 :].mean()
    assert float(smaller / larger) == pytest.approx(0.5, abs=0.1)


def test_what_compression_adds_from_the_start_is_no_change() -> None:
    before, at_last = mean_updates(BLOCK, torch.ones(BLOCK), inflated=1.5)
    assert float(at_last.mean() / before.mean()) == pytest.approx(1.5, abs=0.2)


def test_a_block_whose_gradients_vanish_has_bounded_steps() -> None:
    before, at_last = mean_updates(BLOCK, torch.full((BLOCK,), 1e-6))
    assert float(at_last.mean() / before.mean()) < 1e-6 / LEAST * 2
    _, none_at_all = mean_updates(BLOCK, torch.zeros(BLOCK))
    assert torch.isfinite(none_at_all).all()


def test_the_state_that_is_saved_goes_on_bit_by_bit() -> None:
    def weights(saved_at: int | None) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        weight = nn.Parameter(torch.zeros(BLOCK + 5))
        optimizer = FrozenVarianceAdamW([weight], lr=1e-3)
        for step in range(2 * SETTLED):
            if step == 20:
                optimizer.freeze_variance()
            if step == saved_at:
                state = optimizer.state_dict()
                optimizer = FrozenVarianceAdamW([weight], lr=1e-3)
                optimizer.load_state_dict(state)
            weight.grad = torch.randn(weight.shape, generator=generator)
            optimizer.step()
        return weight.detach()

    for saved_at in (10, 60, 20 + SETTLED, 20 + SETTLED + 30):
        assert torch.equal(weights(saved_at), weights(None))
