"""Greedy CTC decoding: the best unit of each frame, repeats joined, blanks left out."""

from __future__ import annotations

from torch import Tensor

from ipl.asr.units import BLANK

__all__ = ["greedy"]


def greedy(log_probs: Tensor, num_frames: Tensor) -> list[list[int]]:
    """Units of the best path of each utterance, of log_probs [B, T, V] and num_frames [B]."""
    best = log_probs.argmax(dim=-1).tolist()
    return [_collapse(path[:length]) for path, length in zip(best, num_frames.tolist(), strict=True)]


def _collapse(path: list[int]) -> list[int]:
    before = [BLANK, *path]
    return [unit for last, unit in zip(before, path, strict=False) if unit not in (BLANK, last)]
