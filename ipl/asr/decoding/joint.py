"""Decoding with both heads of a hybrid: rescoring of CTC's texts, and one search that both steer.

A text's score is ctc_weight * log P_ctc(text) + (1 - ctc_weight) * log P_attention(text), in nats; the weight lies
between 0 and 1.

B: utterances, B' that still run · K: beam · N: texts of an utterance · T: frames · D: width of the encoder
V: units, blank included
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ipl.asr.decoding.ctc_prefixes import NEVER, CtcPrefixes
from ipl.asr.decoding.fusion import Fusion
from ipl.asr.decoding.score import Candidate
from ipl.asr.models.decoder import BEGIN, END, AttentionDecoder, DecoderState
from ipl.asr.units import BLANK

__all__ = ["attention_rescore", "joint_search"]


def attention_rescore(
    decoder: AttentionDecoder,
    encoded: Tensor,
    num_frames: Tensor,
    candidates: Sequence[Sequence[Candidate]],
    ctc_weight: float,
) -> list[list[Candidate]]:
    """Candidates scored by CTC with joint scores, best first: the second pass of U2 (Zhang et al., arXiv 2012.05481).

    All texts of all utterances, of encoded [B, T, D] and num_frames [B], go through the decoder at once. A text that is
    impossible stays so, whatever the weight.
    """
    count = max((len(of_one) for of_one in candidates), default=0)
    longest = max((len(each.units) for of_one in candidates for each in of_one), default=0)
    if not count:
        return [[] for _ in candidates]
    texts = torch.zeros(len(candidates), count, longest, dtype=torch.long)
    num_units = texts.new_zeros(len(candidates), count)
    for row, of_one in enumerate(candidates):
        for column, each in enumerate(of_one):
            texts[row, column, : len(each.units)] = torch.tensor(each.units)
            num_units[row, column] = len(each.units)
    num_frames = num_frames.to(encoded.device)
    scores = decoder.score(encoded, num_frames, texts.to(encoded.device), num_units.to(encoded.device)).tolist()
    mixed = [
        [
            Candidate(each.units, ctc_weight * each.score + (1 - ctc_weight) * score if each.score > NEVER else NEVER)
            for each, score in zip(of_one, of_row, strict=False)
        ]
        for of_one, of_row in zip(candidates, scores, strict=True)
    ]
    return [sorted(of_one, key=lambda each: -each.score) for of_one in mixed]


def joint_search(
    decoder: AttentionDecoder,
    encoded: Tensor,
    log_probs: Tensor,
    num_frames: Tensor,
    beam: int,
    ctc_weight: float,
    n_best: int = 1,
    fusion: Fusion | None = None,
) -> list[list[Candidate]]:
    """Up to `beam` texts of each utterance, best first, of encoded [B, T, D], log_probs [B, T, V], num_frames [B].

    The beam of Hori et al. (ACL 2017) and Watanabe et al. (IEEE JSTSP 2017): texts grow unit by unit, ranked by CTC's
    probability that the text begins so and the decoder's of the units so far; here for all utterances at once, with
    every unit tried. A score never rises as a text grows, so the search ends when no text that grows can come under
    the best `n_best`: these are then the best of all that the beam has seen. Scores are exact, and with a `fusion`
    hold what the language model adds.
    """
    prefixes = CtcPrefixes.empty(log_probs, num_frames, beam)
    search = _Search(prefixes, decoder, decoder.begin(encoded, num_frames, beam), ctc_weight, fusion)
    for length in range(log_probs.shape[1] + 1):
        if not search.step(length, n_best):
            break
    return search.candidates()


class _Search:
    """The beams of all utterances that still run, and the whole texts found so far."""

    def __init__(
        self,
        prefixes: CtcPrefixes,
        decoder: AttentionDecoder,
        state: DecoderState,
        ctc_weight: float,
        fusion: Fusion | None,
    ) -> None:
        self.prefixes, self.decoder, self.state = prefixes, decoder, state
        self.ctc_weight, self.fusion = ctc_weight, fusion
        batch, self.frames, _ = prefixes.log_probs.shape
        # [B'], which utterances are in the tensors of the beam
        self.running = torch.arange(batch, device=prefixes.last.device)
        self.last = torch.full_like(prefixes.last, BEGIN)
        self.said = torch.full_like(self.last, NEVER, dtype=torch.float64)  # by the decoder of the units so far
        self.said[:, 0] = 0.0  # the same prefix must not fill the beam
        self.added = torch.zeros_like(self.said)  # by the language model
        self.lm_state = torch.full_like(self.last, fusion.start if fusion else 0)
        self.best = torch.full_like(self.said, NEVER)  # scores of whole texts, [B, K],
        self.lengths = torch.zeros_like(self.last)  # how many units they have,
        self.places = torch.zeros_like(self.last)  # and which place of the beam they had then
        self.parents: list[Tensor] = []  # [B, K] for each length: from which place a prefix came,
        self.grown: list[Tensor] = []  # and by which unit it grew

    def step(self, length: int, n_best: int) -> bool:
        """Ends and grows the prefixes of `length` units; False where no utterance still runs."""
        next_said = self.said[:, :, None] + self.decoder.step(self.last, self.state)  # [B', K, V]
        self._end(self._mix(self.prefixes.whole(), next_said[:, :, END], self._at_the_end()), length)
        added = self.added[:, :, None] + self._gains()
        scores = self._mix(self.prefixes.growths(), next_said, added)
        scores[:, :, BLANK] = NEVER
        scores, grown = scores.flatten(1).topk(self.last.shape[1], dim=1)
        # What the language model may still give has to be hoped for; all else can only fall.
        hope = max(0.0, self.fusion.unit_bonus) * (self.frames - length - 1) if self.fusion else 0.0
        runs = scores[:, 0] + hope > self.best[self.running, min(n_best, scores.shape[1]) - 1]
        rows = runs.nonzero()[:, 0]
        if not len(rows):
            return False
        parents, units = grown[rows] // next_said.shape[2], grown[rows] % next_said.shape[2]
        self.running = self.running[rows]
        self.prefixes = (self.prefixes if len(rows) == len(runs) else self.prefixes.take(rows)).grow(parents, units)
        self.state = self.state.take(rows, parents)
        self.said = next_said.flatten(1)[rows].gather(1, grown[rows])
        # A prefix that is impossible must stay so.
        self.said = self.said.masked_fill(scores[rows] == NEVER, NEVER)
        self.added = added.expand(next_said.shape).flatten(1)[rows].gather(1, grown[rows])
        if self.fusion:
            self.lm_state = self.fusion.following(self.lm_state[rows].gather(1, parents) + units)
        self.last = units
        self._note(parents, units)
        return True

    def _mix(self, ctc: Tensor, said: Tensor, added: Tensor) -> Tensor:
        return self.ctc_weight * ctc + (1 - self.ctc_weight) * said + added

    def _gains(self) -> Tensor:
        """What growing by each unit adds, [B', K, V], or [1] of nothing."""
        if self.fusion is None:
            return self.added.new_zeros(1)
        units = torch.arange(self.prefixes.log_probs.shape[2], device=self.last.device)
        return self.fusion.gains.take(self.lm_state[:, :, None] + units).double()

    def _at_the_end(self) -> Tensor:
        return self.added + self.fusion.at_the_end(self.lm_state) if self.fusion else self.added

    def _end(self, scores: Tensor, length: int) -> None:
        """Takes whole texts with scores [B', K] among the best."""
        best, chosen = torch.cat([self.best[self.running], scores], dim=1).topk(scores.shape[1], dim=1)
        places = torch.arange(scores.shape[1], device=scores.device).expand(scores.shape)
        lengths = torch.full_like(places, length)
        self.best[self.running] = best
        self.lengths[self.running] = torch.cat([self.lengths[self.running], lengths], dim=1).gather(1, chosen)
        self.places[self.running] = torch.cat([self.places[self.running], places], dim=1).gather(1, chosen)

    def _note(self, parents: Tensor, units: Tensor) -> None:
        for notes, values in ((self.parents, parents), (self.grown, units)):
            notes.append(torch.zeros_like(self.places).index_copy(0, self.running, values))

    def candidates(self) -> list[list[Candidate]]:
        """The whole texts of each utterance, best first; those of probability 0 are left out."""
        place, backwards = self.places, []
        for length in range(len(self.parents), 0, -1):
            is_in = length <= self.lengths
            backwards.append(torch.where(is_in, self.grown[length - 1].gather(1, place), END))
            place = torch.where(is_in, self.parents[length - 1].gather(1, place), place)
        texts = (
            torch.stack(backwards[::-1], dim=2).tolist() if backwards else [[[]] * self.best.shape[1]] * len(self.best)
        )
        return [
            [Candidate(text[:length], score) for text, length, score in zip(*of_one, strict=True) if score != NEVER]
            for of_one in zip(texts, self.lengths.tolist(), self.best.tolist(), strict=True)
        ]
