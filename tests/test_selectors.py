"""What each selector promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ipl.audio import encode_flac
from ipl.records import Cycle, Utterance
from ipl.registry import Registry, implement
from ipl.schemas import UTTERANCES
from ipl.tables import Dataset, write_table


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("pool")
    for part, start in (("b", 40), ("a", 0)):  # in two files, not in order of utt_id
        rows = [loud(f"utt-{start + i:03d}") for i in range(40)]
        write_table(folder / f"{part}.parquet", rows, UTTERANCES)
    return Dataset.at(folder)


def loud(utt_id: str) -> Utterance:
    audio = encode_flac(np.zeros(8000), 8000)
    return Utterance(utt_id, "s", 0, 1000, audio, 8000, 8000)


def select(name: str, pool: Dataset, seed: int = 1, **options: Any) -> list[str]:
    plugin = Registry().get("selector", name).cls(**options)
    return list(implement("selector", [plugin])(cycle=Cycle(0, "c", seed), pool=pool))


def test_all(pool: Dataset) -> None:
    assert len(set(select("all", pool))) == 80


def test_random_share_differs_by_cycle_and_repeats_by_seed(pool: Dataset) -> None:
    first, again, other = (select("random", pool, seed, share=0.25) for seed in (1, 1, 2))
    assert len(set(first)) == 20
    assert first == again
    assert set(first) != set(other)


def test_range_counts_in_order_of_utt_id(pool: Dataset) -> None:
    assert select("range", pool, start=38, stop=42) == ["utt-038", "utt-039", "utt-040", "utt-041"]
    assert len(select("range", pool)) == 80


def test_budget_never_exceeds_its_hours(pool: Dataset) -> None:
    chosen = select("budget", pool, hours=10.5 / 3600)
    assert len(chosen) == 10
    assert select("budget", pool, hours=1.0, longest_s=0.5) == []


@pytest.mark.parametrize(
    ("name", "options"), [("random", {"share": 0}), ("random", {"share": 2}), ("budget", {"hours": 0})]
)
def test_senseless_options_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Registry().get("selector", name).cls(**options)
