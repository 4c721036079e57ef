"""CTC prefix beam search over a whole batch at once, in plain torch.

Each utterance keeps the K most probable prefixes; the probability of a prefix is the sum over all paths that
collapse to it, kept apart by whether they end in a blank (Graves and Jaitly, ICML 2014; Hannun et al.,
arXiv 1408.2873). Prefixes are told apart by 64-bit hashes, so that a prefix that left the beam and came
back by another way is joined with its like. No Python loop runs over utterances or prefixes.

B: utterances · T: frames · V: units, blank included · K: beam · C: units tried in a frame
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ipl.asr.decoding.fusion import Fusion, LmState
from ipl.asr.decoding.score import Candidate
from ipl.asr.units import BLANK

__all__ = ["beam_search"]

NEVER = -torch.inf


@dataclass
class _Beam:
    """The prefixes of a batch after some frames, best first, [B, K] each. A prefix of probability 0 is a free place."""

    blank: Tensor  # log probability of the paths that end in a blank
    unit: Tensor  # log probability of the paths that end in the prefix's last unit
    last: Tensor  # last unit; BLANK for the empty prefix and for free places
    hash: Tensor
    lm: LmState | None

    @property
    def total(self) -> Tensor:
        return torch.logaddexp(self.blank, self.unit)


def beam_search(
    log_probs: Tensor, num_frames: Tensor, beam: int, tried: int = 24, fusion: Fusion | None = None
) -> list[list[Candidate]]:
    """Up to `beam` prefixes of each utterance, best first, of log_probs [B, T, V] and num_frames [B].

    Scores are sums over the paths inside the beam: exact where nothing was pruned, a lower bound elsewhere.
    In each frame a prefix grows by one of the frame's `tried` most probable units. With a `fusion` scores are the sum
    of what the model and the language model say.
    """
    batch, length, vocabulary = log_probs.shape
    state = _start(batch, beam, log_probs, fusion)
    tried = min(tried, vocabulary - 1)
    grow_by, units = log_probs[:, :, 1:].topk(tried)  # [B, T, C]
    units = units + 1
    steps: list[tuple[Tensor, Tensor]] = []
    for frame in range(length):
        running = (frame < num_frames)[:, None]  # [B, 1]
        state, parent, grown = _advance(state, log_probs[:, frame], grow_by[:, frame], units[:, frame], running)
        steps.append((parent, grown))
    places = torch.arange(beam, device=log_probs.device).expand(batch, beam)
    scores = state.total
    if state.lm is not None:
        scores, places = (scores + state.lm.at_the_end()).sort(descending=True, stable=True)
    return _trace(steps, places, scores)


def _start(batch: int, beam: int, like: Tensor, fusion: Fusion | None) -> _Beam:
    never = like.new_full((batch, beam), NEVER)
    blank = never.clone()
    blank[:, 0] = 0.0
    nothing = torch.zeros((batch, beam), dtype=torch.long, device=like.device)
    return _Beam(blank, never, nothing + BLANK, nothing, fusion.begin(batch, beam, like) if fusion else None)


def _advance(
    state: _Beam, log_probs: Tensor, grow_by: Tensor, units: Tensor, running: Tensor
) -> tuple[_Beam, Tensor, Tensor]:
    """One frame: log_probs [B, V], its best units [B, C] with log probabilities grow_by [B, C].

    Returns the new beam, and of each of its prefixes the place of its parent in the old one and the unit
    it grew by, or BLANK where it stayed as it was. Utterances that do not run (bool [B, 1]) stay as they are.
    """
    beam, tried = state.last.shape[1], units.shape[1]
    total = state.total
    repeat = log_probs.gather(1, state.last)  # [B, K]; for the empty prefix it meets unit = -inf

    # A prefix j of the beam may be prefix i of the beam grown by j's last unit: [B, i, j].
    is_child = (_grow(state.hash[:, :, None], state.last[:, None, :]) == state.hash[:, None, :]) & (
        state.last[:, None, :] != BLANK
    )
    doubled = state.last[:, :, None] == state.last[:, None, :]  # a unit after itself needs a blank between
    inflow = torch.where(doubled, state.blank[:, :, None], total[:, :, None]) + repeat[:, None, :]
    inflow = inflow.masked_fill(~is_child, NEVER).amax(dim=1)  # at most one i for each j
    stay_blank = torch.where(running, total + log_probs[:, BLANK, None], state.blank)
    stay_unit = torch.where(running, torch.logaddexp(state.unit + repeat, inflow), state.unit)

    # Every prefix grown by every unit tried: [B, K, C]. Those in the beam already are in its inflow.
    doubled = state.last[:, :, None] == units[:, None, :]
    grown = torch.where(doubled, state.blank[:, :, None], total[:, :, None]) + grow_by[:, None, :]
    in_beam = (is_child[:, :, :, None] & (state.last[:, :, None] == units[:, None, :])[:, None]).any(dim=2)
    grown = grown.masked_fill(in_beam | ~running[:, :, None], NEVER)

    ranks_stay, ranks_grown = torch.logaddexp(stay_blank, stay_unit), grown
    if state.lm is not None:
        gains = state.lm.gains(units)
        ranks_stay, ranks_grown = ranks_stay + state.lm.added, ranks_grown + (state.lm.added[:, :, None] + gains)
    ranks, chosen = torch.cat([ranks_stay, ranks_grown.flatten(1)], dim=1).topk(beam)
    stays = chosen < beam
    growth = (chosen - beam).clamp(min=0)
    parent = torch.where(stays, chosen, (chosen - beam) // tried)
    unit = torch.where(stays, BLANK, units.gather(1, growth % tried))
    hashes = state.hash.gather(1, parent)
    last = torch.where(stays, state.last.gather(1, parent), unit)
    return (
        _Beam(
            blank=torch.where(stays, stay_blank.gather(1, parent), NEVER),
            unit=torch.where(stays, stay_unit.gather(1, parent), grown.flatten(1).gather(1, growth)),
            last=torch.where(ranks == NEVER, BLANK, last),
            hash=torch.where(stays, hashes, _grow(hashes, unit)),
            lm=state.lm and state.lm.advance(parent, unit, gains.flatten(1).gather(1, growth), stays),
        ),
        parent,
        unit,
    )


def _grow(hashes: Tensor, units: Tensor) -> Tensor:
    """The hash of a prefix grown by a unit, int64; different units always give different hashes."""
    mixed = (hashes + units) * 0x2545F4914F6CDD1D
    return mixed ^ (mixed >> 32)


def _trace(steps: list[tuple[Tensor, Tensor]], place: Tensor, scores: Tensor) -> list[list[Candidate]]:
    """Reads the prefixes at `place` [B, K] back from the last frame to the first."""
    backwards = []
    for parent, grown in reversed(steps):
        backwards.append(grown.gather(1, place))
        place = parent.gather(1, place)
    paths = torch.stack(backwards[::-1], dim=-1).tolist() if backwards else [[[]] * scores.shape[1]] * scores.shape[0]
    return [
        [
            Candidate([unit for unit in path if unit != BLANK], score)
            for path, score in zip(of_one, of_scores, strict=True)
            if score != NEVER
        ]
        for of_one, of_scores in zip(paths, scores.tolist(), strict=True)
    ]
