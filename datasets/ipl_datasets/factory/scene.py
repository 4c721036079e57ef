"""What the pictures of a video show, as frozen descriptions; `render` turns them into frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

__all__ = ["Background", "Caption", "Colour", "Scene", "Style", "frame_ms"]

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Style:
    """How captions look. Lengths are shares of the picture's height, so that a style fits every resolution."""

    font: Path | None = None
    """a TrueType font; None is the one that Pillow carries (Latin letters only)"""
    size: float = 0.075
    fill: Colour = (255, 255, 255)
    outline: Colour = (0, 0, 0)
    outline_width: float = 0.007
    margin: float = 0.06
    """gap between the text and the bottom edge"""
    widest: float = 0.9
    """share of the picture's width that a line may fill before it is broken"""


@dataclass(frozen=True, slots=True)
class Background:
    """A drifting canvas of gradients and shapes, other shapes that cross it, and grain."""

    seed: int
    drift_px_per_s: float = 30.0
    shapes: int = 40
    movers: int = 3
    grain: int = 5
    """greatest change of a pixel from frame to frame, of 255 levels"""


@dataclass(frozen=True, slots=True)
class Caption:
    """A text displayed from frame `first` up to, not including, frame `end`."""

    text: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that the pictures of one video show. `logo` is a text in the top right corner that never changes."""

    width: int
    height: int
    frame_rate: Fraction
    frames: int
    background: Background
    style: Style = field(default_factory=Style)
    captions: tuple[Caption, ...] = ()
    logo: str | None = None


def frame_ms(frame: int, frame_rate: Fraction) -> int:
    """The time at which a frame is first shown, in ms.

    >>> frame_ms(3, Fraction(30_000, 1001))
    100
    """
    return round(1000 * frame / frame_rate)
