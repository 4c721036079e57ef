"""Text and units: one spelling of each character, ids and back, and what a model has no unit for."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipl.asr.text import TextConfig, normalise
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


def test_units_outlive_a_file(tmp_path: Path) -> None:
    units = Units.collect(["it's été", "今天"])
    units.save(tmp_path / "units.txt")
    assert Units.load(tmp_path / "units.txt") == units


@pytest.mark.parametrize("content", [b"", b"a\nb\n", b"<blank>\nab\n", b"<blank>\na\na\n", b"\xff\xfe"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "units.txt").write_bytes(content)
    with pytest.raises(InputError):
        Units.load(tmp_path / "units.txt")
