"""More films in the manner of what people watch, which no one had looked at when the reader was made."""

from __future__ import annotations

import numpy as np
from drawing import BLACK, CHINESE, END_MS, Drawing, Genre, chunks
from drawn import MEADOW, OFFICE
from ipl_datasets.factory.dialogue import mandarin
from pysubs2 import Alignment, Color
from real_styled import TONGUES

INK, GREY = Color(20, 20, 20), Color(200, 200, 200)
YELLOW, CREAM, PINK = Color(255, 220, 0), Color(255, 255, 160), Color(255, 80, 180)


def flying_comments(film: Drawing) -> None:
    """Comments of viewers that fly across the upper half, in Mandarin; subtitles below."""
    film.style(fontsize=film.height / 15, outline=2)
    film.style("added", fontname=CHINESE, fontsize=film.height / 20, outline=1, alignment=Alignment.TOP_LEFT)
    rng, comments = np.random.default_rng(5), mandarin(np.random.default_rng(9))
    for _ in range(60):
        start, row = int(rng.integers(0, 55_000)), int(rng.integers(0, 7)) * film.height // 20
        film.add(start, start + 6000, f"{{\\move({film.width},{row},{-film.width // 2},{row})}}{next(comments)}")
    film.say_all()


def ruby(film: Drawing) -> None:
    """Japanese with small letters above that say how it is read."""
    height = film.height
    film.style(fontname=CHINESE, fontsize=height / 12, outline=2)
    film.style("added", fontname=CHINESE, fontsize=height / 30, outline=1)
    above = f"{{\\an2\\pos({film.width // 2 - 60},{height - 24 - height // 12})}}きのう　あした"
    for number, text in enumerate(TONGUES["ja"]):
        start, end = 600 + 2900 * number, 3200 + 2900 * number
        film.say(start, end, text.split("\n")[0])
        film.add(start, end, above)


def three_lines(film: Drawing) -> None:
    """Texts of three lines."""
    film.style(fontsize=film.height / 18, outline=1.5)
    for (start, _, text), (_, end, more) in zip(film.lines[::2], film.lines[1::2], strict=False):
        words = [*text.split(), *more.split()]
        third = len(words) // 3
        parts = words[:third], words[third : 2 * third], words[2 * third :]
        film.say(start, end - 80, "\n".join(map(" ".join, parts)))


def watermark(film: Drawing) -> None:
    """Large pale letters across the middle of the picture, always."""
    film.style(fontsize=film.height / 16, outline=2)
    pale = Color(255, 255, 255, 170)
    film.style("added", fontsize=film.height / 8, outline=0, primarycolor=pale, alignment=Alignment.MIDDLE_CENTER)
    film.add(0, END_MS, "SAMPLE COPY")
    film.say_all()


def emotive(film: Drawing) -> None:
    """Mandarin in several colours, some letters larger than the others."""
    film.style(fontname=CHINESE, bold=True, fontsize=film.height / 10, outline=4)
    rng, texts, start = np.random.default_rng(1), mandarin(np.random.default_rng(4)), 500
    while start < END_MS - 3000:
        text, end = next(texts), start + int(rng.integers(1200, 2600))
        at = len(text) // 2
        large, usual = f"{{\\c&HFF60FF&\\fs{film.height // 8}}}", f"{{\\c&HFFFFFF&\\fs{film.height // 10}}}"
        film.note(start, end, text)
        film.show(start, end, f"{{\\c&H00FFFF&}}{text[:at]}{large}{text[at : at + 2]}{usual}{text[at + 2 :]}")
        start = end + int(rng.choice([0, 200, 900]))


def below(film: Drawing) -> None:
    """Small grey letters without outlines on the lower bar of a letterbox."""
    for top, bottom in ((0, film.height * 14 // 100), (film.height * 86 // 100, film.height)):
        film.bar(0, END_MS, (0, top, film.width, bottom), BLACK)
    film.style(fontsize=film.height / 22, outline=0, marginv=film.height // 40, primarycolor=GREY)
    film.say_all(60)


def glow(film: Drawing) -> None:
    """White letters that glow pink."""
    film.style(fontname="URW Gothic", bold=True, fontsize=film.height / 14, outline=3, outlinecolor=PINK)
    film.say_all(30, "{\\blur6}")


def yellow_box(film: Drawing) -> None:
    """Four dark words at a time in a yellow box."""
    look = {"outlinecolor": YELLOW, "primarycolor": INK, "borderstyle": 3, "outline": 6}
    film.style(fontname="Nimbus Sans", bold=True, fontsize=film.height / 20, marginv=film.height // 6, **look)
    for line in film.lines:
        for start, end, words in chunks(line, 4):
            film.say(start, end - 40, " ".join(words))


def zoomed(film: Drawing) -> None:
    """Texts that slowly grow."""
    film.style(bold=True, fontsize=film.height / 14, outline=3)
    film.say_all(30, "{\\fscx92\\fscy92\\t(\\fscx108\\fscy108)}")


def plain(film: Drawing) -> None:
    """White letters with outlines."""
    film.style(fontsize=film.height / 18, outline=film.height / 360)
    film.say_all()


def italics(film: Drawing) -> None:
    """Thin slanting letters of a pale yellow."""
    film.style(fontname="Liberation Serif", italic=True, fontsize=film.height / 20, outline=1, primarycolor=CREAM)
    film.say_all()


def corner(film: Drawing) -> None:
    """Lines that end at the right."""
    film.style(fontsize=film.height / 24, outline=1, alignment=Alignment.BOTTOM_RIGHT, marginr=20)
    film.say_all(34)


FILMS = (
    Genre("flying-comments", flying_comments, OFFICE, 854, 480, 25),
    Genre("ruby", ruby, MEADOW, 854, 480, 24),
    Genre("three-lines", three_lines, OFFICE, 854, 480, 25),
    Genre("watermark", watermark, MEADOW, 854, 480, 25),
    Genre("emotive", emotive, OFFICE, 1280, 720, 25),
    Genre("below", below, MEADOW, 1280, 720, 24),
    Genre("glow", glow, OFFICE, 854, 480, 25),
    Genre("yellow-box", yellow_box, MEADOW, 540, 960, 30),
    Genre("zoomed", zoomed, OFFICE, 854, 480, 25),
    Genre("large", plain, MEADOW, 3840, 2160, 24, crf=26),
    Genre("italics", italics, OFFICE, 854, 480, 24, crf=30),
    Genre("corner", corner, MEADOW, 854, 480, 24),
)
