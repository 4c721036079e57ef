"""Still more films in the manner of what people watch, which no one had looked at when the reader was made."""

from __future__ import annotations

from itertools import cycle

import numpy as np
from drawing import BLACK, CHINESE, END_MS, WHITE, Drawing, Genre, balanced, chunks
from drawn import MEADOW, OFFICE
from ipl_datasets.factory.dialogue import mandarin
from pysubs2 import Alignment, Color

RED, NAVY, GREY, PAPER = Color(200, 0, 60), Color(15, 25, 70), Color(148, 148, 148), Color(245, 240, 225)
PURPLE, GREEN = Color(120, 40, 200), Color(30, 150, 70)


def plain(film: Drawing) -> None:
    """White letters with outlines."""
    film.style(fontsize=film.height / 16, outline=film.height / 300)
    film.say_all()


def brief(film: Drawing) -> None:
    """A clip with one line."""
    film.style(fontsize=film.height / 16, outline=2)
    film.say(1200, 4200, "You have to see this!")


def brief_pair(film: Drawing) -> None:
    """A clip with two lines of Mandarin."""
    film.style(fontname=CHINESE, fontsize=film.height / 32, outline=2)
    texts = mandarin(np.random.default_rng(11))
    film.say(400, 2600, next(texts))
    film.say(2680, 5400, next(texts))


def double_outline(film: Drawing) -> None:
    """White letters with a red outline, and a white one around that, as of variety shows."""
    film.style(fontname=CHINESE, bold=True, fontsize=film.height / 11, outline=3, outlinecolor=RED)
    film.style("around", fontname=CHINESE, bold=True, fontsize=film.height / 11, outline=6, outlinecolor=WHITE)
    texts, start, rng = mandarin(np.random.default_rng(12)), 700, np.random.default_rng(3)
    while start < END_MS - 4000:
        text, end = next(texts), start + int(rng.integers(1400, 3000))
        film.note(start, end, text)
        film.show(start, end, text, "around")
        film.show(start, end, text)
        start = end + int(rng.choice([40, 300, 1200]))


