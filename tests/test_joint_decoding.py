"""Decoding with CTC and attention, against all texts there are and a search that is plain to read."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ipl.asr.decoding.ctc_prefixes import NEVER, CtcPrefixes
from ipl.asr.decoding.fusion import Fusion
from ipl.asr.decoding.joint import attention_rescore, joint_search
from ipl.asr.decoding.score import Candidate, ctc_score, rescore
from ipl.asr.lm.arpa import read_arpa
from ipl.asr.lm.automaton import automaton
from ipl.asr.models.decoder import AttentionDecoder
from ipl.asr.models.sizes import TransformerSizes
from ipl.asr.units import Units

Prefix = tuple[int, ...]
WIDTH = 8


class Case:
    """A decoder of random weights, drawn large so that it has opinions, and what an encoder might have said."""

    def __init__(self, seed: int, frames: list[int], vocabulary: int, sharpness: float = 2.0) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            sizes = TransformerSizes(width=WIDTH, heads=2, decoder_layers=1)
            self.decoder = AttentionDecoder(vocabulary, sizes).eval()
            with torch.no_grad():
                self.decoder.output.weight *= 6
            self.encoded = torch.randn(len(frames), max(frames), WIDTH)
            logits = torch.randn(len(frames), max(frames), vocabulary, dtype=torch.float64) * sharpness
        self.log_probs, self.num_frames = logits.log_softmax(dim=-1), torch.tensor(frames)

    @cache  # noqa: B019 - a case is thrown away with its test
    def texts(self, place: int) -> dict[Prefix, float]:
        """log P_ctc of every text that has a probability."""
        sums: dict[Prefix, float] = defaultdict(float)
        rows = self.log_probs[place, : self.num_frames[place]].exp().tolist()
        for path in itertools.product(range(self.log_probs.shape[2]), repeat=len(rows)):
            text = tuple(unit for unit, _ in itertools.groupby(path) if unit)
            sums[text] += math.prod(row[unit] for row, unit in zip(rows, path, strict=True))
        return {text: math.log(mass) for text, mass in sums.items() if mass > 0}

    @cache  # noqa: B019
    @torch.inference_mode()
    def next_units(self, place: int, prefix: Prefix) -> list[float]:
        """The decoder's log probabilities of what comes after a prefix."""
        one = slice(place, place + 1)
        log_probs = self.decoder(torch.tensor([[prefix]], dtype=torch.long), self.encoded[one], self.num_frames[one])
        return log_probs[0, 0, -1].tolist()  # type: ignore[no-any-return]

    def said(self, place: int, text: Prefix) -> float:
        """log P_attention of a whole text."""
        return sum(self.next_units(place, text[:n])[(*text, 0)[n]] for n in range(len(text) + 1))

    def search(self, beam: int, weight: float, **more: object) -> list[list[Candidate]]:
        with torch.inference_mode():
            return joint_search(
                self.decoder,
                self.encoded,
                self.log_probs,
                self.num_frames,
                beam,
                weight,
                **more,  # type: ignore[arg-type]
            )


cases = st.builds(
    Case,
    st.integers(0, 2**31),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(2, 4),
    st.floats(0.3, 4),
)


@settings(max_examples=20, deadline=None)
@given(cases, st.integers(0, 5))
def test_prefixes_have_the_probability_of_all_texts_that_begin_so(case: Case, steps: int) -> None:
    prefixes = CtcPrefixes.empty(case.log_probs, case.num_frames, 2)
    generator = torch.Generator().manual_seed(steps)
    texts: list[list[Prefix]] = [[(), ()] for _ in case.num_frames]
    for _ in range(steps):
        parents = torch.randint(2, (len(texts), 2), generator=generator)
        units = torch.randint(1, case.log_probs.shape[2], (len(texts), 2), generator=generator)
        prefixes = prefixes.grow(parents, units)
        texts = [
            [(*of_one[parent], unit) for parent, unit in zip(*row, strict=True)]
            for of_one, *row in zip(texts, parents.tolist(), units.tolist(), strict=True)
        ]
    for place, of_one in enumerate(texts):
        truth = case.texts(place)
        for column, text in enumerate(of_one):
            whole = prefixes.whole()[place, column].exp().item()
            assert whole == pytest.approx(math.exp(truth.get(text, -math.inf)), abs=1e-9)
            for unit in range(1, case.log_probs.shape[2]):
                begun = sum(math.exp(score) for other, score in truth.items() if other[: steps + 1] == (*text, unit))
                assert prefixes.growths()[place, column, unit].exp().item() == pytest.approx(begun, abs=1e-9)


