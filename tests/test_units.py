"""Text and units: one spelling of each character, ids and back, and what a model has no unit for."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipl.asr.pieces import is_han
from ipl.asr.text import TextConfig, normalise
from ipl.asr.unit_kinds import UnitKind, from_json, learn, to_json
from ipl.asr.units import BLANK, Units
from ipl.errors import InputError


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == unicodedata.normalize("NFC", once)


@given(st.text())
def test_units_of_a_text_write_it_again(text: str) -> None:
    clean = normalise(text)
    units = Units.collect([clean])
    assert units.decode(units.encode(clean)) == clean
    assert BLANK not in units.encode(clean)


def test_accents_and_han_characters_are_letters() -> None:
    # Mboshi writes open vowels with tones as combining accents that have no composed form.
    assert normalise("Wa\u0301 bɛ\u0301 ngɔ\u0301!") == "wá bɛ\u0301 ngɔ\u0301"
    assert normalise("今天，天气很好。") == "今天 天气很好"
    assert normalise("क्या हुआ?") == "क्या हुआ"
    assert normalise("DON’T stop—now\u00ad") == "don't stop now"


def test_options_keep_case_and_punctuation() -> None:
    assert normalise("Well, I  never.", TextConfig(lower_case=False, strip_punctuation=False)) == "Well, I never."


def test_decomposed_and_composed_text_have_the_same_units() -> None:
    units = Units.collect(["e\u0301"])
    assert units == Units.collect(["é"])
    assert units.encode("e\u0301") == units.encode("é") == [1]


def test_a_character_without_unit_is_named() -> None:
    units = Units.collect(["abc"])
    with pytest.raises(InputError, match=r"'z' \(U\+007A\)"):
        units.encode("abz")
    assert units.encode("azbz", drop_unknown=True) == [1, 2]
    assert units.missing("azbz") == ["z", "z"]


HAN_AND_LATIN = st.text(st.sampled_from("今天气你好ab é'"), min_size=1, max_size=30)
KINDS: tuple[UnitKind, ...] = ("characters", "bigrams", "sentencepiece", "mixed")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(learned=st.lists(HAN_AND_LATIN | st.text(max_size=30), min_size=1, max_size=5), text=HAN_AND_LATIN)
def test_every_kind_writes_a_text_again(kind: UnitKind, learned: list[str], text: str) -> None:
    learned = [normalise(each) for each in [*learned, "a"]]
    units = learn(kind, learned, 30)
    for each in learned:
        assert units.decode(units.encode(each)) == each
    unseen = "".join(character for character in normalise(text) if not units.missing(character)).strip()
    unseen = " ".join(unseen.split())
    ids = units.encode(unseen)
    assert units.decode(ids) == unseen
    assert BLANK not in ids
    assert units.tidy(ids) == ids


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_outlives_its_json(kind: UnitKind) -> None:
    units = learn(kind, ["it's été", "今天 it is", "the theme"], 24)
    kept = from_json(json.loads(json.dumps(to_json(units))))
    assert kept == units
    assert hash(kept) == hash(units)
    assert kept.encode("it is 今天") == units.encode("it is 今天")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_unknown_is_named_or_dropped(kind: UnitKind) -> None:
    units = learn(kind, ["the theme"], 24)
    with pytest.raises(InputError, match=r"'z' \(U\+007A\)"):
        units.encode("thze")
    assert units.missing("thzez\u2581") == ["z", "z", "\u2581"]
    assert units.decode(units.encode("thze", drop_unknown=True)) == "the"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_tidy_changes_spaces_alone(kind: UnitKind, data: st.DataObject) -> None:
    units = learn(kind, ["the cat sat", "a cat 今", "the hat"], 16)
    ids = data.draw(st.lists(st.integers(0, len(units) - 1), max_size=12))
    tidied = units.tidy(ids)
    assert units.decode(tidied) == " ".join(units.decode(ids).split())
    assert [each for each in tidied if units.symbols[each] != " "] == [
        each for each in ids if each != BLANK and units.symbols[each] != " "
    ]


def test_bigrams_are_those_of_deep_speech_2() -> None:
    units = learn("bigrams", ["the cat sat", "that"], 100)
    assert units.cut("the cat sat") == ["th", "e", " ", "ca", "t", " ", "sa", "t"]
    assert units.symbols == ("<blank>", " ", *"acehst", "th", "at", "ca", "sa")
    assert learn("bigrams", ["the cat sat", "that"], 8).symbols == ("<blank>", " ", *"acehst", "th")
    assert learn("bigrams", ["the cat sat"], 1).cut("the") == ["t", "h", "e"]


def test_pieces_find_frequent_words_and_keep_to_their_number() -> None:
    nouns = ["cat", "dog", "mat", "log", "house", "mouse", "table", "cable", "garden", "warden"]
    texts = [f"the {first} and the {second}" for first in nouns for second in nouns]
    units = learn("sentencepiece", texts, 40)
    assert len(units) <= 41
    assert units.cut("a cat")[-1] == " cat"
    assert learn("sentencepiece", texts, 40) == units
    assert set(learn("sentencepiece", texts, 1).symbols) == {"<blank>", " ", *"".join(texts)}


def test_mixed_has_chinese_characters_alone_and_pieces_beside() -> None:
    texts = ["今天 play 音乐", "play 今天", "天气now", "play it now", "now play"] * 4
    units = learn("mixed", texts, 20)
    assert units.cut("今天 play") == ["今", "天", " play"]
    assert all(symbol in units.symbols for symbol in "今天音乐气")
    assert not any(is_han(character) for symbol in units.symbols if len(symbol) > 1 for character in symbol)
    assert learn("mixed", ["今天", "天气"], 5).cut("今天气") == ["今", "天", "气"]


@pytest.mark.parametrize(
    ("kept", "what"),
    [
        ([], "the first is"),
        (["a", "b"], "the first is"),
        (["<blank>", "ab"], "'ab' has 2 characters, expected 1 to 1"),
        (["<blank>", "a", "a"], "twice"),
        ({"bigrams": ["<blank>", "abc"]}, "'abc' has 3 characters"),
        ({"sentencepiece": "####"}, "damaged"),
        ({"sentencepiece": "AAAA"}, "not a SentencePiece model"),
        ({"words": []}, "expected a list"),
        ("abc", "expected a list"),
    ],
)
def test_damaged_units_are_refused(kept: object, what: str) -> None:
    with pytest.raises(InputError, match=what):
        from_json(kept)
