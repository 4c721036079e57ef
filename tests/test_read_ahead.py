"""Promises of reading ahead: the same readings, sooner; errors come to whoever asks, and nothing is left behind."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ipl_extractors.band_frame import Look
from ipl_extractors.read_ahead import MOST_EXPECTED, reading_ahead
from ipl_extractors.reading import BandReader

from ipl.records import Reading

sys.path.insert(0, str(Path(__file__).parent))
from helpers_reading import NOTHING, display, drawn


class Reader:
    """Says how large a picture is; keeps what it was asked, and in which thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, bool | None]] = []
        self.threads: set[str] = set()
        self.go = threading.Event()
        self.go.set()

    def __call__(self, pictures: Sequence[Any], lines: bool | None) -> list[list[Reading]]:
        self.go.wait(10)
        self.calls.append((len(pictures), lines))
        self.threads.add(threading.current_thread().name)
        if any(picture.max() == 255 for picture in pictures):
            raise ValueError("blinded")
        return [[Reading(str(picture.sum()), 1.0, (0, 0, 1, 1))] for picture in pictures]


def picture(number: int) -> np.ndarray[Any, Any]:
    return np.full((4, 5, 3), number, np.uint8)


def always(found: Sequence[Reading]) -> bool:
    return True


def test_what_was_expected_is_not_read_again_and_all_is_in_order() -> None:
    reader = Reader()
    with reading_ahead(reader) as ahead:
        for number in (1, 2, 1):
            ahead.expect([picture(number)], always)
        found = ahead([picture(number) for number in (3, 2, 4, 1, 1)], True)
        assert [each.text for (each,) in found] == [str(60 * number) for number in (3, 2, 4, 1, 1)]
        assert reader.calls == [(1, True), (1, True), (3, True)], "twice the same is read once ahead, asked for twice"
        ahead.expect([picture(1)], always)
        ahead([picture(1)], None)
        ahead([picture(1)[:, :4]], True)
    assert reader.calls[3:] == [(1, True), (1, None), (1, True)], "of another shape, or looked for, it is another call"
    assert len(reader.threads) == 1
    assert not any(thread.name.startswith("read-ahead") for thread in threading.enumerate())


def test_of_a_line_another_picture_is_read_if_the_one_before_will_not_do() -> None:
    reader = Reader()
    with reading_ahead(reader) as ahead:
        ahead.expect([picture(1), picture(2), picture(3)], lambda found: found[0].text == "120")
        found = [ahead([picture(number)], True)[0][0].text for number in (1, 2)]
        assert found == ["60", "120"]
        assert len(reader.calls) == 2, "both were read ahead, and the third not at all"
        ahead([picture(3)], True)
    assert len(reader.calls) == 3


def test_expecting_does_not_wait() -> None:
    reader = Reader()
    reader.go.clear()
    with reading_ahead(reader) as ahead:
        ahead.expect([picture(1)], always)
        assert reader.calls == []
        reader.go.set()
        assert len(ahead([picture(1)], True)) == 1


def test_an_error_comes_to_who_asks_and_what_nobody_asks_for_is_forgotten() -> None:
    reader = Reader()
    with reading_ahead(reader) as ahead:
        ahead.expect([picture(255)], always)
        assert len(ahead([picture(1)], True)) == 1
        with pytest.raises(ValueError, match="blinded"):
            ahead([picture(255)], True)
        reader.go.clear()
        for height in (1, 2):
            for number in range(250):
                ahead.expect([picture(number)[:height]], always)
        assert len(ahead._expected) == MOST_EXPECTED
        reader.go.set()


def test_lines_are_read_ahead_as_they_are_read_then() -> None:
    """All that the band's reader expects is what it asks for where no logo turns up."""
    look = Look(28)
    reader = Reader()
    texts = ["Nobody came to the house", "We saw the river again", "Both fell and jumped"]
    shown = [display(drawn((text, 200, 34)), look, 1000.0 * number) for number, text in enumerate(texts)]
    with reading_ahead(reader) as ahead:
        band = BandReader(look, ahead, 0.7, 0.95)
        for each in shown:
            band.take(each, NOTHING)
        asked = list(ahead._expected)
        assert len(asked) == len(texts)
        assert len(list(band.read(NOTHING))) == len(texts)
        assert not ahead._expected
    assert reader.calls[: len(texts)] == [(1, True)] * len(texts)
