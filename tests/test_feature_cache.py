"""Caches of features: they give back what was put in, or nothing, and keep to their room."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ipl.asr.config import FeatureConfig
from ipl.schemas import UTTERANCES
from ipl.tables import Dataset, Location, write_table
from ipl.training.feature_cache import DiskCache, MemoryCache, of_file

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import RATE, utterances

CONFIG = FeatureConfig(sample_rate_hz=RATE, num_mels=40)
SPEEDS = (0.9, 1.0, 1.1)
LARGE = 1 << 30


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "part-0.parquet"
    write_table(path, utterances(70, seed=0), UTTERANCES)  # more than two row groups
    return path


def places(data: Path) -> list[tuple[Location, int]]:
    """Each utterance, and how many frames it has at speed 1."""
    found = Dataset.at(data).locate("num_samples")
    return [(where, (row["num_samples"] - RATE // 40) * 100 // RATE + 1) for where, row in found]


def made(number: int, frames: int) -> Tensor:
    return torch.randn(frames, 40, generator=torch.Generator().manual_seed(number)).half()


def test_a_disk_gives_back_what_was_put_in_to_others_too(tmp_path: Path, data: Path) -> None:
    cache, other = (DiskCache(tmp_path / "cache", CONFIG, SPEEDS, LARGE) for _ in range(2))
    for number, (where, frames) in enumerate(places(data)):
        for speed in range(3):
            assert cache.get(where, speed) is None
            cache.put(where, speed, made(3 * number + speed, int(frames / SPEEDS[speed])))
    for number, (where, frames) in enumerate(places(data)):
        for speed in range(3):
            kept = other.get(where, speed)
            assert kept is not None
            assert torch.equal(kept, made(3 * number + speed, int(frames / SPEEDS[speed])))
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_other_features_speeds_or_data_have_other_files(tmp_path: Path, data: Path) -> None:
    where, frames = places(data)[0]
    caches = [
        DiskCache(tmp_path, CONFIG, SPEEDS, LARGE),
        DiskCache(tmp_path, CONFIG, (1.0,), LARGE),
        DiskCache(tmp_path, FeatureConfig(sample_rate_hz=RATE, num_mels=40, normalise="mean"), SPEEDS, LARGE),
    ]
    for number, cache in enumerate(caches):
        assert cache.get(where, 0) is None
        cache.put(where, 0, made(number, frames))
    changed = tmp_path / "changed" / "part-0.parquet"
    write_table(changed, utterances(70, seed=1), UTTERANCES)
    assert caches[0].get(Location(changed, 0, 0), 0) is None
    moved = tmp_path / "moved.parquet"
    os.link(data, moved)
    kept = caches[0].get(Location(moved, 0, 0), 0)
    assert kept is not None
    assert torch.equal(kept, made(0, frames))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_damage_is_noticed(tmp_path_factory: pytest.TempPathFactory, data: Path, draw: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = DiskCache(folder, CONFIG, SPEEDS, LARGE)
    where, frames = places(data)[0]
    cache.put(where, 0, made(1, frames))
    (file,) = folder.iterdir()
    contents = bytearray(file.read_bytes())
    contents[draw.draw(st.integers(0, 7 + frames * 80))] ^= draw.draw(st.integers(1, 255))
    file.write_bytes(contents)
    assert cache.get(where, 0) is None
    file.write_bytes(contents[: draw.draw(st.integers(0, 7 + frames * 80))])  # cut short
    assert cache.get(where, 0) is None


def test_what_does_not_fit_its_slot_is_not_kept(tmp_path: Path, data: Path) -> None:
    cache = DiskCache(tmp_path, CONFIG, SPEEDS, LARGE)
    (first, frames), (second, more) = places(data)[:2]
    cache.put(second, 0, made(2, more))
    cache.put(first, 2, made(1, frames * 3))
    cache.put(first, 1, made(1, 0))
    assert cache.get(first, 2) is cache.get(first, 1) is None
    kept = cache.get(second, 0)
    assert kept is not None
    assert torch.equal(kept, made(2, more))


def test_a_disk_cache_keeps_to_its_room_and_says_so_once(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = DiskCache(tmp_path, CONFIG, SPEEDS, 1000)
    for where, frames in places(data)[:5]:
        cache.put(where, 0, made(1, frames))
        assert cache.get(where, 0) is None
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err.count("raise cache_mb") == 1


def test_memory_keeps_no_more_than_its_budget() -> None:
    cache = MemoryCache(100)
    where = [Location(Path("a"), 0, row) for row in range(5)]
    for each in where:
        cache.put(each, 0, torch.zeros(5, 4, dtype=torch.half))
    assert [cache.get(each, 0) is not None for each in where] == [True, True, False, False, False]
    assert cache.get(where[0], 1) is None


def _fill(arguments: tuple[Path, Path]) -> None:
    folder, data = arguments
    cache = DiskCache(folder, CONFIG, SPEEDS, LARGE)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: cache.put(each[1][0], 1, made(*_numbered(each))), enumerate(places(data))))


def _numbered(each: tuple[int, tuple[Location, int]]) -> tuple[int, int]:
    return each[0], each[1][1]


def test_several_processes_may_fill_one_cache(tmp_path: Path, data: Path) -> None:
    with get_context("spawn").Pool(2) as pool:
        pool.map(_fill, [(tmp_path, data)] * 4, chunksize=1)
    cache = DiskCache(tmp_path, CONFIG, SPEEDS, LARGE)
    for number, (where, frames) in enumerate(places(data)):
        kept = cache.get(where, 1)
        assert kept is not None
        assert torch.equal(kept, made(number, frames))
    assert [file.suffix for file in tmp_path.iterdir()] == [".features"]


def test_a_file_is_known_by_what_is_in_it(data: Path, tmp_path: Path) -> None:
    os.link(data, tmp_path / "other-name.parquet")
    assert of_file(tmp_path / "other-name.parquet") == of_file(data)
