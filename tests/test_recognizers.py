"""The recognizer `ctc`: every utterance gets its hypothesis, and the right one; none is lost, none fails a shard."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ipl_plugins.recognizers import Ctc

import ipl
from ipl.asr import features
from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.decoding.score import ctc_score
from ipl.asr.lm.arpa import write_arpa
from ipl.asr.lm.estimate import estimate
from ipl.asr.metrics import character_errors
from ipl.asr.models.model import create
from ipl.asr.models.reference import model_ref
from ipl.asr.models.store import load, save
from ipl.asr.recognition import UNHEARD
from ipl.asr.unit_kinds import UnitKind, learn
from ipl.asr.units import Units
from ipl.audio import encode_flac
from ipl.errors import InputError, StageError
from ipl.records import Hypothesis, ModelRef, Utterance
from ipl.registry import Registry
from ipl.schemas import HYPOTHESES
from ipl.tables import Table, enforce, to_batch, write_table
from ipl.testing import small_dataset

TONES_HZ = {"a": 500, "b": 1000, "c": 2000, " ": 4000}


def sing(text: str, rate: int = 16_000) -> np.ndarray:
    """A language that a small model learns in seconds: each character is a tone of 120 ms."""
    seconds = np.arange(rate * 120 // 1000) / rate
    tones = [0.3 * np.sin(2 * math.pi * TONES_HZ[each] * seconds) * np.hanning(len(seconds)) for each in text]
    return np.concatenate(tones) if tones else np.zeros(0)


def utterance(utt_id: str, text: str, rate: int = 16_000) -> Utterance:
    samples = sing(text, rate)
    audio = encode_flac(samples, rate)
    return Utterance(utt_id, utt_id, 0, len(samples) * 1000 // rate, audio, rate, len(samples))


def texts(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    words = ["abc", "ab", "cab", "bca", "acb", "ca"]
    return [" ".join(rng.choices(words, k=rng.randint(1, 4))) for _ in range(count)]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    return taught(tmp_path_factory.mktemp("teacher"), Units.collect(["abc "]))


def taught(folder: Path, units: Units, steps: int = 60) -> ModelRef:
    config = ModelConfig("conv", {"width": 32, "layers": 2, "dropout": 0.0}, FeatureConfig(num_mels=40))
    model = create(config, units, seed=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    examples = [(features.compute(torch.from_numpy(sing(each)), config.features), each) for each in texts(24, seed=0)]
    padded, num_frames = features.pad([each for each, _ in examples])
    targets = [units.encode(text) for _, text in examples]
    lengths = torch.tensor([len(each) for each in targets])
    flat = torch.tensor([unit for each in targets for unit in each])
    for _ in range(steps):
        log_probs, out_frames = model(padded, num_frames)
        loss = torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), flat, out_frames, lengths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    save(model, folder)
    return model_ref(folder)


def recognize(utterances: list[Utterance], teacher: ModelRef, plugin: Ctc | None = None) -> dict[str, Hypothesis]:
    found = list((plugin or Ctc()).recognize(utterances=utterances, teacher=teacher))
    assert len(found) == len(utterances)
    enforce(to_batch(found, HYPOTHESES), HYPOTHESES)
    return {each.utt_id: each for each in found}


@pytest.mark.parametrize("beam", [1, 4])
def test_it_writes_what_is_said(teacher: ModelRef, beam: int) -> None:
    said = {f"u{number}": text for number, text in enumerate(texts(12, seed=9))}
    found = recognize([utterance(*each) for each in said.items()], teacher, Ctc(beam=beam))
    assert {utt_id: each.text for utt_id, each in found.items()} == said
    assert all(each.teacher == teacher.fingerprint for each in found.values())
    assert found["u0"].duration_ms == 120 * len(said["u0"])
    assert found["u0"].num_units == len(said["u0"])


@pytest.mark.parametrize("kind", ["bigrams", "sentencepiece"])
def test_it_writes_in_longer_units_with_a_language_model_of_them(tmp_path: Path, kind: UnitKind) -> None:
    units = learn(kind, texts(60, seed=0), 16)
    teacher = taught(tmp_path / "teacher", units, steps=160)
    write_arpa(estimate(map(units.cut, texts(60, seed=0)), 2), tmp_path / "lm.arpa")
    said = {f"u{number}": text for number, text in enumerate(texts(12, seed=0))}
    rows = [utterance(*each) for each in said.items()]
    for plugin in (Ctc(beam=1), Ctc(n_best=3), Ctc(language_model=tmp_path / "lm.arpa", lm_weight=0.1)):
        found = recognize(rows, teacher, plugin)
        wrong = sum(character_errors(said[utt_id], each.text).errors for utt_id, each in found.items())
        assert wrong / sum(map(len, said.values())) < 0.3
        assert all(len({text for text, _ in each.alternatives}) == len(each.alternatives) for each in found.values())


def test_audio_of_another_rate_is_understood(teacher: ModelRef) -> None:
    assert recognize([utterance("u", "abc cab", rate=44_100)], teacher)["u"].text == "abc cab"


def test_the_score_is_the_exact_log_probability_per_unit(teacher: ModelRef) -> None:
    one = utterance("u", "abc ca")
    found = recognize([one], teacher, Ctc(beam=16, n_best=3))["u"]
    model = load(teacher.path)
    with torch.inference_mode():
        heard = features.compute(features.read_samples(one.audio, model.config.features), model.config.features)
        log_probs, num_frames = model(*features.pad([heard]))
    for text, score in found.alternatives:
        units = model.units.encode(text)
        exact = ctc_score(log_probs, num_frames, [units]).item() / (len(units) + 1)
        assert score == pytest.approx(exact, abs=1e-6)
    assert found.alternatives[0] == (found.text, found.score)
    assert len({text for text, _ in found.alternatives}) == len(found.alternatives) == 3
    assert recognize([one], teacher, Ctc(beam=4))["u"].alternatives == ()


def test_order_changes_nothing_and_neighbours_next_to_nothing(teacher: ModelRef) -> None:
    utterances = [utterance(f"u{number}", text) for number, text in enumerate(texts(10, seed=4))]
    together = recognize(utterances, teacher, Ctc(batch_seconds=5))
    assert recognize(utterances[::-1], teacher, Ctc(batch_seconds=5)) == together
    for each in utterances:
        alone = recognize([each], teacher)[each.utt_id]
        assert alone.text == together[each.utt_id].text
        assert alone.score == pytest.approx(together[each.utt_id].score, abs=1e-4)


def test_what_cannot_be_heard_is_empty_and_told(teacher: ModelRef, capsys: pytest.CaptureFixture[str]) -> None:
    sound = utterance("sound", "abc")
    unheard = [
        utterance("empty", ""),
        replace(sound, utt_id="garbage", audio=b"not audio"),
        replace(sound, utt_id="nothing", audio=b""),
        replace(sound, utt_id="cut", audio=sound.audio[:60]),
        replace(sound, utt_id="short", audio=encode_flac(np.zeros(100), 16_000), num_samples=100),
        replace(sound, utt_id="no-rate", audio=b"", sample_rate_hz=0, num_samples=0),
    ]
    found = recognize([sound, *unheard], teacher)
    assert found.pop("sound").text == "abc"
    assert {(each.text, each.score, each.num_units) for each in found.values()} == {("", UNHEARD, 0)}
    told = capsys.readouterr().err
    assert "garbage" in told
    assert "nothing" in told
    assert "cut" in told
    assert recognize(unheard, teacher).keys() == found.keys()  # a batch of nothing else


def test_no_utterances_give_no_hypotheses(teacher: ModelRef) -> None:
    assert recognize([], teacher) == {}


def test_a_teacher_that_gives_no_numbers_is_told(teacher: ModelRef, tmp_path: Path) -> None:
    model = load(teacher.path)
    model.output.bias.data[0] = torch.nan
    save(model, tmp_path)
    with pytest.raises(StageError, match="the model gives no numbers"):
        recognize([utterance("u", "a")], model_ref(tmp_path))


def test_a_missing_teacher_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        recognize([utterance("u", "a")], ModelRef(tmp_path / "gone", "0"))


@pytest.mark.parametrize(
    "options",
    [
        {"beam": 0},
        {"n_best": 0},
        {"batch_seconds": 0.0},
        {"beam": 2, "n_best": 3},
        {"decode": "greedy", "n_best": 2},
        {"ctc_weight": 0.0},
        {"ctc_weight": 1.0},
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Ctc(**options)


def test_it_comes_by_the_plugins_door() -> None:
    info = Registry().get("recognizer", "ctc")
    assert info.cls is Ctc
    assert all(option.meaning for option in info.options)


def test_a_language_model_has_its_say_and_the_score_is_still_the_teacher_s(teacher: ModelRef, tmp_path: Path) -> None:
    write_arpa(estimate(["ab"] * 50, 3), tmp_path / "lm.arpa")
    one = utterance("u", "abc")
    without = recognize([one], teacher, Ctc(beam=8))["u"]
    found = recognize([one], teacher, Ctc(beam=8, language_model=tmp_path / "lm.arpa", lm_weight=20.0))["u"]
    assert (without.text, found.text) == ("abc", "ab")
    model = load(teacher.path)
    with torch.inference_mode():
        heard = features.compute(features.read_samples(one.audio, model.config.features), model.config.features)
        exact = ctc_score(*model(*features.pad([heard])), [model.units.encode("ab")]).item() / 3
    assert found.score == pytest.approx(exact, abs=1e-6)
    weightless = Ctc(beam=8, language_model=tmp_path / "lm.arpa", lm_weight=0.0)
    assert recognize([one], teacher, weightless)["u"] == without


def test_a_language_model_is_a_path_beside_the_plan_and_wants_a_beam(tmp_path: Path) -> None:
    small_dataset(tmp_path / "d")
    lines = [
        "name: p",
        "data: {labelled: d, dev: d, pool: d}",
        "defaults: {recognizer: {use: ctc, language_model: lm.arpa}}",
        "cycles: [{selector: none}, {}]",
    ]
    (tmp_path / "cycles.yaml").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=r"language_model: no file is at .*lm\.arpa"):
        ipl.check(tmp_path / "cycles.yaml")
    write_arpa(estimate(["ab"], 1), tmp_path / "lm.arpa")
    cycle = ipl.check(tmp_path / "cycles.yaml").cycles[1]
    assert cycle.roles["recognizer"].make().language_model == tmp_path / "lm.arpa"
    with pytest.raises(InputError, match=r"expected 2 or more for a language_model"):
        ipl.check(tmp_path / "cycles.yaml", ["defaults.recognizer.beam=1"])


@pytest.mark.parametrize("beam", [1, 4])
def test_words_come_when_they_are_sung(teacher: ModelRef, beam: int) -> None:
    text = "abc cab ab"
    utterances = [utterance("u", text), utterance("v", "ca"), utterance("empty", "")]
    found = recognize(utterances, teacher, Ctc(beam=beam, words=True))
    words = found["u"].words
    assert [each.text for each in words] == text.split()
    assert [each.start_ms for each in words] == pytest.approx([0, 480, 960], abs=60)  # 120 ms a character
    assert [each.end_ms for each in words] == pytest.approx([360, 840, 1200], abs=120)
    assert all(0.5 < each.confidence <= 1 for each in words)
    assert [each.text for each in found["v"].words] == ["ca"]
    assert found["empty"].words == ()
    plain = recognize(utterances, teacher, Ctc(beam=beam))
    assert plain == {utt_id: replace(each, words=()) for utt_id, each in found.items()}


def test_words_come_back_from_their_table(teacher: ModelRef, tmp_path: Path) -> None:
    found = list(Ctc(words=True).recognize(utterances=[utterance("u", "ab c")], teacher=teacher))
    write_table(tmp_path / "part-0.parquet", found, HYPOTHESES)
    (read,) = Table.of_hypotheses(tmp_path)
    assert [(each.text, each.start_ms) for each in read.words] == [(e.text, e.start_ms) for e in found[0].words]
    assert [each.confidence for each in read.words] == pytest.approx([each.confidence for each in found[0].words])
