"""What is always there: a logo, while texts come and go. Shapes: H rows, W columns of the band."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipl_extractors.strokes import Mask

__all__ = ["Persistent"]

FEWEST_MASKS = 4
ALWAYS_ON = 0.9
"""In so many masks and from this share of them on, a stroke is always there."""


class Persistent:
    """Which pixels are on in nearly all of many masks, bool [H, W]."""

    def __init__(self) -> None:
        self._counts: npt.NDArray[np.int32] | None = None
        self._num_masks = 0

    def add(self, mask: Mask) -> None:
        """Counts another mask."""
        self._counts = mask.astype(np.int32) if self._counts is None else self._counts + mask
        self._num_masks += 1

    @property
    def always(self) -> Mask:
        """The pixels; none, of shape [1, 1], while there are too few masks to tell."""
        if self._counts is None or self._num_masks < FEWEST_MASKS:
            return np.zeros((1, 1), bool)
        always: Mask = self._counts >= ALWAYS_ON * self._num_masks
        return always