def scoreboard(film: Drawing) -> None:
    """A match: the score and a clock above, and what the reporters say below."""
    edge = film.height // 20
    film.bar(0, END_MS, (edge, edge, film.width * 4 // 10, edge * 2 + film.height // 24), NAVY)
    film.style("added", bold=True, fontsize=film.height / 24, outline=0, alignment=Alignment.TOP_LEFT)
    for second in range(60):
        score = f"NORTH {second // 25} - {second // 40} HARBOUR   {71 + second // 60}:{second % 60:02}"
        film.add(1000 * second, 1000 * second + 1000, f"{{\\pos({edge + 8},{edge + 4})}}{score}")
    film.style(fontsize=film.height / 18, outline=2)
    film.say_all()


def lyrics(film: Drawing) -> None:
    """A line of a song in the middle of the picture, which fades in while it rises."""
    film.style(fontname="URW Gothic", fontsize=film.height / 10, outline=0, shadow=2, alignment=Alignment.MIDDLE_CENTER)
    x, y = film.width // 2, film.height // 2
    for start, end, text in film.lines:
        words = " ".join(text.split()[:5])
        film.say(start, end - 80, words, tags=f"{{\\fad(300,200)\\move({x},{y + 20},{x},{y},0,300)}}")


def dim(film: Drawing) -> None:
    """Letters as light as those of a film of high dynamic range are where that is shown as it is stored."""
    film.style(fontsize=film.height / 17, outline=1.5, primarycolor=GREY)
    film.say_all()


def seen_through(film: Drawing) -> None:
    """Letters that let half of the scene through, with dim outlines."""
    look = {"primarycolor": Color(255, 255, 255, 90), "outlinecolor": Color(0, 0, 0, 90)}
    film.style(bold=True, fontsize=film.height / 15, outline=2, **look)
    film.say_all()


def time_code(film: Drawing) -> None:
    """The time of each frame below the subtitles, in a box."""
    film.style("added", fontname="DejaVu Sans Mono", fontsize=film.height / 26, borderstyle=3, outline=3, marginv=6)
    for frame in range(60 * 25):
        text = f"01:02:{frame // 25:02}:{frame % 25:02}"
        film.add(40 * frame, 40 * frame + 40, text)
    film.style(fontsize=film.height / 17, outline=2, marginv=film.height // 9)
    film.say_all()


def slides_in(film: Drawing) -> None:
    """Texts that slide in from below, and stay."""
    film.style(bold=True, fontsize=film.height / 16, outline=2)
    x, y = film.width // 2, film.height - film.height // 20
    for start, end, text in film.lines:
        film.say(start, end - 80, balanced(text), tags=f"{{\\move({x},{y + film.height // 5},{x},{y},0,240)}}")


def small(film: Drawing) -> None:
    """Two long lines of small letters."""
    film.style(fontsize=film.height / 30, outline=1)
    for (start, _, text), (_, end, more) in zip(film.lines[::2], film.lines[1::2], strict=False):
        film.say(start, end - 80, balanced(f"{text} {more}", 50))


def audiogram(film: Drawing) -> None:
    """A square with a voice's waveform, a bar that grows, and dark text in the middle, some words at a time."""
    film.bar(0, END_MS, (0, 0, film.width, film.height), PAPER)
    rng, middle = np.random.default_rng(8), film.width // 2
    for start in range(0, END_MS, 200):
        for bar in range(-8, 8):
            high = int(rng.integers(6, 60))
            left, top = middle + 24 * bar, film.height * 3 // 4
            film.bar(start, start + 200, (left, top - high, left + 12, top + high), PURPLE)
        done = film.width * start // END_MS
        film.bar(start, start + 200, (0, film.height - 14, max(2, done), film.height - 4), GREEN)
    look = {"primarycolor": BLACK, "outline": 0, "alignment": Alignment.MIDDLE_CENTER}
    film.style(fontname="Nimbus Sans", bold=True, fontsize=film.height / 16, **look)
    for line in film.lines:
        for start, end, words in chunks(line, 6):
            film.say(start, end - 40, balanced(" ".join(words), 24))


def dashes(film: Drawing) -> None:
    """Two speakers in one text, a dash before each."""
    film.style(fontname="Liberation Sans Narrow", fontsize=film.height / 16, outline=1.5)
    answers = cycle(["No.", "Why not?", "I see.", "All right, then.", "Oh!"])
    for (start, end, text), answer in zip(film.lines, answers, strict=False):
        film.say(start, end - 80, f"- {' '.join(text.split()[:6])}\n- {answer}")


def rare(film: Drawing) -> None:
    """Four lines in some minutes, of what is said in another language."""
    film.style(fontsize=film.height / 16, outline=2)
    said = "Where were you last night?", "At home, with my brother.", "He says you were not.", "Then he is lying."
    for number, text in enumerate(said):
        film.say(171_000 + 2900 * number, 173_600 + 2900 * number, text)


FILMS = (
    Genre("brief", brief, MEADOW, 854, 480, 30, seconds=6),
    Genre("brief-pair", brief_pair, MEADOW, 540, 960, 30, seconds=6),
    Genre("double-outline", double_outline, MEADOW, 854, 480, 25),
    Genre("scoreboard", scoreboard, MEADOW, 1280, 720, 50),
    Genre("lyrics", lyrics, MEADOW, 1280, 720, 25),
    Genre("dim", dim, OFFICE, 854, 480, 24, brightness=-0.25),
    Genre("seen-through", seen_through, MEADOW, 854, 480, 25),
    Genre("time-code", time_code, OFFICE, 854, 480, 25),
    Genre("slides-in", slides_in, MEADOW, 854, 480, 30),
    Genre("small", small, OFFICE, 1280, 720, 25),
    Genre("audiogram", audiogram, OFFICE, 720, 720, 30),
    Genre("dashes", dashes, MEADOW, 640, 360, 24, crf=30),
    Genre("rare", rare, OFFICE, 640, 360, 24, seconds=360),
    Genre("compressed", plain, MEADOW, 426, 240, 24, crf=36),
)
