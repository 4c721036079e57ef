"""CTC prefix beam search over a whole batch at once, in plain torch.

Each utterance keeps the K most probable prefixes; the probability of a prefix is the sum over all paths that
collapse to it, kept apart by whether they end in a blank (Graves and Jaitly, ICML 2014; Hannun et al.,
arXiv 1408.2873). Prefixes are told apart by 64-bit hashes, so that a prefix that left the beam and came
back by another way is joined with its like. No Python loop runs over utterances or prefixes.

B: utterances · T: frames · V: units, blank included · K: beam · G: growths tried in a frame, see `_growths`
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ipl.asr.decoding.fusion import Fusion
from ipl.asr.decoding.score import Candidate
from ipl.asr.units import BLANK

__all__ = ["PrefixBeam", "beam_search"]

NEVER = -torch.inf
TRIED_WITH_LM = 24
# A prefix of the units u grown by v has the hash (hash of u) * MULTIPLIER + v * SPREAD, modulo 2 ** 64.
MULTIPLIER, SPREAD = 0x2545F4914F6CDD1D, 0x1E3779B97F4A7C15
NOBODY = -0x0123456789ABCDEF  # the hash of free places and of their parents

# Rows of the floats of a beam: log probabilities of all paths of a prefix, of those that end in a blank, of those that
# end in its last unit; and what the language model adds.
TOTAL, BLANKS, UNITS, ADDED = range(4)
# Rows of its integers: the last unit, hash, hash without the last unit, K where the last unit came after its like and
# else 0; and the place of the language model's state in its tables.
LAST, HASH, PARENT, DOUBLED, STATE = range(5)


def beam_search(
    log_probs: Tensor, num_frames: Tensor, beam: int, tried: int | None = None, fusion: Fusion | None = None
) -> list[list[Candidate]]:
    """Up to `beam` prefixes of each utterance, best first, of log_probs [B, T, V] and num_frames [B].

    Scores are sums over the paths inside the beam: exact where nothing was pruned, a lower bound elsewhere.
    With a `fusion` they are the sum of what the model and the language model say. `tried` is as in `PrefixBeam`.
    """
    search = PrefixBeam(log_probs.shape[0], beam, log_probs, tried, fusion)
    search.feed(log_probs, num_frames)
    return search.candidates()


class PrefixBeam:
    """The search, fed stretch by stretch: what it finds does not depend on where the stretches are cut.

    In each frame the best prefix grows by the frame's `tried` most probable units and the i-th best one by
    1 + (tried - 1) // i. Without a language model beam + 1 of them, the default, are as good as all (`_growths`).
    `like` tells device and type.
    """

    def __init__(
        self, batch: int, beam: int, like: Tensor, tried: int | None = None, fusion: Fusion | None = None
    ) -> None:
        self.beam, self.fusion = beam, fusion
        self.tried = tried or (max(beam + 1, TRIED_WITH_LM) if fusion else beam + 1)
        self._floats = like.new_full((4 if fusion else 3, batch, beam), NEVER)
        self._floats[[TOTAL, BLANKS], :, 0] = 0.0
        self._ints = torch.zeros((5 if fusion else 4, batch, beam), dtype=torch.long, device=like.device)
        self._ints[[HASH, PARENT]] = NOBODY
        self._ints[HASH, :, 0] = 0
        if fusion:
            self._floats[ADDED] = 0.0
            self._ints[STATE] = fusion.start
        self._parents: list[Tensor] = []  # [T, B, K] for each stretch: from which place a prefix came,
        self._grown: list[Tensor] = []  # and by which unit it grew, or BLANK

    def feed(self, log_probs: Tensor, num_frames: Tensor) -> None:
        """The next log_probs [B, T, V], of which num_frames [B] are each utterance's own."""
        batch, length, vocabulary = log_probs.shape
        if not length:
            return
        most = min(self.tried, vocabulary - 1)
        rows, ranks = _growths(self.beam, self.tried, most, log_probs.device)
        best, units = log_probs[:, :, 1:].topk(most)
        ranks = ranks.expand(length, batch, len(ranks))
        best, units = best.transpose(0, 1).gather(2, ranks), units.transpose(0, 1).gather(2, ranks) + 1  # [T, B, G]
        # An utterance that has ended goes on with certain blanks, which change nothing.
        is_over = (torch.arange(length, device=log_probs.device)[:, None] >= num_frames)[:, :, None]  # [T, B, 1]
        blanks = log_probs[:, :, BLANK].T[:, :, None].masked_fill(is_over, 0.0)
        frames = _Frames(log_probs, is_over, blanks, best.masked_fill_(is_over, NEVER), units)
        self._floats, self._ints, chosen = _advance(self._floats, self._ints, frames, rows, self.fusion)
        places = torch.cat([torch.arange(self.beam, device=rows.device), rows])
        self._parents.append(places[chosen])
        grown_by = units.gather(2, (chosen - self.beam).clamp_(min=0))
        self._grown.append(grown_by.masked_fill_(chosen < self.beam, BLANK))

    def candidates(self) -> list[list[Candidate]]:
        """The prefixes of each utterance as whole texts, best first; those of probability 0 are left out."""
        scores = self._floats[TOTAL]
        place = torch.arange(self.beam, device=scores.device).expand(scores.shape)
        if self.fusion:
            scores = scores + self._floats[ADDED] + self.fusion.at_the_end(self._ints[STATE])
            scores, place = scores.sort(descending=True, stable=True)
        if not self._parents:
            paths = place.new_zeros((*place.shape, 0))
        else:
            places = []
            for parent in torch.cat(self._parents).flip(0):
                places.append(place)
                place = parent.gather(1, place)
            paths = torch.cat(self._grown).gather(2, torch.stack(places[::-1])).permute(1, 2, 0)  # [B, K, T]
        is_unit = paths != BLANK
        units, ends = paths[is_unit].tolist(), is_unit.sum(dim=2).flatten().cumsum(0).tolist()
        texts = iter([units[begin:end] for begin, end in pairwise([0, *ends])])
        found = [[Candidate(next(texts), score) for score in of_one] for of_one in scores.tolist()]
        return [[each for each in of_one if each.score != NEVER] for of_one in found]


