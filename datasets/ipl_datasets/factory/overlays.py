"""What lies over the picture and changes with time: captions that fade or are sung, tickers, clocks, titles."""

from __future__ import annotations

from dataclasses import replace

from ipl_datasets.factory.lettering import layout, paint_text
from ipl_datasets.factory.paint import Layer, Picture
from ipl_datasets.factory.scene import Caption, Scene, Sign, Style

__all__ = ["ShownCaption", "ShownSign"]

_TICKER_S = 9.0
"""How long a ticker takes from one edge of the picture to the other."""


class ShownCaption:
    """A caption while it is shown. `end` is the first frame without any of it."""

    def __init__(self, caption: Caption, scene: Scene) -> None:
        style = caption.style or scene.style
        lines = layout(caption.text, style, scene.width, scene.height)
        self._caption = caption
        self._layer = paint_text(lines, style, scene.width, scene.height)
        sung = replace(style, fill=style.sung) if style.sung else None
        self._sung = paint_text(lines, sung, scene.width, scene.height) if sung else None
        self._half_fade = round(float(scene.frame_rate) * style.fade_s / 2)
        self.end = caption.end + self._half_fade

    def lay_over(self, frame: Picture, number: int) -> None:
        """Draws itself into frame `number`."""
        if self._half_fade:
            inside = min(number - self._caption.first, self._caption.end - 1 - number) + 0.5
            strength = round(256 * min(1.0, max(0.0, 0.5 + inside / (2 * self._half_fade))))
        else:
            strength = 256
        if self._sung is None:
            self._layer.lay_over(frame, strength)
            return
        width = self._layer.colour.shape[1]
        lasts = self._caption.end - self._caption.first
        at = min(width, max(0, round(width * (number - self._caption.first) / lasts)))
        self._sung.columns(0, at).lay_over(frame, strength)
        self._layer.columns(at, width).lay_over(frame, strength)


class ShownSign:
    """A sign while it is shown."""

    def __init__(self, sign: Sign, scene: Scene) -> None:
        self._sign, self._scene = sign, scene
        self._now: tuple[str, Layer] | None = None
        if sign.kind == "ticker":
            style = Style(size=0.045, margin=0.0, outline_width=0.0, widest=1e9)
            wide = 40 * scene.height  # wide enough for any text
            self._strip = paint_text([sign.text], style, wide, scene.height)

    def lay_over(self, frame: Picture, number: int) -> None:
        """Draws itself into frame `number`, where it is shown then."""
        if not self._sign.first <= number < self._sign.end:
            return
        time_s = float(number / self._scene.frame_rate)
        if self._sign.kind == "ticker":
            self._lay_ticker(frame, time_s)
        elif self._sign.kind == "clock":
            self._lay_still(frame, f"{int(time_s) // 60:02d}:{int(time_s) % 60:02d}")
        else:
            self._lay_still(frame, self._sign.text)

    def _lay_ticker(self, frame: Picture, time_s: float) -> None:
        tall, wide = self._strip.colour.shape[:2]
        height, width = frame.shape[:2]
        frame[height - tall :] //= 4
        left = width - round(time_s * width / _TICKER_S) % (width + wide)
        part = self._strip.columns(max(0, -left), max(0, min(wide, width - left)))
        replace(part, left=max(0, left), top=height - tall).lay_over(frame)

    def _lay_still(self, frame: Picture, text: str) -> None:
        if self._now is None or self._now[0] != text:
            self._now = text, self._paint(text)
        self._now[1].lay_over(frame)

    def _paint(self, text: str) -> Layer:
        scene = self._scene
        if self._sign.kind == "clock":
            layer = paint_text([text], Style(size=0.05), scene.width, scene.height)
            return replace(layer, left=round(0.05 * scene.height), top=round(0.05 * scene.height))
        style = Style(size=0.11)
        layer = paint_text(layout(text, style, scene.width, scene.height), style, scene.width, scene.height)
        return replace(layer, top=(scene.height - layer.colour.shape[0]) // 2)
