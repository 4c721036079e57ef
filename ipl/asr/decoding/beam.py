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
# A prefix of hash h grown by the unit v has the hash h * MULTIPLIER + v, modulo 2 ** 64.
MULTIPLIER = 0x2545F4914F6CDD1D
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
        self._floats = like.new_full((4 if fusion else 3, beam, batch), NEVER)
        self._floats[[TOTAL, BLANKS], 0] = 0.0
        self._ints = torch.zeros((5 if fusion else 4, beam, batch), dtype=torch.long, device=like.device)
        self._ints[[HASH, PARENT]] = NOBODY
        self._ints[HASH, 0] = 0
        if fusion:
            self._floats[ADDED] = 0.0
            self._ints[STATE] = fusion.start
        self._parents: list[Tensor] = []  # [T, K, B] for each stretch: from which place a prefix came,
        self._grown: list[Tensor] = []  # and by which unit it grew, or BLANK

    def feed(self, log_probs: Tensor, num_frames: Tensor) -> None:
        """The next log_probs [B, T, V], of which num_frames [B] are each utterance's own."""
        _, length, vocabulary = log_probs.shape
        if not length:
            return
        most = min(self.tried, vocabulary - 1)
        rows, ranks = _growths(self.beam, self.tried, most, log_probs.device)
        log_probs = log_probs.transpose(0, 1)
        best, units = (each.transpose(1, 2).contiguous() for each in _top(log_probs[:, :, 1:], most))  # [T, tried, B]
        units += 1
        # An utterance that has ended goes on with certain blanks, which change nothing.
        is_over = torch.arange(length, device=log_probs.device)[:, None] >= num_frames  # [T, B]
        blanks = log_probs[:, :, BLANK].masked_fill(is_over, 0.0)
        frames = _Frames(log_probs, is_over, blanks, best.masked_fill_(is_over[:, None], NEVER), units)
        self._floats, self._ints, chosen = _advance(self._floats, self._ints, frames, rows, ranks, self.fusion)
        stays = torch.arange(self.beam, device=rows.device)
        self._parents.append(torch.cat([stays, rows])[chosen])
        grown_by = units.gather(1, torch.cat([torch.zeros_like(stays), ranks])[chosen])
        self._grown.append(grown_by.masked_fill_(chosen < self.beam, BLANK))

    def candidates(self) -> list[list[Candidate]]:
        """The prefixes of each utterance as whole texts, best first; those of probability 0 are left out."""
        scores = self._floats[TOTAL]
        place = torch.arange(self.beam, device=scores.device)[:, None].expand(scores.shape)
        if self.fusion:
            scores = scores + self._floats[ADDED] + self.fusion.at_the_end(self._ints[STATE])
            scores, place = scores.sort(dim=0, descending=True, stable=True)
        if not self._parents:
            paths = place.new_zeros((0, *place.shape))
        else:
            places = []
            for parent in torch.cat(self._parents).flip(0):
                places.append(place)
                place = parent.gather(0, place)
            paths = torch.cat(self._grown).gather(1, torch.stack(places[::-1]))
        paths, scores = paths.permute(2, 1, 0), scores.T  # [B, K, T], [B, K]
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


