"""Promises of where the lines of a text are found: short ones, those close together, and none beside them."""

from __future__ import annotations

import numpy as np
import pytest
from ipl_extractors.line_boxes import line_boxes
from ipl_extractors.rows import Anchor, Kind
from ipl_extractors.strokes import Mask, contrast, stroke_mask, text_strokes
from PIL import Image, ImageDraw, ImageFont


def test_a_short_line_below_a_long_one_is_a_line() -> None:
    image = Image.new("RGB", (640, 120), (60, 60, 60))
    for number, text in enumerate(["Some very long line with gaps, jumps and quips", "I"]):
        draw = ImageDraw.Draw(image)
        at = (320, 10 + 40 * number)
        draw.text(at, text, font=ImageFont.load_default(size=26), anchor="ma", fill="white")
    boxes = line_boxes(stroke_mask(contrast(np.asarray(image.convert("L")), 30), 30), 30)
    assert len(boxes) == 2
    assert boxes[1].right - boxes[1].left < 60


def test_what_stands_beside_a_line_or_above_it_is_no_part_of_it() -> None:
    strokes = np.zeros((100, 640), bool)
    strokes[60:80, 220:420] = True  # the line, its centre at 320
    strokes[60:80, 450:540] = True  # a logo on the same height
    strokes[20:40, 500:560] = True  # a sign above
    (box,) = line_boxes(strokes, 30, Anchor("centre", 320))
    assert box.left < 220
    assert 420 < box.right < 450
    assert box.top > 40
    assert len(line_boxes(strokes, 30)) == 2
    strokes[60:80, 0:100] = True
    (box,) = line_boxes(strokes, 30, Anchor("left", 220))
    assert 190 < box.left < 220


def test_no_line_reaches_into_a_sign_beside_it() -> None:
    strokes, sign = np.zeros((100, 640), bool), np.zeros((100, 640), bool)
    strokes[60:80, 220:420] = True
    sign[60:80, 424:440] = sign[20:40, 210:220] = True
    (box,) = line_boxes(strokes, 30, Anchor("centre", 320), sign)
    assert (box.left, box.right) == (202, 424)


def two_lines(pitch: int) -> Mask:
    """The strokes of two lines of libass's spacing and a detector's line height of 36."""
    image = Image.new("L", (640, 120), 60)
    font, draw = ImageFont.load_default(size=28), ImageDraw.Draw(image)
    for number, text in enumerate(["Do you, why, jump gently", "to the field that held it"]):
        draw.text((320, 30 + pitch * number), text, font=font, anchor="ma", fill=255, stroke_width=1, stroke_fill=0)
    return stroke_mask(contrast(np.asarray(image), 36), 36)


@pytest.mark.parametrize("rows", [(48.0, 68.0), (48.0, 58.0, 68.0)])
def test_lines_that_stand_close_together_are_two_where_rows_are_known(rows: tuple[float, ...]) -> None:
    upper, lower = line_boxes(two_lines(20), 36, known_rows=rows)
    assert lower.top - upper.top == pytest.approx(20, abs=6)
    assert len(line_boxes(two_lines(20), 36)) == 1, "the valley between them is not deep"


@pytest.mark.parametrize("pitch", [22, 26, 30, 40])
def test_lines_that_stand_apart_are_two_though_no_row_is_known(pitch: int) -> None:
    assert len(line_boxes(two_lines(pitch), 36)) == 2


@pytest.mark.parametrize("height", [21, 22, 23, 36])
def test_a_line_is_one_wherever_rows_are_known(height: int) -> None:
    image = Image.new("L", (640, 120), 60)
    font = ImageFont.load_default(size=28)
    ImageDraw.Draw(image).text((320, 40), "Do you jump, (Billy)?", font=font, anchor="ma", fill=255)
    strokes = stroke_mask(contrast(np.asarray(image), height), height)
    assert len(line_boxes(strokes, height, known_rows=(46.0, 49.0, 52.0, 55.0))) == 1


@pytest.mark.parametrize("kind", ["left", "right"])
def test_a_sign_close_before_lines_is_cut_off_where_these_begin(kind: Kind) -> None:
    lines = np.zeros((100, 400), bool)
    lines[10:30, 100:300:4] = lines[34:54, 100:250:4] = True
    sign = np.zeros_like(lines)
    sign[14:48, 50:94] = True  # no row is free between the lines, as it stands beside both
    sign[40:43, 94:99] = True
    if kind == "right":
        lines, sign = lines[:, ::-1], sign[:, ::-1]
    kept = text_strokes(lines | sign, 30, Anchor(kind, 100 if kind == "left" else 299))
    assert (kept == lines).all()
