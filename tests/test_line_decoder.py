"""Promises of how a recogniser's probabilities become a line: its text, its spaces, and what else it may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipl_extractors.ocr.line_decoder import DecodedLine, LineDecoder

from ipl.records import Alternative, Reading

SIGNS = ["blank", "a", "b", "c", ".", " "]
DECODER = LineDecoder(SIGNS, least_space=0.01)


def decoded(*steps: dict[str, float]) -> tuple[DecodedLine, float]:
    """The line of steps, each with the probabilities of some characters; the rest is blank's."""
    probs = np.zeros((1, len(steps), len(SIGNS)), np.float32)
    for step, given_ in enumerate(steps):
        for sign, prob in given_.items():
            probs[0, step, SIGNS.index(sign)] = prob
        probs[0, step, 0] += 1 - sum(given_.values())
    (told,), (line,) = DECODER(probs, True, [1.0], 1.0)
    assert told[0] == line.text
    return line, told[1]


def test_repeats_and_blanks_fall_away() -> None:
    line, score = decoded({"a": 1}, {"a": 1}, {}, {"a": 0.9, "blank": 0.1}, {"b": 1})
    assert line.text == "aab"
    assert line.places == pytest.approx((0.2, 0.7, 0.9))
    assert score == pytest.approx((1 + 0.9 + 1) / 3)


def test_a_space_is_heard_where_the_recogniser_hardly_thinks_of_one() -> None:
    near = decoded({"a": 1}, {" ": 0.011}, {"b": 1})[0]
    assert near.text == "a b"
    assert [(each.start, each.end, each.text) for each in near.alternatives] == [(1, 2, "")]
    far = decoded({"a": 1}, {" ": 0.002}, {"b": 1})[0]
    assert far.text == "ab"
    assert far.alternatives == (Alternative(1, 1, " ", pytest.approx(0.2)),)
    assert decoded({"a": 1}, {" ": 0.5}, {".": 1})[0].text == "a ."  # a space of its own
    assert decoded({"a": 1}, {" ": 0.03}, {".": 1})[0].text == "a."
    assert decoded({"a": 1}, {" ": 0.000001}, {"b": 1})[0].alternatives == ()


def test_what_else_a_letter_may_be_is_told_with_its_odds() -> None:
    line, _ = decoded({"a": 0.6, "b": 0.3}, {}, {"c": 1})
    assert line.text == "ac"
    assert [(each.start, each.end, each.text) for each in line.alternatives] == [(0, 1, "b"), (0, 1, "")]
    assert line.alternatives[0].odds == pytest.approx(0.5)
    assert line.alternatives[1].odds == pytest.approx(0.1 / 0.6)


def test_what_may_be_between_two_letters_is_told() -> None:
    line, _ = decoded({"a": 1}, {"b": 0.2}, {"c": 1}, {".": 0.4})
    assert line.text == "ac"
    assert [(each.start, each.end, each.text) for each in line.alternatives] == [(1, 1, "b"), (2, 2, ".")]
    assert decoded({"a": 1}, {"c": 0.2}, {"c": 1})[0].alternatives == ()  # the same letter, begun earlier


def test_between_two_spaces_there_is_a_character_or_they_are_one() -> None:
    line, _ = decoded({"a": 1}, {" ": 0.3}, {"b": 0.1, "c": 0.03}, {" ": 0.3}, {"c": 1})
    assert line.text == "a b c"
    assert line.scores[2] == pytest.approx(0.1)
    assert [(each.start, each.end, each.text) for each in line.alternatives if each.start == 2] == [(2, 3, "c")]
    assert decoded({"a": 1}, {" ": 0.3}, {}, {" ": 0.3}, {"c": 1})[0].text == "a c"


PROBS = st.lists(st.lists(st.floats(0.001, 1), min_size=len(SIGNS), max_size=len(SIGNS)), min_size=1, max_size=12).map(
    lambda rows: np.array(rows, np.float32) / np.sum(rows, axis=1, keepdims=True).astype(np.float32)
)


@given(PROBS, st.data())
def test_all_that_is_told_fits_the_text(probs: np.ndarray, data: st.DataObject) -> None:
    _, (line,) = DECODER(probs[None], True, [1.0], 1.0)
    assert len(line.text) == len(line.places) == len(line.scores)
    assert "  " not in line.text
    assert all(0 <= score <= 1 for score in line.scores)
    assert all(0 <= each.start <= each.end <= len(line.text) and each.odds > 0 for each in line.alternatives)
    assert all(line.text[each.start : each.end] != each.text for each in line.alternatives)
    start = data.draw(st.integers(0, len(line.text)))
    end = data.draw(st.integers(start, len(line.text)))
    part = Reading(line.text, 1.0, (0, 0, 9, 9), line.places, line.scores, line.alternatives).part(start, end)
    assert part.text == line.text[start:end].strip()
    assert len(part.centres) == len(part.scores) == len(part.text)
    assert all(0 <= each.start <= each.end <= len(part.text) for each in part.alternatives)
