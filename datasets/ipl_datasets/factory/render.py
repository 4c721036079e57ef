"""A scene to its frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ipl_datasets.factory.lettering import paint_text
from ipl_datasets.factory.overlays import ShownCaption, ShownSign
from ipl_datasets.factory.paint import Layer, Picture, paint_canvas, paint_mover
from ipl_datasets.factory.scene import Background, Scene, Style

__all__ = ["render"]

_ROAM_PX = 160
"""How much larger than the picture the canvas is, in each direction."""
_LOGO_SIZE = 0.05


def render(scene: Scene) -> Iterator[Picture]:
    """Yields the frames of a scene, uint8 [H, W, 3] (RGB); each is valid until the next is asked for."""
    captions = iter(scene.captions)
    coming = next(captions, None)
    half_fade = round(float(scene.frame_rate) * scene.style.fade_s / 2)
    shown: list[ShownCaption] = []
    logo = _logo(scene)
    signs = [ShownSign(sign, scene) for sign in scene.signs]
    bar = round(scene.letterbox * scene.height)
    for number, frame in enumerate(_backgrounds(scene)):
        if bar:
            frame[:bar] = frame[-bar:] = 0
        if logo is not None:
            logo.lay_over(frame)
        for sign in signs:
            sign.lay_over(frame, number)
        while coming is not None and coming.first - half_fade <= number:
            shown.append(ShownCaption(coming, scene))
            coming = next(captions, None)
        shown = [caption for caption in shown if number < caption.end]
        for caption in shown:
            caption.lay_over(frame, number)
        yield frame


def _logo(scene: Scene) -> Layer | None:
    if scene.logo is None:
        return None
    style = Style(size=_LOGO_SIZE, fill=(230, 230, 230))
    return paint_text([scene.logo], style, scene.width, scene.height, corner=True)


def _backgrounds(scene: Scene) -> Iterator[Picture]:
    background = scene.background
    rng = np.random.default_rng([background.seed, 0xBAC6])
    canvas = paint_canvas(background, scene.width + _ROAM_PX, scene.height + _ROAM_PX, rng)
    movers = [_Mover(background, scene, rng) for _ in range(background.movers)]
    grain = _grain(background, scene, rng)
    phases = rng.uniform(0, 2 * np.pi, size=2)
    size = scene.width + _ROAM_PX, scene.height + _ROAM_PX
    canvases = [canvas, *(paint_canvas(background, *size, rng) for _ in range(2) if background.shot_s)]
    for number in range(scene.frames):
        time_s = float(number / scene.frame_rate)
        canvas = canvases[int(time_s / background.shot_s) % 3 if background.shot_s else 0]
        angle = time_s * background.drift_px_per_s / _ROAM_PX * np.array([1.0, 0.7]) + phases
        left, top = ((1 + np.sin(angle)) / 2 * _ROAM_PX).astype(int)
        frame = canvas[top : top + scene.height, left : left + scene.width].copy()
        for mover in movers:
            mover.cross(frame, time_s)
        row, column = rng.integers(0, _GRAIN_ROAM_PX, size=2)
        frame += grain[row : row + scene.height, column : column + scene.width]
        yield frame


_GRAIN_ROAM_PX = 64


def _grain(background: Background, scene: Scene, rng: np.random.Generator) -> Picture:
    """Grain as uint8 that wraps: 255 is -1. Canvas and movers leave room for it, so that no sum overflows."""
    size = (scene.height + _GRAIN_ROAM_PX, scene.width + _GRAIN_ROAM_PX, 1)
    grain = rng.integers(-background.grain, background.grain + 1, size=size, dtype=np.int8)
    return np.repeat(grain.view(np.uint8), 3, axis=2)


class _Mover:
    """A rectangle that bounces between the edges of the picture."""

    def __init__(self, background: Background, scene: Scene, rng: np.random.Generator) -> None:
        self.picture = paint_mover(background, scene.height, rng)
        tall, wide = self.picture.shape[:2]
        self.room = np.array([scene.height - tall, scene.width - wide])
        self.start = rng.uniform(0, 1, size=2) * self.room
        self.speed = rng.uniform(-2.5, 2.5, size=2) * background.drift_px_per_s

    def cross(self, frame: Picture, time_s: float) -> None:
        """Draws itself into `frame` where it is at that time."""
        way = (self.start + self.speed * time_s) % (2 * self.room)
        top, left = np.minimum(way, 2 * self.room - way).astype(int)
        tall, wide = self.picture.shape[:2]
        frame[top : top + tall, left : left + wide] = self.picture
