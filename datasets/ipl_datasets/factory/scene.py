"""What the pictures of a video show, as frozen descriptions; `render` turns them into frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

__all__ = ["Background", "Caption", "Colour", "Scene", "Sign", "Style", "frame_ms"]

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Style:
    """How captions look. Lengths are shares of the picture's height, so that a style fits every resolution."""

    font: Path | Literal["cjk"] | None = None
    """a TrueType font; None is the one that Pillow carries (Latin letters only), cjk the one of OpenCV 5"""
    size: float = 0.075
    fill: Colour = (255, 255, 255)
    outline: Colour = (0, 0, 0)
    outline_width: float = 0.007
    margin: float = 0.06
    """gap between the text and the edge of the picture"""
    widest: float = 0.9
    """share of the picture's width that a line may fill before it is broken"""
    place: Literal["bottom", "top", "left"] = "bottom"
    """centred at the bottom or at the top, or at the bottom from the left"""
    box: Colour | None = None
    """colour of a box behind the text"""
    box_opacity: float = 0.6
    shadow: float = 0.0
    """how far a shadow falls to the lower right"""
    fade_s: float = 0.0
    """how long a text takes to come and to go; halfway it counts as displayed"""
    sung: Colour | None = None
    """karaoke: the letters take on this colour from left to right while the text is displayed"""


@dataclass(frozen=True, slots=True)
class Background:
    """A drifting canvas of gradients and shapes, other shapes that cross it, and grain."""

    seed: int
    drift_px_per_s: float = 30.0
    shapes: int = 40
    movers: int = 3
    grain: int = 5
    """greatest change of a pixel from frame to frame, of 255 levels"""
    light: float = 0.0
    """how much of the way to white the canvas is, 0 to 1: a scene as bright as the text"""
    shot_s: float | None = None
    """length of a shot: then the picture is cut to another canvas"""
    words: tuple[str, ...] = ()
    """words on boards in the picture"""


@dataclass(frozen=True, slots=True)
class Caption:
    """A text displayed from frame `first` up to, not including, frame `end`."""

    text: str
    first: int
    end: int
    style: Style | None = None
    """None: the scene's"""


@dataclass(frozen=True, slots=True)
class Sign:
    """A text that is no subtitle, in frames `first` up to, not including, `end`.

    A ticker runs along the bottom edge, a clock tells the time of the video at the top left, a title stands large
    in the middle.
    """

    kind: Literal["ticker", "clock", "title"]
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
    signs: tuple[Sign, ...] = ()
    letterbox: float = 0.0
    """height of a black bar at the top, and of one at the bottom, as a share of the picture's"""


def frame_ms(frame: int, frame_rate: Fraction) -> int:
    """The time at which a frame is first shown, in ms.

    >>> frame_ms(3, Fraction(30_000, 1001))
    100
    """
    return round(1000 * frame / frame_rate)
