"""Films in the manner of what people watch: television, lectures, animation, social networks; drawn by libass.

What is written is a film's own English captions, or sentences in Mandarin; titles, tickers, slides, signs and credits
are ours, and are no subtitles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
from drawing import BLACK, CHINESE, END_MS, SECONDS, WHITE, Drawing, Genre, balanced, chunks
from drawn import MEADOW, OFFICE, SUBTITLES, displayed, drawn_rows, made_once, write_film
from ipl_datasets.factory.dialogue import mandarin
from pysubs2 import Alignment, Color
from real import films_of_clips
from suite import Made

GREY = Color(40, 40, 40)
YELLOW, CYAN, GREEN = Color(255, 230, 0), Color(0, 255, 255), Color(0, 255, 0)
RED, BLUE, PAPER = Color(200, 20, 40), Color(20, 40, 120), Color(250, 250, 245)
DARK_COLOURS = Color(220, 30, 60), Color(30, 60, 200), Color(20, 120, 60), GREY, Color(160, 30, 160)


def teletext(film: Drawing) -> None:
    """Opaque boxes, a colour for each speaker, letters of one width."""
    for name, colour in (("a", WHITE), ("b", YELLOW), ("c", CYAN), ("d", GREEN)):
        film.style(
            name,
            fontname="DejaVu Sans Mono",
            bold=True,
            fontsize=film.height / 20,
            primarycolor=colour,
            borderstyle=3,
            outline=4,
        )
    for line, name in zip(film.lines, cycle("aabbcad"), strict=False):
        film.say(line[0], line[1] - 80, balanced(line[2], 34), name)


def shorts(film: Drawing) -> None:
    """Some capital words at a time in the middle of an upright picture."""
    film.style(
        fontname="Nimbus Sans",
        bold=True,
        fontsize=film.height / 15,
        outline=5,
        alignment=Alignment.MIDDLE_CENTER,
    )
    for line in film.lines:
        for start, end, words in chunks(line, 3):
            film.say(start, end, " ".join(words).upper())


def active(film: Drawing) -> None:
    """Some words at a time, the one that is spoken in yellow."""
    film.style(bold=True, fontsize=film.height / 18, outline=4, marginv=film.height // 4)
    for line in film.lines:
        for start, end, words in chunks(line, 4):
            text = " ".join(words)
            film.note(start, end, text)
            for spoken, (word_start, word_end, _) in enumerate(chunks((start, end, text), 1)):
                coloured = [*words]
                coloured[spoken] = f"{{\\c&H00E6FF&}}{words[spoken]}{{\\c&HFFFFFF&}}"
                film.show(word_start, word_end, " ".join(coloured))


def pop(film: Drawing) -> None:
    """Some words at a time that swell as they come."""
    film.style(
        fontname="URW Gothic",
        bold=True,
        fontsize=film.height / 17,
        outline=4,
        alignment=Alignment.MIDDLE_CENTER,
        primarycolor=YELLOW,
    )
    for line in film.lines:
        for start, end, words in chunks(line, 4):
            text = " ".join(words)
            film.say(start, end, text, tags="{\\fscx60\\fscy60\\t(0,120,\\fscx100\\fscy100)}")


def anime(film: Drawing) -> None:
    """Thoughts in italics, signs in the scene, a note above."""
    width, height = film.width, film.height
    film.style(fontname="DejaVu Sans", bold=True, fontsize=height / 17)
    film.style("thought", fontname="DejaVu Sans", bold=True, italic=True, fontsize=height / 17)
    film.style("added", fontname="DejaVu Serif", fontsize=height / 18, primarycolor=YELLOW, outlinecolor=BLUE)
    for number, (start, end, text) in enumerate(film.lines):
        film.say(start, end - 40, balanced(text), "thought" if number % 4 == 3 else "said")
    for number, text in enumerate(("SCHOOL GATE", "Class 2-B", "Bakery", "No entry", "Letter from home")):
        start = 7000 + 11_000 * number
        film.add(
            start,
            start + 3400,
            f"{{\\pos({width * (3 + number) // 10},{height * (2 + number % 3) // 6})\\frz{8 * number - 14}}}{text}",
        )
    film.add(30_000, 34_000, "{\\an8}* A shrine maiden serves at a shrine.")


STORIES = (
    "Markets close higher after a quiet day",
    "Heavy rain expected in the north",
    "Council votes on new bridge",
    "Team wins third title in a row",
)
GUESTS = (
    (3000, "Anna Berger", "Media lawyer, Vienna"),
    (25_000, "Tom Okafor", "Founder, Open Archive"),
    (44_000, "Li Wei", "Film maker"),
)


def news(film: Drawing) -> None:
    """A logo, a clock, titles on a bar, a ticker; subtitles above them."""
    width, height = film.width, film.height
    film.style(fontsize=height / 18, marginv=height // 4, borderstyle=3, outline=4, outlinecolor=Color(0, 0, 0, 90))
    film.style("added", outline=0, fontsize=height / 24, bold=True)
    film.style("ticker", outline=0, fontsize=height / 26)
    whole = 0, END_MS
    film.bar(*whole, (0, height * 92 // 100, width, height), BLUE)
    film.add(*whole, f"{{\\an9\\pos({width - 20},16)}}NEWS 9")
    for minute in range(2):
        film.add(60_000 * minute, 60_000 * (minute + 1), f"{{\\an7\\pos(20,16)}}18:{41 + minute}")
    row = height * 94 // 100
    stories = "   +++   ".join(STORIES)
    film.add(*whole, f"{{\\an7\\move({width},{row},{-3 * width},{row})\\q2}}{stories}", "ticker")
    for start, name, title in GUESTS:
        film.bar(start, start + 6000, (width // 20, height * 79 // 100, width * 55 // 100, height * 90 // 100), RED)
        film.add(
            start, start + 6000, f"{{\\an7\\pos({width // 20 + 12},{height * 795 // 1000})}}{name}\\N{{\\b0}}{title}"
        )
    film.say_all()


SLIDES = (
    ("Why share?", "Culture is built on what came before", "Copies cost nothing", "Laws were made for print"),
    ("What changed", "1909: the first act", "1976: all works, at once", "1998: twenty years more"),
    ("Three licences", "Attribution", "Share alike", "No derivatives"),
)


def lecture(film: Drawing) -> None:
    """Slides, and subtitles in a box at their foot."""
    width, height = film.width, film.height
    film.style(fontsize=height / 22, borderstyle=3, outline=4, outlinecolor=Color(0, 0, 0, 60), marginv=height // 40)
    film.style(
        "added",
        fontname="DejaVu Sans",
        outline=0,
        fontsize=height / 17,
        primarycolor=GREY,
        alignment=Alignment.TOP_LEFT,
    )
    for number, (title, *points) in enumerate(SLIDES):
        start, end = 20_000 * number, 20_000 * (number + 1)
        film.bar(start, end, (0, 0, width * 72 // 100, height), PAPER)
        film.add(start, end, f"{{\\pos({width // 20},{height // 12})\\b1\\fs{height // 12}}}{title}")
        for at, point in enumerate(points):
            film.add(start + 5000 * at, end, f"{{\\pos({width // 16},{height * (3 + 2 * at) // 12})}}• {point}")
    for start, end, text in film.lines:
        film.say(start, end, balanced(text, 50))


def letterbox(film: Drawing) -> None:
    """Yellow letters without outlines, the lower line below the picture."""
    width, height = film.width, film.height
    film.bar(0, END_MS, (0, 0, width, height // 8), BLACK)
    film.bar(0, END_MS, (0, height * 7 // 8, width, height), BLACK)
    film.style(fontname="Nimbus Roman", fontsize=height / 17, outline=0, primarycolor=YELLOW, marginv=height // 40)
    film.say_all(34)


def speakers(film: Drawing) -> None:
    """Dashes, names, sounds, notes."""
    film.style(fontname="DejaVu Sans Condensed", fontsize=film.height / 17)
    kinds = ("- {}\n- {}", "ANNA: {}", "[door closes]", "♪ {} ♪", "{}", "{}", "(laughs) {}")
    texts = (text for _, _, text in film.lines)
    for (start, end, _), kind in zip(film.lines, cycle(kinds), strict=False):
        said = [" ".join(next(texts, "Nothing at all.").split()[:6]) for _ in range(kind.count("{}"))]
        film.say(start, end - 80, kind.format(*said))


def variety(film: Drawing) -> None:
    """Letters in many colours with white outlines, one colour a line."""
    for number, colour in enumerate(DARK_COLOURS):
        film.style(
            str(number),
            fontname=CHINESE,
            bold=True,
            fontsize=film.height / 12,
            primarycolor=colour,
            outlinecolor=WHITE,
            outline=film.height / 120,
        )
    texts = mandarin(np.random.default_rng(11))
    for number, ((start, end, _), text) in enumerate(zip(film.lines, texts, strict=False)):
        film.say(start, end - 80, text, str(number % len(DARK_COLOURS)))


def white_box(film: Drawing) -> None:
    """Black letters on white."""
    film.style(
        fontname="Liberation Sans",
        bold=True,
        fontsize=film.height / 20,
        primarycolor=BLACK,
        borderstyle=3,
        outline=6,
        outlinecolor=WHITE,
        marginv=film.height // 5,
    )
    film.say_all(28)


def red_box(film: Drawing) -> None:
    """White letters on red, some words at a time."""
    film.style(
        fontname="Nimbus Sans",
        bold=True,
        fontsize=film.height / 18,
        borderstyle=3,
        outline=8,
        outlinecolor=RED,
        marginv=film.height // 4,
    )
    for line in film.lines:
        for start, end, words in chunks(line, 5):
            film.say(start, end, " ".join(words))


def plain(film: Drawing) -> None:
    """White letters without an outline or a shadow."""
    film.style(fontname="Liberation Sans", fontsize=film.height / 18, outline=0)
    for start, end, text in film.lines:
        film.say(start, end - 120, balanced(text))


def shadowed(film: Drawing) -> None:
    """Thin letters with a shadow, and no outline."""
    film.style(fontname="URW Gothic", fontsize=film.height / 19, outline=0, shadow=2, backcolor=Color(0, 0, 0, 70))
    for start, end, text in film.lines:
        film.say(start, end - 120, balanced(text))


CREDITS = (
    *("Directed by", "Anna Berger", "", "Written by", "Tom Okafor", "Li Wei", "", "Camera", "Jonas Petraitis", ""),
    *("Sound", "Ken Adams", "Rosa Diaz", "", "Music", "The Long Road Band", "", "Thanks to", "The people of Riverside"),
)


def rolled_credits(film: Drawing) -> None:
    """Subtitles, and credits that roll at the end."""
    width, height = film.width, film.height
    film.style(fontsize=height / 17)
    film.style("added", outline=0, fontsize=height / 22)
    for start, end, text in film.lines:
        if end < 42_000:
            film.say(start, end - 80, balanced(text))
    film.bar(44_000, 60_000, (0, 0, width, height), BLACK)
    film.add(44_000, 60_000, f"{{\\an8\\move({width // 2},{height},{width // 2},{-height})}}" + "\\N".join(CREDITS))


def typed(film: Drawing) -> None:
    """Written letter by letter, as games do, over a panel."""
    width, height = film.width, film.height
    film.bar(0, END_MS, (width // 20, height * 72 // 100, width * 95 // 100, height * 97 // 100), BLUE)
    film.style(fontname="DejaVu Sans", fontsize=height / 20, outline=0, alignment=Alignment.TOP_LEFT)
    place = f"{{\\pos({width // 14},{height * 81 // 100})}}"
    for start, end, line in film.lines:
        text = balanced(line, 46)
        film.note(start, end - 100, text)
        written = min((end - 100 - start) * 7 // 10, 40 * len(text))
        times = [start + written * number // len(text) for number in range(len(text))]
        for number, (begin, until) in enumerate(pairwise([*times, end - 100]), start=1):
            film.show(begin, until, place + text[:number])


def live(film: Drawing) -> None:
    """Two rows of capitals that roll up, the lower one written word by word."""
    width, height = film.width, film.height
    film.style(
        fontname="DejaVu Sans Mono", fontsize=height / 17, alignment=Alignment.TOP_LEFT, borderstyle=3, outline=3
    )
    rows: list[list[tuple[int, str]]] = [[]]
    for line in film.lines:
        for start, _, (word,) in chunks(line, 1):
            if sum(len(each) + 1 for _, each in rows[-1]) + len(word) > 30:
                rows.append([])
            rows[-1].append((start, word.upper()))
    upper, lower = (f"{{\\q2\\pos({width // 10},{height * 80 // 100 + down})}}" for down in (0, height // 17 + 8))
    texts = [" ".join(word for _, word in row) for row in rows]
    for number, row in enumerate(rows):
        end = rows[number + 1][0][0] if number + 1 < len(rows) else END_MS
        film.note(row[0][0], end, texts[number])
        if number:
            film.show(row[0][0], end, upper + texts[number - 1])
        for words, ((start, _), (until, _)) in enumerate(pairwise([*row, (end, "")]), start=1):
            film.show(start, until, lower + " ".join(word for _, word in row[:words]))


def places(film: Drawing) -> None:
    """Lines in the middle, at the left and at the right, as their speakers stand."""
    names = "BOTTOM_CENTER", "BOTTOM_LEFT", "BOTTOM_RIGHT"
    for name in names:
        film.style(name, alignment=Alignment[name], fontsize=film.height / 17)
    for (start, end, text), name in zip(film.lines, cycle(names), strict=False):
        film.say(start, end - 80, balanced(text, 38), name)


def sides(film: Drawing) -> None:
    """Two speakers, one at the left in white, one at the right in yellow."""
    film.style("left", alignment=Alignment.BOTTOM_LEFT, fontsize=film.height / 18)
    film.style("right", alignment=Alignment.BOTTOM_RIGHT, fontsize=film.height / 18, primarycolor=YELLOW)
    for (start, end, text), name in zip(film.lines, cycle(("left", "right")), strict=False):
        film.say(start, end - 80, balanced(text, 30), name)


def timecode(film: Drawing) -> None:
    """Frames counted above."""
    film.style(fontsize=film.height / 17)
    film.style("added", fontname="DejaVu Sans Mono", fontsize=film.height / 16, alignment=Alignment.TOP_CENTER)
    for frame in range(END_MS // 40):
        film.add(40 * frame, 40 * frame + 40, f"01:00:{frame // 25:02d}:{frame % 25:02d}")
    film.say_all()


def clock(film: Drawing) -> None:
    """A clock at the right, below."""
    film.style(fontsize=film.height / 17, marginv=film.height // 12)
    film.style("added", fontname="DejaVu Sans Mono", fontsize=film.height / 22, alignment=Alignment.BOTTOM_RIGHT)
    for second in range(SECONDS):
        film.add(1000 * second, 1000 * second + 1000, f"2026-11-29 18:00:{second:02d}")
    film.say_all()


def loud(film: Drawing) -> None:
    """Letters of several sizes."""
    for name, rows in (("usual", 18), ("again", 18), ("loud", 13), ("low", 24)):
        film.style(name, fontsize=film.height / rows, bold=name == "loud")
    for (start, end, text), name in zip(film.lines, cycle(("usual", "again", "loud", "low")), strict=False):
        film.say(start, end - 80, balanced(text, 30), name)


def heights(film: Drawing) -> None:
    """Lines at four heights."""
    film.style()
    for number, (start, end, text) in enumerate(film.lines):
        row = film.height - 30 - (number % 4) * film.height // 14
        film.say(start, end - 80, balanced(text), tags=f"{{\\pos({film.width // 2},{row})}}")


def faded(film: Drawing) -> None:
    """Half a second to come, and half a second to go."""
    film.style(fontname="Liberation Serif", fontsize=film.height / 16, outline=1)
    for start, end, text in film.lines:
        film.say(start, end, balanced(text), tags="{\\fad(500,500)}")


CODE = (
    *("import os", "", "def main(path):", "    with open(path) as file:", "        for line in file:"),
    *("            print(line)", "", "class Reader:", "    def read(self):", "        return self.file.read()", ""),
    *("    def close(self):", "        self.file.close()", "", "reader = Reader()", "reader.close()", "print('done')"),
)


def code(film: Drawing) -> None:
    """A screen of code that scrolls now and then, and subtitles in a box over it."""
    width, height = film.width, film.height
    film.bar(0, END_MS, (0, 0, width, height), GREY)
    film.style("added", fontname="DejaVu Sans Mono", outline=0, fontsize=height / 24, alignment=Alignment.TOP_LEFT)
    for number in range(6):
        place = f"{{\\pos(40,{30 - 8 * number})}}"
        film.add(10_000 * number, 10_000 * (number + 1), place + "\\N".join(CODE))
    film.style(fontsize=height / 18, borderstyle=3, outline=4, outlinecolor=Color(0, 0, 0, 80))
    film.say_all()


FILMS = (
    Genre("teletext", teletext, OFFICE, 720, 576, 25, suffix=".ts"),
    Genre("shorts", shorts, MEADOW, 540, 960, 30),
    Genre("active", active, OFFICE, 540, 960, 30),
    Genre("pop", pop, MEADOW, 540, 960, 30),
    Genre("anime", anime, MEADOW, 1280, 720, 24),
    Genre("news", news, OFFICE, 1280, 720, 25),
    Genre("lecture", lecture, OFFICE, 1280, 720, 25),
    Genre("letterbox", letterbox, MEADOW, 854, 480, 24),
    Genre("speakers", speakers, OFFICE, 854, 480, 24, suffix=".mkv"),
    Genre("variety", variety, MEADOW, 854, 480, 25),
    Genre("white-box", white_box, OFFICE, 540, 960, 30),
    Genre("red-box", red_box, MEADOW, 540, 960, 30),
    Genre("plain", plain, OFFICE, 854, 480, 24, brightness=-0.25),
    Genre("shadowed", shadowed, OFFICE, 1280, 720, 24, brightness=-0.1),
    Genre("tiny", plain, OFFICE, 320, 240, 15, crf=28, brightness=-0.3),
    Genre("credits", rolled_credits, MEADOW, 854, 480, 24),
    Genre("typed", typed, MEADOW, 1280, 720, 30),
    Genre("live", live, OFFICE, 720, 480, 30),
    Genre("places", places, OFFICE, 854, 480, 25),
    Genre("sides", sides, MEADOW, 854, 480, 25),
    Genre("timecode", timecode, OFFICE, 854, 480, 25),
    Genre("clock", clock, OFFICE, 854, 480, 25),
    Genre("loud", loud, MEADOW, 854, 480, 24),
    Genre("heights", heights, OFFICE, 1280, 720, 24),
    Genre("faded", faded, MEADOW, 854, 480, 24),
    Genre("code", code, OFFICE, 1280, 720, 30),
)


def genre_films(films: Sequence[Genre], folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """Makes what is not there yet, and yields all films, or those of some numbers; none where the clips are missing."""
    return films_of_clips(films, folder, only, _made, SUBTITLES)


def _made(film: Genre, path: Path) -> Made:
    path = path.with_suffix(film.suffix)
    drawing = Drawing(film)
    film.draw(drawing)
    recipe = {
        **{name: value for name, value in vars(film).items() if name != "draw"},
        "drawn": drawing.all.to_string("ass"),
    }

    def draw() -> tuple[int, int]:
        subtitles, said = path.with_suffix(".ass"), path.with_suffix(".said.ass")
        drawing.all.save(str(subtitles))
        drawing.without_additions().save(str(said))
        look = {"is_padded": film.is_padded, "after": film.after}
        write_film(film, subtitles, path, brightness=film.brightness, **look)
        return drawn_rows(film, said)

    truth = made_once(path, film, displayed(drawing.said, film.frame_rate), recipe, draw)
    return Made(path, {"genre": film.name}, truth, tuple(truth.recipe["rows"]))