def _growths(beam: int, tried: int, most: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Which growths are tried: places of prefixes and ranks of units below `most`, [G] each, both from 0.

    Count both from 1. The i-th best prefix grown by the frame's c-th best unit is no better than i * c growths, itself
    one of them, of prefixes and units that are no worse; but for at most one of each of these prefixes, its own last
    unit, which needs a blank between. So i * (c - 1) - 1 other prefixes are as good, and where i * (c - 1) > K there
    are K of them: the best 1 + K // i units suffice, about K * log(K) growths instead of K * V. A language model orders
    growths otherwise, and is offered more for that.
    """
    pairs = [(i, c) for i in range(beam) for c in range(min(most, 1 + (tried - 1) // (i + 1)))]
    rows, columns = torch.tensor(pairs, dtype=torch.long, device=device).reshape(-1, 2).unbind(1)
    return rows, columns


@dataclass(frozen=True)
class _Frames:
    """What the search looks up in its frames, `best` being the log probabilities of the growths by `units`."""

    log_probs: Tensor  # [B, T, V]
    is_over: Tensor  # [T, B, 1]
    blanks: Tensor  # [T, B, 1]
    best: Tensor  # [T, B, G]
    units: Tensor  # [T, B, G]


def _advance(
    floats: Tensor, ints: Tensor, frames: _Frames, rows: Tensor, fusion: Fusion | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The beam after some frames whose growths are tried of the prefixes at `rows` [G].

    Returns its floats and ints, and for each frame which of the K prefixes that stayed as they were and the G that
    grew are its places, [T, B, K].
    """
    beam, growths, batch = floats.shape[2], len(rows), floats.shape[1]
    parent = rows.expand(batch, growths)
    spread = frames.units * SPREAD
    # What stays, [B, K], and what grows, [B, G], lie side by side: the places of the new beam are drawn from both.
    all_floats = floats.new_full((len(floats), batch, beam + growths), NEVER)
    all_ints = ints.new_empty((len(ints), batch, beam + growths))
    stays, grows = all_floats[:, :, :beam], all_floats[:, :, beam:]
    ints_stay, ints_grow = all_ints[:, :, :beam], all_ints[:, :, beam:]
    chosen_in = []
    for frame, unit in enumerate(frames.units):
        last, hashes, doubled = ints[LAST], ints[HASH], ints[DOUBLED]
        # Prefix j of the beam may be prefix i of the beam grown by j's last unit, for one i at most: [B, i, j].
        is_child, i = (hashes[:, :, None] == ints[PARENT][:, None, :]).max(dim=1)
        inflow = floats[: BLANKS + 1].transpose(0, 1).flatten(1).gather(1, i + doubled)
        inflow = inflow.masked_fill_(~is_child, NEVER)
        repeat = frames.log_probs[:, frame].gather(1, last)  # for the empty prefix it meets -inf
        repeat.masked_fill_(frames.is_over[frame], NEVER)
        torch.add(floats[TOTAL], frames.blanks[frame], out=stays[BLANKS])
        torch.add(torch.logaddexp(floats[UNITS], inflow), repeat, out=stays[UNITS])
        torch.logaddexp(stays[BLANKS], stays[UNITS], out=stays[TOTAL])
        ints_stay.copy_(ints)

        ints_grow[LAST] = unit
        torch.gather(hashes, 1, parent, out=ints_grow[PARENT])
        torch.add(spread[frame], ints_grow[PARENT], alpha=MULTIPLIER, out=ints_grow[HASH])
        is_double = last.gather(1, parent) == unit  # a unit after itself needs a blank between
        torch.mul(is_double, beam, out=ints_grow[DOUBLED])
        before = torch.where(is_double, floats[BLANKS].gather(1, parent), floats[TOTAL].gather(1, parent))
        grown = before.add_(frames.best[frame])
        is_there = (ints_grow[HASH][:, :, None] == hashes[:, None, :]).any(dim=2)  # and has got it as inflow
        grows[TOTAL] = grown.masked_fill_(is_there, NEVER)
        grows[UNITS] = grown
        ints_grow[HASH : PARENT + 1].masked_fill_(is_there, NOBODY)  # a free place must not pass for it, nor inherit
        if fusion is None:
            ranks = all_floats[TOTAL]
        else:
            stays[ADDED] = floats[ADDED]
            torch.add(ints[STATE].gather(1, parent), unit, out=ints_grow[STATE])
            gains = fusion.gains.take(ints_grow[STATE])
            torch.add(floats[ADDED].gather(1, parent), gains, out=grows[ADDED])
            ranks = all_floats[TOTAL] + all_floats[ADDED]
        chosen = ranks.topk(beam).indices
        floats = all_floats.gather(2, chosen.expand(len(floats), batch, beam))
        ints = all_ints.gather(2, chosen.expand(len(ints), batch, beam))
        if fusion is not None:
            has_grown = chosen >= beam
            ints[STATE] = torch.where(has_grown, fusion.following.take(ints[STATE]), ints[STATE])
        chosen_in.append(chosen)
    return floats, ints, torch.stack(chosen_in)
