"""Promises of letters without outlines: they are told from the scene, whole, however light it is and becomes."""

from __future__ import annotations

import numpy as np
import pytest
from ipl_extractors.band_frame import Look
from ipl_extractors.crops import line_crop
from ipl_extractors.following import follow
from ipl_extractors.lettering import lettering
from ipl_extractors.outlines import cast, rim
from ipl_extractors.rows import Anchor
from PIL import Image, ImageDraw, ImageFont

from ipl.mining.media import Box

FONT = ImageFont.load_default(size=28)
TEXT = "Who goes there?"
LOOK = Look(30, Anchor("left", 40), bare=True)


def picture(
    light: int, outline: int = 0, shadow: int = 0, fill: int = 255, dark: int = 60, phase: float = 0
) -> np.ndarray:
    """A text over a scene that is dark at the left and as `light` at the right, with soft waves, uint8 [70, 360]."""
    x = np.arange(360)
    scene = dark + (light - dark) * np.clip((x - 90) / 120, 0, 1) + 6 * np.sin(x / 19 + phase)
    image = Image.fromarray(np.tile(scene.astype(np.uint8), (70, 1)))
    draw = ImageDraw.Draw(image)
    if shadow:
        draw.text((40 + shadow, 16 + shadow), TEXT, font=FONT, fill=20)
    draw.text((40, 16), TEXT, font=FONT, fill=fill, stroke_width=outline, stroke_fill=0)
    return np.array(image)


def ink() -> np.ndarray:
    image = Image.new("L", (360, 70))
    ImageDraw.Draw(image).text((40, 16), TEXT, font=FONT, fill=255)
    return np.array(image) > 200


@pytest.mark.parametrize("light", [150, 190])
def test_outlines_are_seen_beside_letters_where_the_scene_is_light(light: int) -> None:
    assert 0.8 < rim(picture(light), 30).darker < 1.0
    assert rim(picture(light, outline=1), 30).darker > 1.2
    assert rim(picture(light, outline=3), 30).darker > 1.5
    assert rim(picture(60), 30).num_pixels == 0  # a dark scene does not tell


def test_a_shadow_lies_to_one_side() -> None:
    assert cast(picture(190, shadow=2), 30) > 0.15
    assert cast(picture(190, outline=2), 30) < 0.08
    assert cast(picture(235, fill=20, dark=235), 30) < 0.08


@pytest.mark.parametrize(
    ("given", "bare", "dark"),
    [
        (picture(190), True, False),
        (picture(190, outline=2), False, False),
        (picture(200, shadow=2, dark=190), True, False),
        (picture(235, fill=20, dark=235), False, True),
    ],
)
def test_the_band_tells_what_its_letters_are_like(given: np.ndarray, bare: bool, dark: bool) -> None:
    found = lettering([np.repeat(given[10:56, 30:, None], 3, axis=2)], 30)
    assert (found.bare, found.dark) == (bare, dark)


def test_they_are_followed_whole_while_the_scene_behind_them_changes() -> None:
    scenes = [60 + 4 * min(number, 35) for number in range(50)]  # from dark to light
    frames = [(40.0 * n, picture(light, phase=n / 3)) for n, light in enumerate(scenes)]
    (display,) = follow(frames, LOOK)
    assert (display.start_ms, display.end_ms) == (0, 2000)
    assert np.count_nonzero(display.strokes & ink()) > 0.8 * np.count_nonzero(ink())


def test_nothing_of_them_is_painted_over() -> None:
    display = next(follow([(40.0 * n, picture(215, phase=n / 3)) for n in range(30)], LOOK))
    crop = line_crop(display, Box(20, 4, 340, 66), LOOK)
    columns = np.flatnonzero(ink().any(axis=0)) - 20
    assert crop.extent == pytest.approx((columns[0], columns[-1] + 1), abs=4)
