"""Promises of displays that something cut in two: they are one text, read once, and none of its lines is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from ipl_extractors import band_track
from ipl_extractors.band_frame import Look
from ipl_extractors.display import Display
from ipl_extractors.pieces import are_pieces, join
from ipl_extractors.readings import Text
from ipl_extractors.strokes import Mask, contrast, stroke_mask
from PIL import Image, ImageDraw, ImageFont

from ipl.records import Reading

LOOK = Look(28)
FONT = ImageFont.load_default(size=26)
LINES = (("Nobody came to the house", 10, 230), ("and saw the river", 50, 230))


def shown(start_ms: float, end_ms: float, *lines: tuple[str, int, int]) -> Display:
    """A display of lines (text, top, luma) over grey, [100, 400]."""
    image = Image.new("L", (400, 100), 60)
    for text, top, luma in lines:
        ImageDraw.Draw(image).text((200, top), text, font=FONT, anchor="ma", fill=luma, stroke_width=3, stroke_fill=0)
    luma = np.array(image)
    stands_out = contrast(luma, LOOK.line_height)
    strokes = stroke_mask(stands_out, LOOK.line_height)
    return Display(start_ms, end_ms, strokes, luma, luma, stands_out, stands_out)


def read(displays: Sequence[Display], monkeypatch: pytest.MonkeyPatch) -> tuple[list[Text], int]:
    """The texts of these displays, and how many lines were read for them. Each line says where it stands."""

    class Shows:
        always_on: Mask = np.zeros((1, 1), bool)

        def __init__(self, look: Look) -> None: ...

        def push(self, time_ms: float, picture: np.ndarray) -> Iterator[Display]:
            yield from displays

        def end(self) -> Iterator[Display]:
            yield from ()

    calls = []

    def read_text(crops: Sequence[np.ndarray], is_line: bool) -> list[list[Reading]]:
        calls.extend(crops)
        return [[Reading("saw" if crop.shape[1] < 300 else "Nobody", 0.99, (0, 0, 0, 0))] for crop in crops]

    monkeypatch.setattr(band_track, "Follower", Shows)
    track = band_track.BandTrack(LOOK, [], read_text, min_score=0.7, sure_score=0.95, same_text=88)
    return [*track.push(0, np.zeros((1, 1), np.uint8)), *track.end()], len(calls)


def test_pieces_of_a_text_whose_colour_changes_are_read_once_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = pieces = [
        shown(1000 * n, 1000 * n + 1000, (LINES[0][0], 10, luma), LINES[1]) for n, luma in enumerate((230, 160, 230))
    ]
    second = replace(second, before=first.late, after=third.early)  # beside it, its second line stays as it is
    found, calls = read([replace(first, after=second.early), second, replace(third, before=second.late)], monkeypatch)
    assert [(each.start_ms, each.end_ms, each.best()[0]) for each in found] == [(0, 3000, "Nobody\nsaw")]
    assert calls == len(LINES)
    assert are_pieces(*pieces[:2], LOOK)


def test_displays_with_other_letters_or_time_between_them_are_no_pieces() -> None:
    one = shown(0, 1000, *LINES)
    other = shown(1000, 2000, ("Nobody found an old coat", 10, 230), ("or lost a bridge", 50, 230))
    assert are_pieces(one, shown(1000, 2000, *LINES), LOOK)
    assert not are_pieces(one, other, LOOK)
    assert not are_pieces(one, shown(1000, 2000, LINES[0]), LOOK)
    assert not are_pieces(shown(0, 1000, LINES[0]), shown(1000, 2000, *LINES), LOOK)
    assert not are_pieces(one, shown(1040, 2000, *LINES), LOOK)


def test_a_text_that_a_short_line_comes_to_or_goes_from_is_another() -> None:
    alone, more = (LINES[0],), (LINES[0], ("Go on!", 50, 230))
    assert not are_pieces(shown(0, 1000, *alone), shown(1000, 3000, *more), LOOK)
    assert not are_pieces(shown(0, 1000, *more), shown(1000, 3000, *alone), LOOK)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("is_crossed_first", [False, True])
def test_what_is_behind_the_longer_piece_only_falls_away(dark: bool, is_crossed_first: bool) -> None:
    clean, crossed = shown(0, 1000, *LINES), shown(0, 2000, *LINES)
    sign = np.zeros_like(clean.strokes)
    sign[85:95, 20:60] = True
    stack, early, late = (
        np.where(sign, 255, each).astype(np.uint8) for each in (crossed.stack, crossed.early, crossed.late)
    )
    crossed = replace(crossed, strokes=crossed.strokes | sign, stack=stack, early=early, late=late)
    if dark:
        clean, crossed = (replace(each, stack=255 - each.stack) for each in (clean, crossed))
    first, second = (crossed, clean) if is_crossed_first else (clean, crossed)
    second = replace(second, start_ms=first.end_ms, end_ms=3000, after=clean.early)
    joined = join(replace(first, before=crossed.late), second, dark)
    assert (joined.start_ms, joined.end_ms) == (0, 3000)
    assert joined.before is crossed.late
    assert joined.after is clean.early
    assert joined.early is first.early
    assert joined.late is second.late
    assert np.array_equal(joined.strokes, clean.strokes)
    assert np.array_equal(joined.stack, clean.stack)


def test_letters_that_a_short_piece_has_no_strokes_of_stay() -> None:
    clean, spoilt = shown(0, 3000, *LINES), shown(3000, 3300, *LINES)
    strokes = spoilt.strokes.copy()
    strokes[:, 250:] = False  # what is behind them is nearly as bright, and they stand out a little less
    spoilt = replace(spoilt, strokes=strokes, early=np.where(strokes, spoilt.early, spoilt.early // 4 * 3))
    assert np.array_equal(join(clean, spoilt, False).strokes, clean.strokes)
