"""Where in the sound each unit of a known text lies: the best CTC path of the text (Viterbi's algorithm).

Own arithmetic, as torchaudio's comes and goes. Confidences after Laptev and Ginsburg (arXiv 2212.08703): what a CTC
model says at its peaks tells right words from wrong ones, what it says on average over all frames does not.

B: utterances · T: frames · V: units, blank included · U: units of a text · S: states, 2 U + 1 with the blanks between
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ipl.asr.units import BLANK

__all__ = ["UnitSpan", "align"]

NEVER = -torch.inf


@dataclass(frozen=True, slots=True)
class UnitSpan:
    """The frames of a unit, `end` exclusive, and the highest probability that the model gives it in one of them."""

    unit: int
    begin: int
    end: int
    confidence: float


def align(log_probs: Tensor, num_frames: Tensor, texts: Sequence[Sequence[int]]) -> list[list[UnitSpan]]:
    """The spans of each text's units, of log_probs [B, T, V], num_frames [B] and the units of B texts.

    A text that does not fit into its frames, or that the model gives no probability, has no spans.
    """
    if not log_probs.shape[1]:
        return [[] for _ in texts]
    device = log_probs.device
    units = pad_sequence([torch.tensor(list(text), dtype=torch.long) for text in texts], batch_first=True).to(device)
    counts = torch.tensor([len(text) for text in texts], device=device)
    labels = units.new_full((len(texts), 2 * units.shape[1] + 1), BLANK)
    labels[:, 1::2] = units
    emitted = log_probs.gather(2, labels[:, None, :].expand(-1, log_probs.shape[1], -1))  # [B, T, S]
    states, best = _viterbi(emitted, num_frames.to(device), labels, counts)
    said = emitted.gather(2, states[:, :, None])[:, :, 0].exp()
    rows = zip(texts, states.tolist(), said.tolist(), num_frames.tolist(), best.tolist(), strict=True)
    return [_spans(*row) for row in rows]


def _viterbi(emitted: Tensor, num_frames: Tensor, labels: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """The best path's states [B, T] and its log probability [B]; states past an utterance's frames mean nothing."""
    batch, length, num_states = emitted.shape
    # A unit may follow another without a blank between where the two differ.
    skips = torch.zeros_like(labels, dtype=torch.bool)
    skips[:, 2:] = (labels[:, 2:] != BLANK) & (labels[:, 2:] != labels[:, :-2])
    scores = emitted.new_full((batch, num_states), NEVER)
    scores[:, :2] = emitted[:, 0, :2]
    came = [torch.zeros_like(labels)]
    for frame in range(1, length):
        padded = torch.nn.functional.pad(scores, (2, 0), value=NEVER)
        by_two = padded[:, :-2].masked_fill(~skips, NEVER)
        best, steps = torch.stack([scores, padded[:, 1:-1], by_two]).max(dim=0)
        is_over = (frame >= num_frames)[:, None]
        scores = torch.where(is_over, scores, best + emitted[:, frame])
        came.append(steps.masked_fill(is_over, 0))
    ends = torch.stack([2 * counts - 1, 2 * counts]).clamp_(min=0)  # the last unit, or the blank after it
    found, which = scores.gather(1, ends.T).max(dim=1)
    state = ends.T.gather(1, which[:, None])
    path = []
    for steps in reversed(came):
        path.append(state)
        state = state - steps.gather(1, state)
    return torch.cat(path[::-1], dim=1), found.masked_fill(num_frames == 0, NEVER)


def _spans(text: Sequence[int], states: list[int], said: list[float], frames: int, score: float) -> list[UnitSpan]:
    if score == NEVER:
        return []
    places: list[list[int]] = [[] for _ in text]
    for frame, state in enumerate(states[:frames]):
        if state % 2:
            places[state // 2].append(frame)
    return [
        UnitSpan(unit, where[0], where[-1] + 1, max(said[frame] for frame in where))
        for unit, where in zip(text, places, strict=True)
    ]
