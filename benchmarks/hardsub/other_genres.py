"""Films in the manner of still other things that people watch: old prints, phones, songs, several places at once."""

from __future__ import annotations

from itertools import cycle

import numpy as np
from drawing import BLACK, CHINESE, END_MS, Drawing, Genre, balanced, chunks
from drawn import MEADOW, OFFICE
from ipl_datasets.factory.dialogue import mandarin
from pysubs2 import Alignment, Color

YELLOW, CYAN, GREEN, PALE = Color(255, 230, 0), Color(0, 220, 255), Color(60, 230, 60), Color(250, 240, 160)
WEAVE = ("crop", {"w": "iw-8", "h": "ih-8", "x": "4+2.4*sin(n*1.7)", "y": "4+2.4*cos(n*2.3)", "exact": 1})
GATE = ("pad", {"w": "iw+8", "h": "ih+8", "x": 4, "y": 4})
"""The whole picture, with what is written on it, moves a little from frame to frame."""
GRAIN = ("noise", {"alls": 24, "allf": "t", "all_seed": 7})


def print_(film: Drawing) -> None:
    """Letters on the film itself, which weaves as it runs."""
    film.style(fontsize=film.height / 15, outline=1.5, primarycolor=PALE)
    film.say_all()


def plain(film: Drawing) -> None:
    """White letters with outlines."""
    film.style(fontsize=film.height / 16, outline=2)
    film.say_all()


