"""Promises of what words say of a doubtful line: a word is read and no mistake, and what was surely read stays."""

from __future__ import annotations

import numpy as np
import pytest
import wordfreq
from hypothesis import given
from hypothesis import strategies as st
from ipl_extractors.lexicon import Lexicon
from ipl_extractors.wording import worded

from ipl.records import Alternative, Reading

ENGLISH = "She walked home. The doctor waited near another house. Nobody saw the river again."
TURKISH = "Çocuklar dün okula gittiler. Öğretmen yarın sabah gelecek. Güneş doğarken çıktık ve nereye gitti bilmiyoruz."
MANDARIN = "我们在学校门口等了很长时间"
GERMAN = "Sie ging nach Hause. Der Arzt wartete vor dem anderen Haus. Niemand sah den Fluss wieder."


def lexicon(*texts: str) -> Lexicon:
    found = Lexicon()
    found.learn(map(reading, texts))
    return found


def reading(text: str, *others: tuple[str, str, float], score: float = 0.6, at: int = 0) -> Reading:
    """A line in which, for each of `others`, a piece (from `at` on) may be something else, with such odds."""
    alternatives = [
        Alternative(text.index(was, at), text.index(was, at) + len(was), may_be, odds) for was, may_be, odds in others
    ]
    doubtful = {at for each in alternatives for at in range(each.start, each.end)}
    scores = tuple(score if at in doubtful else 1.0 for at in range(len(text)))
    mean = sum(scores) / len(scores)
    return Reading(text, mean, (0, 0, 9, 9), tuple(map(float, range(len(text)))), scores, tuple(alternatives))


@pytest.mark.parametrize(
    ("doubtful", "meant"),
    [
        (reading("Her sailor slept egain?", ("eg", "ag", 0.1)), "Her sailor slept again?"),
        (reading("Θur strange dog", ("Θ", "O", 0.05)), "Our strange dog"),
        (reading("the dog w aited", (" a", "a", 0.2)), "the dog waited"),
        (reading("Quicklyshe walked home", ("", " ", 0.005), at=7), "Quickly she walked home"),
        (reading("The chid slept", ("hi", "hil", 0.1)), "The child slept"),
        (reading("在学校门加买了票", ("加", "口", 0.05)), "在学校门口买了票"),
        (reading("一只自色的鸟", ("自", "白", 0.05)), "一只白色的鸟"),
    ],
)
def test_a_word_is_read_where_the_picture_allows_it(doubtful: Reading, meant: str) -> None:
    found = worded(doubtful, lexicon(ENGLISH, MANDARIN))
    assert found.text == meant
    assert len(found.centres) == len(found.scores) == len(meant)
    assert min(found.scores) < 0.5  # by the picture alone it is not what it is likely to be
    assert found.score == doubtful.score


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("She laug hed again", "She laughed again"),
        ("What we ve seen, you re told", "What we've seen, you're told"),
        ("Bot h walked home", "Both walked home"),
        ("She saw a live river in New York", "She saw a live river in New York"),
        ("Nobody saw Oka for there", "Nobody saw Oka for there"),  # it may be his name
        ("No 12 b", "No 12 b"),
    ],
)
def test_a_space_in_what_is_a_word_without_it_was_none(read: str, meant: str) -> None:
    sure = reading(read)
    found = worded(sure, lexicon(ENGLISH))
    assert found.text == meant
    assert len(found.centres) == len(found.scores) == len(meant)
    assert worded(sure, Lexicon("ko")).text == read, "where words are not known all stays as it is"


@pytest.mark.parametrize(
    "line",
    [
        reading("Captain Okafor slept"),  # a name, surely read
        reading("Mrs. Whitfield came", ("hitf", "hit f", 0.1)),  # and one that might be two words
        reading("We met Mara there", ("a t", "e t", 0.001)),
        reading("Her boat came", ("b", "c", 0.3)),  # both are words: the picture decides
        reading("I?", ("I", "1", 0.2), ("?", "？", 0.04)),
    ],
)
def test_what_the_picture_tells_stays(line: Reading) -> None:
    assert worded(line, lexicon(ENGLISH)).text == line.text


def test_a_word_of_one_letter_is_left_out_only_if_it_is_none() -> None:
    words = Lexicon("lt")
    assert worded(reading("Rytoj važiuosime į Vilnių", ("į", "", 0.4)), words).text == "Rytoj važiuosime į Vilnių"
    assert worded(reading("Rytoj važiuosime ʒ Vilnių", ("ʒ", "", 0.4)), words).text == "Rytoj važiuosime Vilnių"


def test_short_words_that_many_languages_have_tell_none() -> None:
    # Mboshi, which has no list: half of its words are Vietnamese ones too, a third of its letters.
    assert lexicon("wa edzésá la mó", "ipia lá wa ó", "la tsina mó abvua lá").num_unknown("wa ábhémbi") == 0


