"""Promises of how readings of displays become texts: pieces of one are joined, what is doubtful is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from ipl_extractors.readings import Merger, Text, Vote


def text(start_ms: int, end_ms: int, said: str | None, score: float = 0.9, where: int = 0) -> Text:
    strokes = np.zeros((8, 64), bool)
    strokes[:, where : where + 16] = True
    readings = () if said is None else (Vote(said, score, end_ms - start_ms),)
    return Text(start_ms, end_ms, readings, np.zeros((8, 64), np.uint8), strokes, strokes.astype(np.uint8) * 200)


def merged(pieces: Sequence[Text]) -> list[Text]:
    merger = Merger(88, 0.95)
    return [*chain.from_iterable(map(merger.push, pieces)), *merger.end()]


def test_pieces_of_one_text_are_joined_and_vote() -> None:
    pieces = [text(0, 400, None), text(400, 800, "Who goes th"), text(800, 1200, "Who goes there?", 0.99),
              text(1200, 1600, "Who goes there?"), text(1600, 2000, "I do.", where=32)]  # fmt: skip
    first, second = merged(pieces)
    assert (first.start_ms, first.end_ms, first.best()[0]) == (0, 1600, "Who goes there?")
    assert second.best() == ("I do.", 0.9)


def test_what_nothing_was_read_of_is_a_piece_of_the_text_before_and_after_it() -> None:
    first, *between = text(0, 400, "- Nobody jumped!"), text(400, 900, None, where=24), text(900, 1300, None, where=40)
    again = text(1300, 2000, "- Nobody jumped!", where=4)
    assert len(merged([first, *between, again])) == 2, "it was gone in between"
    pieces = [first, *(replace(each, contrasts=first.contrasts) for each in between)]
    hardly = [first, replace(between[0], end_ms=500, contrasts=first.contrasts), replace(again, start_ms=500)]
    assert len(merged(hardly)) == 2, "it may have been gone in between"
    (whole,) = merged([*pieces, text(1300, 2000, "dy jumped!", where=4)])
    assert (whole.start_ms, whole.end_ms, whole.best()[0]) == (0, 2000, "dy jumped!")
    for other in (text(1300, 2000, "I do.", where=4), text(1300, 2000, "- Nobody jumped!", where=32)):
        first, second = merged([*pieces, other])
        assert (first.end_ms, second.start_ms) == (400, 1300)
    signs = [text(400 + 300 * n, 700 + 300 * n, None, where=16 + 20 * (n % 2)) for n in range(12)]
    merger = Merger(88, 0.95)
    told = [each.end_ms for piece in [first, *signs] for each in merger.push(piece)]
    assert told == [400], "a text is told before an endless scene ends, and the scene is not kept"
    first, second = merged([*pieces, text(1300, 2000, "I do.", where=44)])
    assert (first.end_ms, second.start_ms) == (400, 900)


def test_a_short_text_is_one_that_is_sure_and_stands_alone() -> None:
    before, after = text(0, 1000, "Who goes there?"), text(1300, 2000, "I do.", where=32)
    assert len(merged([before, text(1000, 1300, "No!", 0.99, where=16), after])) == 3
    assert len(merged([before, text(1000, 1300, "No!", 0.8, where=16), after])) == 2
    twice = text(1000, 1300, "No!", 0.8, where=16)
    twice = replace(twice, readings=(*twice.readings, Vote("No!", 0.7, 0)))
    assert len(merged([before, twice, after])) == 3
    fading = text(1000, 1200, "I d", 0.99, where=34)
    assert [each.best()[0] for each in merged([before, fading, replace(after, start_ms=1200)])] == [
        "Who goes there?",
        "I do.",
    ]
    sign = [text(1000 + 200 * n, 1200 + 200 * n, said, 0.99, 8 * n) for n, said in enumerate(["CAF", "FE", None])]
    assert [each.best()[0] for each in merged([text(0, 900, "Who goes there?"), *sign])] == ["Who goes there?"]


def test_what_shows_in_haste_must_stand_on_the_row_of_all_texts() -> None:
    before, sign = text(0, 1000, "Who goes there?"), replace(text(1200, 1500, "No Park", 0.99, where=16), on_row=False)
    assert len(merged([before, sign])) == 1
    assert len(merged([before, replace(sign, on_row=True)])) == 2
    longer = replace(sign, end_ms=1900)
    assert len(merged([before, longer])) == 2
    assert len(merged([before, longer, text(1900, 2100, None, where=32)])) == 1


def test_a_letter_that_shows_in_haste_is_surely_read() -> None:
    before, after = text(0, 1000, "Who goes there?"), text(1600, 1800, None, where=48)
    for said, score, is_told in [("A", 0.99, True), ("T", 0.8, False), ("No!", 0.8, True)]:
        letter = text(1000, 1600, said, score, where=32)
        assert [each.best()[0] for each in merged([before, letter, after])][1:] == [said] * is_told
    assert len(merged([before, text(1000, 1300, "A", 0.99, where=32)])) == 1
    assert len(merged([before, text(1000, 2000, "T", 0.8, where=32)])) == 2


def test_what_nothing_was_read_of_is_no_piece_of_a_letter_that_it_is_half_of() -> None:
    bar = replace(text(0, 400, None), strokes=text(0, 0, None, where=9).strokes & text(0, 0, None).strokes)
    assert np.count_nonzero(bar.strokes) < 0.5 * np.count_nonzero(text(0, 0, None).strokes)
    (letter,) = merged([bar, text(400, 1400, "X", 0.99)])
    assert letter.start_ms == 400
    (whole,) = merged([bar, text(400, 1400, "Who goes there?", 0.99)])
    assert whole.start_ms == 0


def test_a_short_piece_with_a_part_of_the_text_belongs_to_it() -> None:
    whole = text(1000, 3000, "Who goes there tonight?", where=8)
    (joined,) = merged([text(800, 1000, "oes there tonight?", 0.99, where=30), whole])
    assert (joined.start_ms, joined.end_ms, joined.best()[0]) == (800, 3000, "Who goes there tonight?")
    assert len(merged([text(0, 1000, "goes there", where=30), whole])) == 2


def test_of_pieces_that_read_alike_those_made_of_words_are_asked() -> None:
    over_a_sign = replace(text(0, 2000, None), readings=(Vote("Who goes ther?", 0.9, 2000, 1),))
    (whole,) = merged([over_a_sign, text(2000, 2500, "Who goes there?")])
    assert whole.best()[0] == "Who goes there?"
    name = replace(text(0, 2000, None), readings=(Vote("Tell Nkosi to wait", 0.99, 2000, 1),))
    (whole,) = merged([name, text(2000, 2300, "Tell to wait")])
    assert whole.best()[0] == "Tell Nkosi to wait"


def test_what_puts_a_piece_off_the_anchor_beside_the_words_of_another_is_a_sign() -> None:
    def piece(start_ms: int, end_ms: int, said: str, off_anchor: float) -> Text:
        vote = Vote(said, 0.99, end_ms - start_ms, off_anchor=off_anchor)
        return replace(text(start_ms, end_ms, None), readings=(vote, Vote("Who goes there?", 0.9, 0, 0, off_anchor)))

    for beside in ("Who goes there?BAKERY", "Who goes there?\nBAKERY"):
        (whole,) = merged([piece(0, 2000, beside, 1.7), piece(2000, 2500, "Who goes there?", 0.05)])
        assert whole.best()[0] == "Who goes there?"
    two_lines = "Who goes there?\nIt is me."
    (whole,) = merged([piece(0, 2000, two_lines, 0.1), piece(2000, 2500, "Who goes there?", 0.05)])
    assert whole.best()[0] == two_lines, "all of it stands where lines do"


def test_the_same_line_twice_with_a_gap_is_two_cues() -> None:
    assert len(merged([text(0, 800, "No!"), text(840, 2000, "No!")])) == 2
    assert merged([text(0, 800, None), text(840, 2000, None)]) == []


def test_the_same_line_elsewhere_is_another_text() -> None:
    lower, upper = text(0, 1500, "Who goes there?"), text(1500, 3000, "Who goes there?", where=40)
    assert [(each.start_ms, each.end_ms) for each in merged([lower, upper])] == [(0, 1500), (1500, 3000)]
    drifting = [text(300 * n, 300 * n + 300, "CAFE", where=8 * n) for n in range(6)]
    assert merged(drifting) == []


def test_a_text_that_slowly_grows_is_one() -> None:
    def as_large(start_ms: int, end_ms: int, wider: int) -> Text:
        strokes = np.zeros((8, 64), bool)
        strokes[:, 24 - wider : 40 + wider : 4] = True  # no stroke of one size stands where those of the others do
        return replace(text(start_ms, end_ms, "Who goes there?"), strokes=strokes)

    (whole,) = merged([as_large(0, 900, 0), as_large(900, 1800, 2), as_large(1800, 2700, 4)])
    assert (whole.start_ms, whole.end_ms) == (0, 2700)


def test_a_sign_that_drifts_upwards_and_seems_a_little_wider_is_none() -> None:
    def higher(number: int) -> Text:
        strokes = np.zeros((64, 64), bool)
        strokes[48 - 15 * number : 60 - 15 * number, 20 - number : 40 + number] = True
        return replace(text(700 * number, 700 * number + 700, "CAFE 12"), strokes=strokes)

    assert merged([higher(number) for number in range(3)]) == []


def test_a_text_that_grows_word_by_word_is_one() -> None:
    grown = ["So", "So what", "So what is", "So what is it that", "So what is\nit that you want?"]
    pieces = [text(400 * n, 400 * (n + 1), said, 0.99, where=20 - 4 * n) for n, said in enumerate(grown)]
    (whole,) = merged([*pieces[:-1], replace(pieces[-1], end_ms=5000)])
    assert (whole.start_ms, whole.end_ms, whole.best()[0]) == (0, 5000, grown[-1])
    missed = [*pieces[:2], *pieces[3:]]  # one that was displayed for too short a time to be seen
    (whole,) = merged(missed)
    assert (whole.start_ms, whole.end_ms) == (0, 2000)
    said = [text(0, 300, "你", 0.99), text(300, 600, "你好", 0.99, where=8), text(600, 2000, "你好吗", where=16)]
    (whole,) = merged(said)
    assert (whole.start_ms, whole.best()[0]) == (0, "你好吗")


@pytest.mark.parametrize(
    ("said", "after", "end_ms", "start_ms"),
    [
        ("Well...", "Well... It's late.", 500, 500),
        ("I", "It's late.", 500, 500),
        ("Thank you", "Thank you very much", 1500, 1500),
        ("Thank you.", "Thank you very much.", 700, 1000),
        ("I love you!", "I love you more.", 700, 700),
        ("不行", "不行，我得走了", 1500, 1500),
        ("- Where is he?", "- Where is he?\n- Over there.", 800, 800),
        ("I know", "I know you did it and why", 500, 500),
        ("I know", "I know it", 500, 1000),
    ],
)
def test_what_the_next_text_begins_with_may_be_a_text_of_its_own(
    said: str, after: str, end_ms: int, start_ms: int
) -> None:
    found = merged([text(0, end_ms, said, 0.99), text(start_ms, start_ms + 1600, after, 0.99, where=32)])
    assert [each.best()[0] for each in found] == [said, after]


def test_two_texts_that_are_surely_read_are_two_however_alike() -> None:
    first, second = text(0, 900, "can I copy it,", 0.99), text(900, 1700, "can I put it", 0.99)
    assert [each.best()[0] for each in merged([first, second])] == ["can I copy it,", "can I put it"]
    assert len(merged([first, text(900, 1700, "can I coqy t", 0.8)])) == 1  # misread
    assert len(merged([first, text(900, 1700, "can I copy", 0.99)])) == 1  # cut off


def test_what_has_little_of_a_texts_strokes_is_no_piece_of_it() -> None:
    said = text(400, 1300, "Nobody jumped!")
    sign = np.zeros((8, 64), bool)
    sign[:, 13:17] = True  # 24 of its 32 pixels are the text's, which has 128
    before = replace(text(0, 400, None), strokes=sign)
    (told,) = merged([before, said])
    assert told.start_ms == 400
    (told,) = merged([replace(before, strokes=said.strokes), said])
    assert told.start_ms == 0


def test_a_text_that_fades_slowly_is_one() -> None:
    faint, clear = text(0, 150, "Nobody jumped!"), text(300, 1800, "Nobody jumped!", 0.99)
    assert [(each.start_ms, each.end_ms) for each in merged([faint, clear])] == [(0, 1800)]
    again = [text(2000 * n, 2000 * n + 1900, "Nobody jumped!") for n in range(3)]
    assert len(merged(again)) == 3
