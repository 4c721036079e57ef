"""CTC for texts that may be wrong: omni-temporal classification (Gao et al., arXiv 2309.15796), over units.

A text is read with errors, each at a price in nats. `*`, the star, stands for any unit that is no blank; its
probability at a frame is their mean:

    wrong unit (substitution)   *  in the place of a unit           price `substitution`
    unit too many (insertion)   a stretch of blanks passes over it  price `insertion`
    speech not in the text      *  between two units                price `deletion`, for each stretch of stars
    (deletion)

The loss is -log of the sum over all readings of the text and all their alignments. As in CTC, two equal tokens side
by side need a blank between them. At infinite prices only the text itself is left, and the loss is that of CTC.

B: utterances · T: frames · V: units, blank first · U: units of a text · P: places in a text, U + 1
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Prices", "otc_loss"]

NEVER = -1e30
"""The log probability of what cannot be; a finite number, as the gradient of log(0 + 0) is none."""


@dataclass(frozen=True)
class Prices:
    """What an error of the text costs, in nats."""

    substitution: float
    insertion: float
    deletion: float

    def times(self, factor: float) -> Prices:
        """All prices `factor` times as high."""
        return Prices(self.substitution * factor, self.insertion * factor, self.deletion * factor)


def otc_loss(log_probs: Tensor, targets: Tensor, num_frames: Tensor, num_units: Tensor, prices: Prices) -> Tensor:
    """Losses in nats, [B], of log_probs [B, T, V] and texts [sum of U] one after the other, of num_units [B] each.

    Only the first num_frames [B] frames count. 0 where no reading of a text fits into its frames, as with
    `zero_infinity` of torch's `ctc_loss`.
    """
    texts = nn.utils.rnn.pad_sequence(list(torch.split(targets, num_units.tolist())), batch_first=True)  # [B, U]
    # Three states at a place p, after p units: the last token was a blank, the p-th unit, or a star. What was "the
    # unit" at place 0 is the beginning.
    stars = torch.logsumexp(log_probs[:, :, 1:], dim=2) - math.log(log_probs.shape[2] - 1)
    heard = log_probs.gather(2, texts[:, None].expand(-1, log_probs.shape[1], -1))  # [B, T, U]
    heard = nn.functional.pad(heard, (1, 0), value=NEVER)  # [B, T, P]: the beginning makes no sound
    repeats = nn.functional.pad(texts[:, 1:] == texts[:, :-1], (1, 0))  # [B, U]
    never = log_probs.new_full((len(texts), texts.shape[1] + 1), NEVER)  # [B, P]
    blank, star = never, never
    unit = torch.cat([torch.zeros_like(never[:, :1]), never[:, 1:]], dim=1)
    substitution, insertion, deletion = (
        min(price, -NEVER) for price in (prices.substitution, prices.insertion, prices.deletion)
    )
    for frame in range(log_probs.shape[1]):
        spoken = torch.logaddexp(unit, star)
        to_blank = torch.logaddexp(blank, _pass_over(spoken, insertion))
        before = torch.logaddexp(torch.logaddexp(blank, star), unit.masked_fill(_next(repeats), NEVER))
        to_unit = torch.logaddexp(unit, _shift(before, 1))
        silent = torch.logaddexp(blank, unit)
        to_star = torch.logaddexp(star, torch.logaddexp(_shift(silent, 1) - substitution, silent - deletion))
        is_heard = (frame < num_frames)[:, None]
        blank = torch.where(is_heard, to_blank + log_probs[:, frame, :1], blank)
        unit = torch.where(is_heard, to_unit + heard[:, frame], unit)
        star = torch.where(is_heard, to_star + stars[:, frame, None], star)
    ends = torch.stack([blank, unit, star], dim=2).gather(1, num_units[:, None, None].expand(-1, 1, 3))
    losses = -torch.logsumexp(ends[:, 0], dim=1)
    return torch.where(losses < -NEVER / 2, losses, 0.0)


def _shift(values: Tensor, places: int) -> Tensor:
    """`values` [B, P], `places` further on."""
    return nn.functional.pad(values, (places, 0), value=NEVER)[:, : values.shape[1]]


def _next(repeats: Tensor) -> Tensor:
    """Whether the unit after each place [B, P] is that before it."""
    return nn.functional.pad(repeats, (0, 1))


def _pass_over(values: Tensor, price: float) -> Tensor:
    """The sum over all numbers k of `values` [B, P], k places further on at k times the price, by doubling."""
    step = 1
    while step < values.shape[1]:
        values = torch.logaddexp(values, _shift(values, step) - price * step)
        step *= 2
    return values
