"""Numbers of a parameter in blocks that have something in common: a magnitude, or how much Adam's variance changes.

N: numbers · M: blocks · K: numbers in a block
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["BLOCK", "blocks", "counts", "from_blocks"]

BLOCK = 128
"""K: one bit for each number and 16 for each block are 28 times less than 32 bits for each number."""


def blocks(values: Tensor) -> Tensor:
    """Numbers as blocks [M, K], the last filled up with zeros. No block holds numbers of two parameters."""
    flat = values.flatten()
    return nn.functional.pad(flat, (0, -len(flat) % BLOCK)).view(-1, BLOCK)


def counts(size: int, device: torch.device) -> Tensor:
    """How many of the numbers of each block [M] are none of the zeros that fill up the last.

    >>> counts(300, torch.device("cpu")).tolist()
    [128, 128, 44]
    """
    starts = torch.arange(0, size, BLOCK, device=device)
    return (size - starts).clamp(max=BLOCK)


def from_blocks(filled: Tensor, size: int) -> Tensor:
    """The numbers [N] that `blocks` filled up."""
    return filled.flatten()[:size]
