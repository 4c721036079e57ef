"""Builders: which model of the pool becomes the teacher."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ipl_plugins.builders import Average, Best, External, Last

from ipl.asr.config import ModelConfig
from ipl.asr.models.model import create
from ipl.asr.models.reference import WEIGHTS_FILE, model_ref
from ipl.asr.models.store import load, read_weights, save
from ipl.asr.units import Units
from ipl.errors import InputError
from ipl.records import Cycle, ModelRef
from ipl.registry import Registry

CYCLE = Cycle(index=2, name="third", seed=1)


def ref(cycle: int, epoch: int, dev_error: float | None) -> ModelRef:
    return ModelRef(Path(f"c{cycle}-e{epoch}"), f"{cycle}/{epoch}", cycle, epoch, dev_error)


POOL = [ref(0, 0, 0.1), ref(0, 1, 0.4), ref(1, 0, 0.5), ref(1, 1, 0.3), ref(1, 2, 0.3), ref(1, 3, None)]


def test_last_is_the_newest_whatever_its_error() -> None:
    assert Last().build(cycle=CYCLE, models=POOL) == POOL[-1]


def test_best_is_of_the_last_cycle_unless_told_otherwise() -> None:
    assert Best().build(cycle=CYCLE, models=POOL) == POOL[4]  # the newer of two equals
    assert Best(of="all").build(cycle=CYCLE, models=POOL) == POOL[0]


def test_an_empty_pool_is_told_and_unmeasured_models_are_taken_newest_first() -> None:
    for plugin in (Last(), Best(), Best(of="all")):
        with pytest.raises(InputError, match=r"cycle 2 \(third\): there is no model yet"):
            plugin.build(cycle=CYCLE, models=[])
    given = [ModelRef(Path(name), name) for name in ("older", "newer")]  # as a plan gives them, never measured
    assert Best().build(cycle=CYCLE, models=given) == given[1]


@pytest.fixture
def trained(tmp_path: Path) -> list[ModelRef]:
    """One model of cycle 0 and three of cycle 1; the second of these is the best, then the first."""
    models = []
    for number, (cycle, error) in enumerate([(0, 0.1), (1, 0.4), (1, 0.2), (1, 0.6)]):
        folder = tmp_path / f"model-{number}"
        save(create(ModelConfig("gru", {"width": 16, "layers": 1}), Units.collect(["ab"]), number), folder)
        models.append(model_ref(folder, cycle, number, error))
    return models


@pytest.mark.parametrize(("of", "chosen"), [("best", (1, 2)), ("newest", (2, 3))])
def test_average_is_the_mean_of_the_last_cycles_checkpoints(
    trained: list[ModelRef], tmp_path: Path, of: str, chosen: tuple[int, int]
) -> None:
    made = Average(count=2, of=of).build(cycle=CYCLE, models=trained, out_dir=tmp_path / "out")  # type: ignore[arg-type]
    assert made == model_ref(tmp_path / "out", cycle=1)
    first, second = (read_weights(trained[place].path / WEIGHTS_FILE) for place in chosen)
    for name, tensor in load(made.path).state_dict().items():
        assert torch.equal(tensor, ((first[name].double() + second[name].double()) / 2).float())


def test_average_takes_what_there_is(trained: list[ModelRef], tmp_path: Path) -> None:
    made = Average(count=50).build(cycle=CYCLE, models=trained, out_dir=tmp_path / "out")
    again = Average(count=3).build(cycle=CYCLE, models=trained, out_dir=tmp_path / "again")
    assert made.fingerprint == again.fingerprint
    with pytest.raises(ValueError, match="count: found 0"):
        Average(count=0)


def test_external_is_a_folder_with_a_model(trained: list[ModelRef], tmp_path: Path) -> None:
    made = External(path=trained[0].path).build()
    assert (made.path, made.fingerprint) == (trained[0].path, trained[0].fingerprint)
    with pytest.raises(InputError, match="not a model"):
        External(path=tmp_path / "nowhere").build()


def test_they_come_by_the_plugins_door() -> None:
    registry = Registry()
    assert {"average", "best", "external", "last"} <= set(registry.names("builder"))
    for name in ("average", "best", "external", "last"):
        assert all(option.meaning for option in registry.get("builder", name).options)