def phone(film: Drawing) -> None:
    """A wide film on an upright screen: bold letters below it, some words at a time."""
    film.style(bold=True, fontsize=film.height / 26, outline=3, marginv=film.height // 5)
    for line in film.lines:
        for start, end, words in chunks(line, 6):
            film.say(start, end - 40, balanced(" ".join(words), 20))


def lower_thirds(film: Drawing) -> None:
    """Who speaks stands at the left, above the subtitles, for five seconds."""
    look = {"borderstyle": 3, "outline": 6, "outlinecolor": Color(20, 60, 140), "alignment": Alignment.BOTTOM_LEFT}
    film.style("added", bold=True, fontsize=film.height / 20, marginv=film.height // 5, **look)
    for start, name in ((3000, "Maria Oakes"), (21_000, "Dr. Peter Lindqvist"), (44_000, "Sam Okafor")):
        film.add(start, start + 5000, f"{{\\fad(300,300)}}{name}\\NHarbour Museum")
    film.style(fontsize=film.height / 17, outline=2)
    film.say_all()


def colours(film: Drawing) -> None:
    """A colour for each speaker."""
    film.style(fontsize=film.height / 16, outline=2)
    for (start, end, text), colour in zip(film.lines, cycle(["FFFFFF", "00E6FF", "FFDC00", "3CE63C"]), strict=False):
        film.say(start, end - 80, balanced(text), tags=f"{{\\1c&H{colour}&}}")


def two_sizes(film: Drawing) -> None:
    """Mandarin, and smaller English below it."""
    film.style(fontname=CHINESE, fontsize=film.height / 14, outline=2)
    texts = mandarin(np.random.default_rng(31))
    for start, end, text in film.lines:
        above, below = next(texts), " ".join(text.split()[:8])
        film.note(start, end - 80, f"{above}\n{below}")
        small = f"{{\\fnLiberation Sans\\fs{film.height / 24:.0f}}}"
        film.show(start, end - 80, f"{above}\n{small}{below}")


def scattered(film: Drawing) -> None:
    """Each text at a height of its own."""
    film.style(bold=True, fontsize=film.height / 28, outline=3)
    rng = np.random.default_rng(5)
    for line in film.lines:
        for start, end, words in chunks(line, 6):
            y = int(rng.uniform(0.2, 0.85) * film.height)
            film.say(start, end - 40, " ".join(words), tags=f"{{\\an5\\pos({film.width // 2},{y})}}")


def numbers(film: Drawing) -> None:
    """Lines of a number among others."""
    film.style(fontsize=film.height / 14, outline=2)
    counted = cycle(["3", "2", "1", "Go!", "100%", "24/7", "1984", "7:30", "$5.99", "No. 9"])
    for start, end, text in film.lines:
        middle = start + (end - start) // 2
        film.say(start, middle - 40, " ".join(text.split()[:5]))
        film.say(middle, end - 80, next(counted))


def both_ends(film: Drawing) -> None:
    """One speaker above and one below, who talk at once."""
    film.style(fontsize=film.height / 17, outline=2)
    film.style("above", fontsize=film.height / 17, outline=2, alignment=Alignment.TOP_CENTER)
    for number, (start, end, text) in enumerate(film.lines):
        words = " ".join(text.split()[:7])
        if number % 2:
            film.say(start - 700, end - 80, words, "above")
        else:
            film.say(start, end - 80, words)


def switched(film: Drawing) -> None:
    """Mandarin in the first half, English in the second."""
    film.style(fontname=CHINESE, fontsize=film.height / 15, outline=2)
    texts = mandarin(np.random.default_rng(32))
    for start, end, text in film.lines:
        film.say(start, end - 80, next(texts) if start < END_MS // 2 else balanced(text))


def on_a_bar(film: Drawing) -> None:
    """Small letters at the left, on a dark bar as wide as the picture."""
    top = film.height * 5 // 6
    film.bar(0, END_MS, (0, top, film.width, film.height), BLACK)
    look = {"outline": 0, "alignment": Alignment.TOP_LEFT, "marginl": film.width // 20}
    film.style(fontname="Liberation Sans Narrow", fontsize=film.height / 20, **look)
    for start, end, text in film.lines:
        film.say(start, end - 80, balanced(text, 60), tags=f"{{\\pos({film.width // 20},{top + 8})}}")


def cursive(film: Drawing) -> None:
    """Letters as if written by hand."""
    film.style(fontname="Z003", fontsize=film.height / 11, outline=2)
    for line in film.lines:
        for start, end, words in chunks(line, 7):
            film.say(start, end - 60, " ".join(words))


def song(film: Drawing) -> None:
    """Two rows, one at the left and one at the right: when a line is sung the next but one takes its place."""
    film.style(bold=True, fontsize=film.height / 13, outline=3)
    words = [" ".join(text.split()[:5]) for _, _, text in film.lines]
    starts = [start for start, _, _ in film.lines]
    for number, text in enumerate(words[:-2]):
        shown = starts[max(0, number - 1)] + 40
        x = film.width * (1, 11)[number % 2] // 12
        y = film.height * (11, 13)[number % 2] // 15
        film.say(shown, starts[number + 1], text, tags=f"{{\\an{(4, 6)[number % 2]}\\pos({x},{y})}}")


FILMS = (
    Genre("print", print_, OFFICE, 720, 480, 24, brightness=-0.2, after=(WEAVE, GATE, GRAIN)),
    Genre("grain", plain, MEADOW, 854, 480, 25, crf=26, after=(GRAIN,)),
    Genre("phone", phone, MEADOW, 540, 960, 30, is_padded=True),
    Genre("lower-thirds", lower_thirds, OFFICE, 1280, 720, 25),
    Genre("colours", colours, MEADOW, 854, 480, 25),
    Genre("two-sizes", two_sizes, OFFICE, 1280, 720, 24),
    Genre("scattered", scattered, MEADOW, 540, 960, 30),
    Genre("numbers", numbers, MEADOW, 854, 480, 30),
    Genre("both-ends", both_ends, MEADOW, 854, 480, 25),
    Genre("switched", switched, OFFICE, 854, 480, 25),
    Genre("on-a-bar", on_a_bar, MEADOW, 854, 480, 24),
    Genre("cursive", cursive, MEADOW, 1280, 720, 25),
    Genre("song", song, OFFICE, 854, 480, 30),
    Genre("slow", plain, MEADOW, 640, 360, 8, crf=30),
)
