"""What text readers cost: processor time for a line and for a whole picture: `python benchmarks/text_readers.py`.

Lines are 44 pixels high, of 8 words; pictures are 1280x720 with two such lines. The first call, which loads the engine,
is not counted. A reader that is not installed here is told and left out. Last the same figures as one line of JSON.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ipl.errors import InputError
from ipl.registry import Registry

WORDS = "The weather was fine and nobody knew why", "so they all went down to the harbour"
TIMES = 20
MS = 1000


def main() -> None:
    """Times every text reader that there is."""
    figures: dict[str, dict[str, float]] = {}
    line, picture = painted(1280, 44, WORDS[:1]), painted(1280, 720, WORDS)
    print(f"{'reader':12} {'ms a line':>10} {'ms a picture':>13}")
    for info in Registry():
        if info.role != "text_reader":
            continue
        try:
            read = info.cls().read_text
            figures[info.name] = {"line_ms": cost_ms(read, line, True), "picture_ms": cost_ms(read, picture, False)}
        except InputError as error:
            print(f"{info.name:12} left out: {error}")
            continue
        print(f"{info.name:12} {figures[info.name]['line_ms']:10.0f} {figures[info.name]['picture_ms']:13.0f}")
    print(json.dumps(figures))


def painted(width: int, height: int, lines: Sequence[str]) -> np.ndarray[Any, Any]:
    """A picture of lines of text at its bottom, on grey."""
    image = Image.new("RGB", (width, height), (70, 80, 90))
    font = ImageFont.load_default(32)
    for number, text in enumerate(lines):
        at = (width // 2, height - 44 * (len(lines) - number) + 4)
        ImageDraw.Draw(image).text(at, text, fill="white", font=font, anchor="ma", stroke_width=2, stroke_fill="black")
    return np.asarray(image)


def cost_ms(read: Callable[..., Any], picture: np.ndarray[Any, Any], lines: bool) -> float:
    """Processor time of this process and the programs it started, in milliseconds a picture."""
    read([picture], lines)
    before = processor_seconds()
    read([picture] * TIMES, lines)
    return round(MS * (processor_seconds() - before) / TIMES, 1)


def processor_seconds() -> float:
    """Seconds of processor time spent so far, here and in programs that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