def _top(log_probs: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The `most` greatest of log_probs [T, B, V] and their places, both [T, B, most].

    torch's topk on a CPU takes twice as long for a value unless it has 64 `most` or more to choose from.
    """
    length, batch, vocabulary = log_probs.shape
    if log_probs.device.type != "cpu" or not vocabulary < 64 * most < 2 * vocabulary:
        return log_probs.topk(most)
    values = log_probs.new_empty((length, batch, most))
    places = values.new_empty(values.shape, dtype=torch.long)
    padded = log_probs.new_full((batch, 64 * most), NEVER)
    for frame in range(length):
        padded[:, :vocabulary] = log_probs[frame]
        torch.topk(padded, most, out=(values[frame], places[frame]))
    return values, places


@dataclass(frozen=True)
class _Frames:
    """What the search looks up in its frames, `best` being the log probabilities of its most probable `units`."""

    log_probs: Tensor  # [T, B, V]
    is_over: Tensor  # [T, B]
    blanks: Tensor  # [T, B]
    best: Tensor  # [T, tried, B]
    units: Tensor  # [T, tried, B]


def _advance(
    floats: Tensor, ints: Tensor, frames: _Frames, rows: Tensor, ranks: Tensor, fusion: Fusion | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The beam after some frames whose growths are tried of the prefixes at `rows` by the units at `ranks`, both [G].

    Returns its floats and ints, and for each frame which of the K prefixes that stayed as they were and the G that
    grew are its places, [T, K, B].
    """
    (_, beam, batch), growths = floats.shape, len(rows)
    # What stays, [K, B], and what grows, [G, B], lie one after the other: the new beam is drawn from both.
    all_floats = floats.new_full((len(floats), beam + growths, batch), NEVER)
    all_ints = ints.new_empty((len(ints), beam + growths, batch))
    stays, grows = all_floats[:, :beam].unbind(), all_floats[:, beam:].unbind()
    ints_stay, ints_grow = all_ints[:, :beam], all_ints[:, beam:].unbind()
    identities = all_ints[HASH : PARENT + 1, beam:]
    column = rows[:, None]
    chosen_in = []
    for frame, best_units in enumerate(frames.units):
        total, _, units, *added = floats.unbind()
        last, hashes, parents, doubled, *state = ints.unbind()
        total_or_blanks = floats[: BLANKS + 1].flatten(0, 1)
        # Prefix j of the beam may be prefix i of the beam grown by j's last unit, for one i at most: [i, j, B].
        is_child, i = (hashes[:, None] == parents).max(dim=0)
        inflow = total_or_blanks.gather(0, i.add_(doubled)).masked_fill_(~is_child, NEVER)
        repeat = frames.log_probs[frame].gather(1, last.T).T  # for the empty prefix it meets -inf
        repeat.masked_fill_(frames.is_over[frame], NEVER)
        torch.add(total, frames.blanks[frame], out=stays[BLANKS])
        torch.add(torch.logaddexp(units, inflow), repeat, out=stays[UNITS])
        torch.logaddexp(stays[BLANKS], stays[UNITS], out=stays[TOTAL])
        ints_stay.copy_(ints)

        unit = torch.index_select(best_units, 0, ranks, out=ints_grow[LAST])
        torch.index_select(hashes, 0, rows, out=ints_grow[PARENT])
        torch.add(unit, ints_grow[PARENT], alpha=MULTIPLIER, out=ints_grow[HASH])
        is_double = last.index_select(0, rows) == unit  # a unit after itself needs a blank between
        torch.mul(is_double, beam, out=ints_grow[DOUBLED])
        before = total_or_blanks.gather(0, column + ints_grow[DOUBLED])
        torch.add(before, frames.best[frame].index_select(0, ranks), out=grows[UNITS])
        is_any = (hashes[:, None] == ints_grow[HASH]).view(torch.uint8).amax(dim=0)  # any() takes four times as long
        is_there = is_any.view(torch.bool)  # and has got it as inflow
        grows[TOTAL].copy_(grows[UNITS].masked_fill_(is_there, NEVER))
        identities.masked_fill_(is_there, NOBODY)  # a free place must not pass for it, nor inherit
        if fusion is None:
            scores = all_floats[TOTAL]
        else:
            stays[ADDED].copy_(added[0])
            torch.add(state[0].index_select(0, rows), unit, out=ints_grow[STATE])
            gains = fusion.gains.take(ints_grow[STATE])
            torch.add(added[0].index_select(0, rows), gains, out=grows[ADDED])
            scores = all_floats[TOTAL] + all_floats[ADDED]
        chosen = scores.topk(beam, dim=0).indices
        floats = all_floats.gather(1, chosen.expand(len(floats), beam, batch))
        ints = all_ints.gather(1, chosen.expand(len(ints), beam, batch))
        if fusion is not None:
            ints[STATE] = torch.where(chosen >= beam, fusion.following(ints[STATE]), ints[STATE])
        chosen_in.append(chosen)
    return floats, ints, torch.stack(chosen_in)
