"""Initializers: from what the student starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ipl_plugins.initializers import External, Last, Scratch, Teacher

from ipl.asr.models.reference import model_ref
from ipl.asr.models.store import load
from ipl.asr.unit_kinds import UnitKind, learn
from ipl.audio import encode_flac
from ipl.errors import InputError
from ipl.records import Cycle, ModelRef, Utterance
from ipl.registry import Registry
from ipl.schemas import UTTERANCES
from ipl.tables import Dataset, write_table

CYCLE = Cycle(index=1, name="second", seed=17)
SIZES: dict[str, int | float] = {"width": 16, "layers": 1}


def labelled(folder: Path, *texts: str | None) -> Dataset:
    audio = encode_flac(np.zeros(160), 16_000)
    rows = [
        Utterance(f"u{number}", "s", 0, 10, audio, 16_000, 160, text, origin="labelled")
        for number, text in enumerate(texts)
    ]
    write_table(folder / "part-0.parquet", rows, UTTERANCES)
    return Dataset.at(folder)


def test_scratch_collects_units_and_draws_from_the_cycles_seed(tmp_path: Path) -> None:
    data = labelled(tmp_path / "data", "Ba, bá!", None, "it's")
    made = Scratch(sizes=SIZES).initialize(cycle=CYCLE, labelled=data, out_dir=tmp_path / "a")
    assert made == model_ref(tmp_path / "a", cycle=1)
    assert load(made.path).units.symbols == ("<blank>", " ", "'", "a", "b", "i", "s", "t", "á")
    again = Scratch(sizes=SIZES).initialize(cycle=CYCLE, labelled=data, out_dir=tmp_path / "b")
    assert again.fingerprint == made.fingerprint
    other = Scratch(sizes=SIZES).initialize(cycle=Cycle(1, "second", 18), labelled=data, out_dir=tmp_path / "c")
    assert other.fingerprint != made.fingerprint


@pytest.mark.parametrize("kind", ["bigrams", "sentencepiece", "mixed"])
def test_scratch_learns_the_units_that_the_plan_names(tmp_path: Path, kind: UnitKind) -> None:
    data = labelled(tmp_path / "data", "Ba, bá!", "ba bá 天", None)
    made = Scratch(sizes=SIZES, units=kind, num_units=9).initialize(cycle=CYCLE, labelled=data, out_dir=tmp_path / "a")
    assert load(made.path).units == learn(kind, ["ba bá", "ba bá 天"], 9)


def test_scratch_keeps_its_options_in_the_model(tmp_path: Path) -> None:
    plugin = Scratch(
        architecture="gru", sizes=SIZES, lower_case=False, strip_punctuation=False, sample_rate_hz=8_000, num_mels=40,
        normalise="mean",
    )  # fmt: skip
    made = plugin.initialize(cycle=CYCLE, labelled=labelled(tmp_path / "data", "Ba!"), out_dir=tmp_path / "a")
    model = load(made.path)
    assert model.units.symbols == ("<blank>", "!", "B", "a")
    assert model.config.architecture == "gru"
    assert model.config.sizes["width"] == 16
    assert (model.config.features.sample_rate_hz, model.config.features.num_mels) == (8_000, 40)
    assert model.config.features.normalise == "mean"
    assert not model.config.text.lower_case


def test_scratch_needs_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cycle 1 \(second\).*no text"):
        Scratch().initialize(cycle=CYCLE, labelled=labelled(tmp_path / "data", None, "?!", ""), out_dir=tmp_path / "a")


def test_scratch_refuses_what_no_model_can_be() -> None:
    for options, match in [
        ({"architecture": "conf"}, "did you mean 'conv'"),
        ({"sizes": {"layer": 3}}, "did you mean 'layers'"),
        ({"num_mels": 0}, "^num_mels: found 0, expected 8 or more"),
        ({"num_units": 0}, "expected 1 or more"),
    ]:
        with pytest.raises((InputError, ValueError), match=match):
            Scratch(**options)  # type: ignore[arg-type]


def test_teacher_is_this_cycles_teacher() -> None:
    teacher = ModelRef(Path("m"), "f")
    assert Teacher().initialize(cycle=CYCLE, teacher=teacher) is teacher
    with pytest.raises(InputError, match="there is no teacher to start from"):
        Teacher().initialize(cycle=CYCLE, teacher=None)


def test_last_is_the_previous_student_at_its_best() -> None:
    models = [
        ModelRef(Path(str(number)), str(number), cycle, number, error)
        for number, (cycle, error) in enumerate([(0, 0.1), (1, 0.3), (1, 0.5)])
    ]
    assert Last().initialize(cycle=CYCLE, models=models) == models[1]
    assert Last(which="newest").initialize(cycle=CYCLE, models=models) == models[2]
    with pytest.raises(InputError, match="there is no model yet"):
        Last().initialize(cycle=CYCLE, models=[])


def test_external_is_a_folder_with_a_model(tmp_path: Path) -> None:
    made = Scratch(sizes=SIZES).initialize(
        cycle=CYCLE, labelled=labelled(tmp_path / "data", "a"), out_dir=tmp_path / "a"
    )
    assert External(path=made.path).initialize().fingerprint == made.fingerprint
    with pytest.raises(InputError, match="not a model"):
        External(path=tmp_path / "nowhere").initialize()


def test_they_come_by_the_plugins_door() -> None:
    registry = Registry()
    for name in ("external", "last", "scratch", "teacher"):
        assert all(option.meaning for option in registry.get("initializer", name).options)