def test_the_language_is_told_by_the_words() -> None:
    line = reading("das ist night", ("ig", "ic", 0.3))
    assert worded(line, lexicon(GERMAN)).text == "das ist nicht"
    assert worded(line, lexicon(ENGLISH)).text == "das ist night"
    assert worded(reading("Seni yarin ararım.", ("ri", "rı", 0.3)), lexicon(TURKISH)).text == "Seni yarın ararım."


@pytest.mark.parametrize(
    ("language", "num_unknown"),
    [
        ("de-AT", 0),
        ("ger", 0),
        ("en", 3),
        ("no", 3),
        ("sw", 0),
        ("zh-Hant", 0),
        ("german", 0),
        (None, 0),
    ],
)
def test_a_language_that_is_known_need_not_be_told(language: str | None, num_unknown: int) -> None:
    assert Lexicon(language).num_unknown("Niemand nirgends Fluss") == num_unknown


@pytest.mark.parametrize(("language", "num_unknown"), [("bg", 0), ("sr", 0), ("sr-Latn", 0)])
def test_a_list_in_another_script_tells_nothing(language: str, num_unknown: int) -> None:
    assert Lexicon(language).num_unknown("Никой Нищо") == num_unknown


def test_words_of_the_video_count_where_no_list_has_them() -> None:
    mboshi = ["wa", "adi", "la", "obela", "bea", "asi", "ingo", "mwengere", "okondzi", "lekyere"]
    line = reading("okondri adi", ("ri", "zi", 0.2))
    assert worded(line, lexicon(*mboshi)).text == "okondri adi"  # read but once, it might be a mistake itself
    assert worded(line, lexicon(*mboshi, *mboshi)).text == "okondzi adi"


def test_words_whose_vowels_are_marks_are_words() -> None:
    hindi = lexicon("मैं अपने घर जा रहा हूँ", "वह कल नहीं आया था", "यह बहुत अच्छा है")
    assert hindi.num_unknown("वह घर जा रहा है") == 0
    assert hindi.num_unknown("वह घरक्ष जा") == 1


def test_a_language_is_known_however_many_words_were_read() -> None:
    words, shares = zip(*wordfreq.get_frequency_dict("en", "small").items(), strict=True)
    rng = np.random.default_rng(17)
    read = rng.choice(words, 40_000, p=np.array(shares) / sum(shares))
    line = reading("her sailorunbuttoned it", ("", " ", 0.05), at=10)
    assert worded(line, lexicon(*(" ".join(read[at : at + 8]) for at in range(0, len(read), 8)))).text != line.text


def test_words_that_nobody_knows_stay_apart() -> None:
    mboshi = lexicon("mwana asangi mboka nde atangi", "wa adi la obela bea asi ingo")
    assert worded(reading("mwana asangi", (" ", "", 0.9)), mboshi).text == "mwana asangi"
    assert worded(reading("the wug blicked", ("g b", "gb", 0.3)), lexicon(ENGLISH)).text == "the wug blicked"


def test_traditional_chinese_is_not_made_simplified() -> None:
    line = reading("在學校門口", ("學", "学", 0.5))
    assert worded(line, lexicon("我們在學校門口等了很長時間", "這個週末醫生買了兩張電影票")).text == line.text
    simplified = ["我们在学校门口等了很长时间", "这个周末医生买了两张电影票", "优の良品"]
    assert worded(reading("在学校门加", ("加", "口", 0.05)), lexicon(*simplified)).text == "在学校门口"


def test_what_may_be_two_words_is_not_learnt_as_one() -> None:
    doubtful = reading("the dogwaited", ("", " ", 0.05), at=7)
    twice = lexicon(ENGLISH)
    twice.learn([doubtful, doubtful])
    assert worded(doubtful, twice).text == "the dog waited"


def test_a_turkish_capital_is_the_letter_that_it_is() -> None:
    assert lexicon(TURKISH, "İstanbul çok güzel").num_unknown("İstanbul güzel") == 0


def test_no_text_wins_by_being_shorter() -> None:
    line = reading("三点钟小王听见有人唱歌", ("三", "", 0.1))
    assert worded(line, lexicon(ENGLISH)).text == line.text


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    text = draw(st.text("ab c门口1?", min_size=0, max_size=8).map(str.strip))
    places = st.tuples(st.integers(0, len(text)), st.integers(0, 2))
    alternatives = [
        Alternative(start, min(len(text), start + length), draw(st.text("ab门 ", max_size=2)), draw(st.floats(0.02, 2)))
        for start, length in draw(st.lists(places, max_size=8))
    ]
    scores = tuple(draw(st.floats(0, 1)) for _ in text)
    mean = sum(scores) / max(1, len(scores))
    return Reading(text, mean, (0, 0, 9, 9), tuple(map(float, range(len(text)))), scores, tuple(alternatives))


@given(readings())
def test_all_that_is_known_of_a_line_still_fits_it(line: Reading) -> None:
    found = worded(line, lexicon(ENGLISH))
    assert len(found.centres) == len(found.scores) == len(found.text)
    assert found.text == found.text.strip()
    assert found.score == line.score
    assert all(0 <= score <= 1.0001 for score in found.scores)
    if not line.alternatives:
        assert found == line