@pytest.mark.parametrize("frames", [1, 700, 3000])
def test_long_audio_costs_no_exactness(frames: int) -> None:
    case = Case(frames, [frames, max(1, frames // 3)], 5, 8.0)
    text = [1 + n % 4 for n in range(frames // 20)]
    prefixes = CtcPrefixes.empty(case.log_probs, case.num_frames, 1)
    for unit in text:
        prefixes = prefixes.grow(torch.zeros(2, 1, dtype=torch.long), torch.full((2, 1), unit))
    assert torch.allclose(prefixes.whole()[:, 0], ctc_score(case.log_probs, case.num_frames, [text] * 2), atol=1e-6)


@settings(max_examples=12, deadline=None)
@given(cases, st.floats(0.05, 0.95), st.integers(1, 4))
def test_a_beam_that_prunes_nothing_finds_the_best_of_all_texts(case: Case, weight: float, n_best: int) -> None:
    found = case.search(81, weight, n_best=n_best)
    for place, candidates in enumerate(found):
        scores = {text: weight * ctc + (1 - weight) * case.said(place, text) for text, ctc in case.texts(place).items()}
        best = sorted(scores.values(), reverse=True)[:n_best]
        assert [each.score for each in candidates[:n_best]] == pytest.approx(best, abs=1e-4)
        for each in candidates:
            assert each.score == pytest.approx(scores[tuple(each.units)], abs=1e-4)
        assert len({tuple(each.units) for each in candidates}) == len(candidates)


def readable_search(case: Case, place: int, beam: int, weight: float) -> list[tuple[Prefix, float]]:
    """The joint beam by the book, for one utterance, to its very end."""
    truth = case.texts(place)
    prefixes: dict[Prefix, float] = {(): 0.0}
    whole: dict[Prefix, float] = {}
    while prefixes:
        grown: dict[Prefix, tuple[float, float]] = {}
        for prefix, said in prefixes.items():
            following = case.next_units(place, prefix)
            if prefix in truth:
                whole[prefix] = weight * truth[prefix] + (1 - weight) * (said + following[0])
            for unit in range(1, len(following)):
                text = (*prefix, unit)
                mass = sum(math.exp(score) for other, score in truth.items() if other[: len(text)] == text)
                if mass > 0:
                    now = said + following[unit]
                    grown[text] = weight * math.log(mass) + (1 - weight) * now, now
        prefixes = {text: grown[text][1] for text in sorted(grown, key=lambda text: -grown[text][0])[:beam]}
    return sorted(whole.items(), key=lambda item: -item[1])[:beam]


@settings(max_examples=20, deadline=None)
@given(cases, st.floats(0.05, 0.95), st.integers(1, 5))
def test_the_batched_search_is_the_readable_one(case: Case, weight: float, beam: int) -> None:
    for place, candidates in enumerate(case.search(beam, weight, n_best=beam)):
        expected = readable_search(case, place, beam, weight)
        assert [each.score for each in candidates] == pytest.approx([score for _, score in expected], abs=1e-4)
        assert [tuple(each.units) for each in candidates] == [text for text, _ in expected]


def test_looking_for_one_text_finds_the_best_of_many() -> None:
    case = Case(3, [60, 7, 31, 1], 6, 1.0)
    one, many = case.search(5, 0.4, n_best=1), case.search(5, 0.4, n_best=5)
    assert [of_one[0] for of_one in one] == [of_one[0] for of_one in many]


def test_utterances_do_not_see_their_neighbours() -> None:
    case = Case(5, [30, 4, 1, 18], 6, 1.5)
    together = case.search(4, 0.5, n_best=4)
    for place, frames in enumerate(case.num_frames.tolist()):
        one = slice(place, place + 1)
        with torch.inference_mode():
            (alone,) = joint_search(
                case.decoder,
                case.encoded[one, :frames],
                case.log_probs[one, :frames],
                case.num_frames[one],
                4,
                0.5,
                n_best=4,
            )
        assert [each.units for each in alone] == [each.units for each in together[place]]
        assert [each.score for each in alone] == pytest.approx([each.score for each in together[place]], abs=1e-4)


def test_no_frames_give_the_empty_text() -> None:
    case = Case(1, [3], 4)
    case.num_frames[:] = 0
    (candidates,) = case.search(3, 0.5)
    assert [each.units for each in candidates] == [[]]


@settings(max_examples=15, deadline=None)
@given(cases, st.floats(0, 1), st.integers(0, 1000))
def test_rescoring_scores_each_text_as_if_it_were_alone(case: Case, weight: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    texts = [
        [list(text) for text in {tuple(text) for text in _draw(case, frames, generator)}] for frames in case.num_frames
    ]
    scored = rescore(case.log_probs, case.num_frames, texts)
    with torch.inference_mode():
        found = attention_rescore(case.decoder, case.encoded, case.num_frames, scored, weight)
    for place, (before, after) in enumerate(zip(scored, found, strict=True)):
        expected = {
            tuple(each.units): weight * each.score + (1 - weight) * case.said(place, tuple(each.units))
            if each.score > NEVER
            else NEVER
            for each in before
        }
        assert {tuple(each.units): each.score for each in after} == pytest.approx(expected, abs=1e-4)
        assert [each.score for each in after] == sorted((each.score for each in after), reverse=True)


def _draw(case: Case, frames: Tensor, generator: torch.Generator) -> list[list[int]]:
    """0 to 3 texts that may fit into so many frames, or not."""
    count = int(torch.randint(4, (), generator=generator))
    lengths = torch.randint(int(frames) // 2 + 2, (count,), generator=generator).tolist()
    return [torch.randint(1, case.log_probs.shape[2], (n,), generator=generator).tolist() for n in lengths]


def test_a_language_model_has_its_say(tmp_path: Path) -> None:
    units = Units.collect(["ab"])
    arpa = "\\data\\\nngram 1=4\n\n\\1-grams:\n-0.1 a\n-2.0 b\n-0.5 </s>\n-99 <s>\n\n\\end\\\n"
    (tmp_path / "lm.arpa").write_text(arpa, encoding="utf-8")
    model = automaton(read_arpa(tmp_path / "lm.arpa"), units)
    for seed, bonus in itertools.product(range(2), (0.0, 1.5)):
        case = Case(seed, [4, 3], len(units), 1.0)
        fusion = Fusion(model, 0.7, bonus)
        for place, candidates in enumerate(case.search(16, 0.4, n_best=3, fusion=fusion)):
            scores = {
                text: 0.4 * ctc + 0.6 * case.said(place, text) + fusion.of_text(text)
                for text, ctc in case.texts(place).items()
            }
            best = sorted(scores, key=lambda text: -scores[text])[:3]
            assert [tuple(each.units) for each in candidates[:3]] == best
            assert [each.score for each in candidates[:3]] == pytest.approx([scores[text] for text in best], abs=1e-3)
