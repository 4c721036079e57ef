"""Language models: probabilities that add up, files that come back, tables that agree, a fused search by the book."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ipl.asr.config import ModelConfig
from ipl.asr.decoding.beam import beam_search
from ipl.asr.decoding.fusion import Fusion
from ipl.asr.lm.arpa import BEGIN, END, UNKNOWN, Ngrams, read_arpa, write_arpa
from ipl.asr.lm.automaton import automaton
from ipl.asr.lm.estimate import estimate
from ipl.asr.models.model import create
from ipl.asr.models.store import save
from ipl.asr.unit_kinds import UnitKind, learn
from ipl.asr.units import Units
from ipl.errors import InputError

sys.path.insert(0, str(Path(__file__).parent))
from helpers_decoding import Prefix, readable_search

UNITS = Units.collect(["ab c"])
texts = st.lists(st.text("ab c", max_size=8), min_size=1, max_size=8)
some_text = st.text("ab c", max_size=8)


def log_probability(ngrams: Ngrams, text: str) -> float:
    """log P(text) in nats, by the book."""
    tokens = (BEGIN, *text, END)
    return sum(ngrams.log10(tokens[:place], tokens[place]) for place in range(1, len(tokens))) * math.log(10)


@settings(deadline=None)
@given(texts, st.integers(1, 5), some_text)
def test_probabilities_add_up_after_every_history(lines: list[str], order: int, history: str) -> None:
    ngrams = estimate(lines, order)
    vocabulary = {token for (*_, token) in ngrams.values} - {BEGIN} | {UNKNOWN}
    for begins in ((BEGIN, *history), tuple(history)):
        assert math.fsum(10 ** ngrams.log10(begins, token) for token in vocabulary) == pytest.approx(1.0)


def test_frequent_continuations_are_probable() -> None:
    ngrams = estimate(["abab", "abac"], 3)
    assert ngrams.log10(("a", "b"), "a") > ngrams.log10(("a", "b"), "c")
    assert log_probability(ngrams, "abab") > log_probability(ngrams, "aabb")
    assert ngrams.values[("b",)][0] == pytest.approx(math.log10((3 + 4 / 5) / (10 + 4)))  # a 4, b 3, c 1, end 2


@settings(deadline=None)
@given(texts, st.integers(1, 4))
def test_a_file_comes_back(tmp_path_factory: pytest.TempPathFactory, lines: list[str], order: int) -> None:
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    ngrams = estimate(lines, order)
    write_arpa(ngrams, path)
    kept = read_arpa(path)
    assert (kept.order, kept.values.keys()) == (order, ngrams.values.keys())
    for ngram, value in kept.values.items():
        assert value == pytest.approx(ngrams.values[ngram], abs=1e-5)


SOUND = "\\data\\\nngram 1=2\n\n\\1-grams:\n-0.5\ta\t-0.1\n-0.5\t</s>\n\n\\end\\\n"


@pytest.mark.parametrize(
    ("contents", "match"),
    [
        ("", "not a whole ARPA file"),
        (SOUND.replace("\\end\\", ""), "not a whole ARPA file"),
        (SOUND.replace("-0.5\ta", "minus\ta"), r"lm\.arpa:5: could not convert"),
        (SOUND.replace("-0.5\ta", "-0.5\ta b c"), r"lm\.arpa:5: found .* 1 tokens"),
    ],
)
def test_a_file_that_is_none_is_told_with_its_line(tmp_path: Path, contents: str, match: str) -> None:
    (tmp_path / "lm.arpa").write_text(contents)
    with pytest.raises(InputError, match=match):
        read_arpa(tmp_path / "lm.arpa")
    with pytest.raises(InputError, match="no language model can be read"):
        read_arpa(tmp_path / "none.arpa")


@settings(deadline=None)
@given(texts, st.integers(1, 5), some_text, st.booleans())
def test_the_tables_say_what_backing_off_says(lines: list[str], order: int, text: str, pruned: bool) -> None:
    ngrams = estimate(lines, order)
    if pruned:  # as other tools do: an n-gram may lack the histories between
        longest = [each for each in ngrams.values if len(each) == order > 2]
        for each in longest[::2]:
            ngrams.values.pop(each)
    known = "".join(each for each in text if (each,) in ngrams.values)
    tables = automaton(ngrams, UNITS) if any((each,) in ngrams.values for each in "ab c") else None
    if tables is not None:
        assert tables.score(UNITS.encode(known)) == pytest.approx(log_probability(ngrams, known), abs=1e-3)


def test_a_character_that_the_model_has_not_seen_is_the_unknown_one() -> None:
    ngrams = estimate(["ab", "ba"], 3)
    tables = automaton(ngrams, Units.collect(["abz"]))
    assert float(tables.scores[tables.start, 3]) == pytest.approx(
        ngrams.log10((BEGIN,), UNKNOWN) * math.log(10), abs=1e-5
    )


def test_models_of_something_else_or_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="none of the recogniser's units"):
        automaton(Ngrams(1, {("word",): (-1.0, 0.0)}), UNITS)
    monkeypatch.setattr("ipl.asr.lm.automaton.LARGEST_BYTES", 1)
    with pytest.raises(InputError, match="lower order"):
        automaton(estimate(["ab"], 2), UNITS)
    with pytest.raises(InputError, match="no text"):
        estimate([], 2)


def fused_search(log_probs: Tensor, beam: int, fusion: Fusion) -> list[tuple[Prefix, float]]:
    """Fused prefix beam search of one utterance [T, V], by the book."""

    def added(prefix: Prefix) -> float:
        return fusion.of_text(prefix) - fusion.weight * ends(prefix)

    def ends(prefix: Prefix) -> float:
        state = fusion.automaton.start
        for unit in prefix:
            state = int(fusion.automaton.following[state, unit])
        return float(fusion.automaton.ends[state])

    scored = [(prefix, score + fusion.of_text(prefix)) for prefix, score in readable_search(log_probs, beam, added)]
    return sorted(scored, key=lambda each: -each[1])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.lists(st.integers(1, 10), min_size=1, max_size=3),
    texts,
    st.integers(1, 4),
    st.floats(0.0, 2.0),
    st.floats(-1.0, 2.0),
    st.integers(1, 8),
)
def test_the_fused_search_is_the_readable_one(
    seed: int, frames: list[int], lines: list[str], order: int, weight: float, bonus: float, beam: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(frames), max(frames), len(UNITS), generator=generator, dtype=torch.float64)
    log_probs, num_frames = (2 * logits).log_softmax(dim=-1), torch.tensor(frames)
    fusion = Fusion(automaton(estimate([*lines, "ab c"], order), UNITS), weight, bonus)
    found = beam_search(log_probs, num_frames, beam, fusion=fusion)
    for one, length, candidates in zip(log_probs, frames, found, strict=True):
        expected = fused_search(one[:length], beam, fusion)
        assert [each.score for each in candidates] == pytest.approx([score for _, score in expected], abs=1e-5)
        assert candidates[0].score == pytest.approx(dict(expected)[tuple(candidates[0].units)], abs=1e-5)


def test_no_weight_and_no_bonus_change_nothing() -> None:
    log_probs = torch.randn(3, 12, len(UNITS), generator=torch.Generator().manual_seed(2)).log_softmax(dim=-1)
    fusion, num_frames = Fusion(automaton(estimate(["ab c"], 2), UNITS), 0.0), torch.tensor([12, 5, 0])
    assert beam_search(log_probs, num_frames, 4, fusion=fusion) == beam_search(log_probs, num_frames, 4)


def test_it_decides_between_what_sounds_alike() -> None:
    log_probs = torch.full((1, 3, len(UNITS)), 0.01)
    log_probs[0, 0, UNITS.encode("a")[0]] = log_probs[0, 2, UNITS.encode("a")[0]] = 0.97
    log_probs[0, 1, UNITS.encode("b")[0]], log_probs[0, 1, UNITS.encode("c")[0]] = 0.48, 0.49
    log_probs = log_probs.log()
    fusion = Fusion(automaton(estimate(["aba", "aba", "aca"], 3), UNITS), 0.5)
    found = [
        UNITS.decode(beam_search(log_probs, torch.tensor([3]), 4, fusion=each)[0][0].units) for each in (None, fusion)
    ]
    assert found == ["aca", "aba"]


@pytest.mark.parametrize("kind", ["bigrams", "sentencepiece"])
def test_longer_units_have_models_of_their_own(tmp_path: Path, kind: UnitKind) -> None:
    lines = ["the cat", "the hat", "a cat sat"]
    units = learn(kind, lines * 9, 30)
    with pytest.raises(InputError, match="is one of characters, and the recogniser writes longer units"):
        automaton(estimate(lines, 3), units)
    save(create(ModelConfig("gru", {"width": 16, "layers": 1}), units, seed=1), tmp_path / "model")
    (tmp_path / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "ipl.asr.lm", "--order", "2", "--units", str(tmp_path / "model")]
    subprocess.run([*command, "--out", str(tmp_path / "o"), str(tmp_path / "a.txt")], check=True, capture_output=True)
    ngrams = read_arpa(tmp_path / "o")
    tables = automaton(ngrams, units)
    tokens = (BEGIN, *units.cut("the cat"), END)
    expected = sum(ngrams.log10(tokens[:place], tokens[place]) for place in range(1, len(tokens))) * math.log(10)
    assert tables.score(units.encode("the cat")) == pytest.approx(expected, rel=1e-4)
    assert tables.score(units.encode("the cat")) > tables.score(units.encode("tac eht"))


def test_the_command_makes_a_model_of_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("It’s a test!\nAnother one.\n", encoding="utf-8")
    command = [sys.executable, "-m", "ipl.asr.lm", "--order", "3", "--out", str(tmp_path / "o")]
    done = subprocess.run([*command, str(tmp_path / "a.txt")], check=True, capture_output=True, text=True)
    assert "of 2 texts" in done.stdout
    assert ("t", "'", "s") in read_arpa(tmp_path / "o").values
    missing = subprocess.run([*command, str(tmp_path / "none")], capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert "none: no text can be read" in missing.stderr
