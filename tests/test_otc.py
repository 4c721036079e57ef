"""Omni-temporal classification against the sum over all strings of frames, and against torch's CTC."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ipl.asr.otc import Prices, otc_loss

STAR = -1
DEAR = Prices(math.inf, math.inf, math.inf)


def weight_of(runs, text, prices):
    """The sum over readings of `text` of exp(-price) that say what `runs`, (symbol, length) each, say."""
    if not runs:
        return float(not text)
    (symbol, _), later = runs[0], runs[1:]
    if symbol == 0:  # a stretch of blanks passes over any number of units
        return sum(math.exp(-prices.insertion) ** k * weight_of(later, text[k:], prices) for k in range(len(text) + 1))
    if symbol == STAR:
        found = math.exp(-prices.deletion) * weight_of(later, text, prices)
        return found + (math.exp(-prices.substitution) * weight_of(later, text[1:], prices) if text else 0.0)
    return weight_of(later, text[1:], prices) if text and text[0] == symbol else 0.0


def brute_force(log_probs, text, prices):
    probs = log_probs.exp()
    total = 0.0
    for string in itertools.product([STAR, *range(probs.shape[1])], repeat=len(probs)):
        runs = [(symbol, len(list(group))) for symbol, group in itertools.groupby(string)]
        weight = weight_of(runs, text, prices)
        for frame, symbol in enumerate(string):
            weight *= float(probs[frame, 1:].mean() if symbol == STAR else probs[frame, symbol])
        total += weight
    return -math.log(total) if total else 0.0


def log_probs_of(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).log_softmax(-1)


price = st.sampled_from([0.0, 0.5, 3.0, math.inf])
texts = st.lists(st.integers(1, 2), max_size=3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), st.lists(st.tuples(texts, st.integers(0, 4)), min_size=1, max_size=3), price, price, price)
def test_it_is_the_sum_over_all_readings_and_alignments(seed, rows, substitution, insertion, deletion):
    prices = Prices(substitution, insertion, deletion)
    log_probs = log_probs_of(seed, len(rows), 4, 3)
    targets = torch.tensor([unit for text, _ in rows for unit in text], dtype=torch.long)
    frames, lengths = (torch.tensor(each) for each in ([n for _, n in rows], [len(text) for text, _ in rows]))
    found = otc_loss(log_probs, targets, frames, lengths, prices)
    for place, (text, count) in enumerate(rows):
        assert found[place].item() == pytest.approx(brute_force(log_probs[place, :count], text, prices), abs=1e-9)


def batch(dtype=torch.float32):
    lengths, frames = torch.tensor([7, 1, 12, 9]), torch.tensor([30, 5, 40, 6])  # the last is too long for its frames
    targets = torch.randint(1, 6, (int(lengths.sum()),), generator=torch.Generator().manual_seed(1))
    return log_probs_of(3, 4, 40, 6).to(dtype), targets, frames, lengths


@pytest.mark.parametrize("prices", [DEAR, Prices(1e4, 1e4, 1e4)])
def test_at_infinite_prices_loss_and_gradient_are_those_of_ctc(prices):
    log_probs, targets, frames, lengths = batch()
    ours, theirs = (log_probs.clone().requires_grad_() for _ in range(2))
    found = otc_loss(ours.log_softmax(-1), targets, frames, lengths, prices)
    expected = torch.nn.functional.ctc_loss(
        theirs.log_softmax(-1).transpose(0, 1), targets, frames, lengths, reduction="none", zero_infinity=True
    )
    if prices is DEAR:
        assert found[3] == 0
    assert torch.allclose(found[:3], expected[:3], rtol=1e-4)
    found[:3].sum().backward()
    expected[:3].sum().backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-4)


def test_its_gradient_is_that_of_finite_differences():
    log_probs, targets, frames, lengths = batch(torch.float64)
    small = log_probs[:2, :6, :].clone().requires_grad_()
    frames = torch.tensor([6, 5])
    lengths = torch.tensor([3, 1])
    prices = Prices(0.5, 1.0, 2.0)
    assert torch.autograd.gradcheck(
        lambda logits: otc_loss(logits.log_softmax(-1), targets[:4], frames, lengths, prices), small
    )


def test_a_text_with_errors_costs_less_than_under_ctc_and_the_right_one_hardly_changes():
    said = [1, 2, 3, 4]
    log_probs = torch.full((1, 12, 6), -6.0)
    for place, unit in enumerate(said):
        log_probs[0, 3 * place : 3 * place + 2, unit] = 0.0
        log_probs[0, 3 * place + 2, 0] = 0.0
    log_probs = log_probs.log_softmax(-1)

    def loss(text, prices):
        return otc_loss(log_probs, torch.tensor(text), torch.tensor([12]), torch.tensor([len(text)]), prices).item()

    prices = Prices(3.0, 3.0, 3.0)
    for wrong in ([1, 5, 3, 4], [1, 2, 5, 3, 4], [1, 3, 4]):
        assert loss(wrong, prices) < 0.7 * loss(wrong, DEAR)
    assert loss(said, prices) == pytest.approx(loss(said, DEAR), abs=0.1)
