"""One text while it is shown. Shapes: H rows, W columns of the band."""

from __future__ import annotations

from dataclasses import dataclass

from ipl_extractors.strokes import Luma, Mask

__all__ = ["Display"]


@dataclass(frozen=True, slots=True)
class Display:
    """One text while it is shown, from the first frame that shows it to the first that does not.

    `strokes` is bool [H, W]; `stack` and `picture` are uint8 [H, W]: what clear ones of some frames have in common
    (their least luma, of dark text the greatest), so that what moves behind the text cancels, and the clearest frame as
    it is. Where a film is compressed much, a text is blurred at first, and clear after some seconds.
    `early` and `late`, uint8 [H, W], are how much each pixel stands out soon after the display has begun (once it is
    whole, if it `has_grown`) and shortly before it ends, `before` and `after` in the frames around it; None at the
    ends of the video.
    """

    start_ms: float
    end_ms: float
    strokes: Mask
    stack: Luma
    picture: Luma
    early: Luma
    late: Luma
    before: Luma | None = None
    after: Luma | None = None
    has_grown: bool = False
    """whether it was written word by word: then it is seen as it was at its end"""
