"""Features that were computed once, kept in memory or on disk.

On disk each file of the data set has one of features beside it in the cache's folder, named after what both depend on:
the data, the features' configuration and the speeds. A slot of fixed place and size for each utterance and speed makes
it safe for any number of ranks and runs: whoever fills a slot writes the same bytes, in one write, with a checksum.

    head (frames, checksum) │ float16 [T, F] │ room up to the longest that it could be ║ the next slot ...

T: frames · F: mel bands
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch
from torch import Tensor

from ipl.asr.config import FeatureConfig
from ipl.asr.features import STEP_MS
from ipl.fingerprint import digest
from ipl.progress import say
from ipl.tables import Location
from ipl.training.data_options import DataOptions

__all__ = ["DiskCache", "FeatureCache", "MemoryCache", "NoCache", "open_cache"]

REVISION = 1
"""Other arithmetic in features or speeds needs another number here."""
HEAD = struct.Struct("<II")


class FeatureCache(Protocol):
    """Where features are kept; `speed` is a place in the option `speeds`."""

    def get(self, where: Location, speed: int) -> Tensor | None:
        """What was kept, float16 [T, F], or None."""

    def put(self, where: Location, speed: int, features: Tensor) -> None:
        """Keeps features, float16 [T, F], where there is room for them."""


def open_cache(options: DataOptions, config: FeatureConfig, default_folder: Path) -> FeatureCache:
    """The cache that the options name."""
    budget = options.cache_mb << 20
    if options.cache == "disk":
        return DiskCache(options.cache_dir or default_folder, config, options.speeds, budget)
    return MemoryCache(budget) if options.cache == "memory" else NoCache()


class NoCache:
    """Keeps nothing."""

    def get(self, where: Location, speed: int) -> Tensor | None:
        """None."""
        return None

    def put(self, where: Location, speed: int, features: Tensor) -> None:
        """Does nothing."""


class MemoryCache:
    """Keeps features until its budget of bytes is spent; what came first stays, as epochs go round and round."""

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._kept: dict[tuple[Location, int], Tensor] = {}

    def get(self, where: Location, speed: int) -> Tensor | None:
        """What was kept, float16 [T, F], or None."""
        return self._kept.get((where, speed))

    def put(self, where: Location, speed: int, features: Tensor) -> None:
        """Keeps features if there is room."""
        if (where, speed) not in self._kept and features.nbytes <= self._left:
            self._left -= features.nbytes
            self._kept[where, speed] = features


class DiskCache:
    """Keeps features in files of a folder, for every rank and run that uses it, up to a budget of bytes for them all.

    A file of the data set that has no room any more, or a disk that is full, is told once; its features are then
    computed each time.
    """

    def __init__(self, folder: Path, config: FeatureConfig, speeds: tuple[float, ...], budget: int) -> None:
        self.folder, self.config, self.speeds, self.budget = folder, config, speeds, budget
        self._has_told = False
        self._slots = lru_cache(maxsize=None)(self._open)
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, where: Location, speed: int) -> Tensor | None:
        """What was kept, float16 [T, F], or None; what a crash of the machine damaged counts as not kept."""
        slots = self._slots(where.file)
        if slots is None:
            return None
        with slots.path.open("rb", buffering=0) as file:
            found = os.pread(file.fileno(), *slots.place(where, speed))
        if len(found) < HEAD.size:
            return None
        num_frames, checksum = HEAD.unpack_from(found)
        end = HEAD.size + num_frames * self.config.num_mels * 2
        if not num_frames or end > len(found) or zlib.crc32(memoryview(found)[HEAD.size : end]) != checksum:
            return None
        kept = np.frombuffer(found, np.float16, num_frames * self.config.num_mels, HEAD.size)
        return torch.from_numpy(kept.reshape(num_frames, -1).copy())

    def put(self, where: Location, speed: int, features: Tensor) -> None:
        """Keeps features, unless there is no room, or the table said that the audio is shorter."""
        slots = self._slots(where.file)
        if slots is None or not len(features):
            return
        data = features.numpy().tobytes()
        size, offset = slots.place(where, speed)
        if HEAD.size + len(data) > size:
            return
        try:
            with slots.path.open("r+b", buffering=0) as file:
                os.pwrite(file.fileno(), HEAD.pack(len(features), zlib.crc32(data)) + data, offset)
        except OSError as error:
            self._tell(f"{slots.path}: {error.strerror}; what is not kept is computed each time")

    def _open(self, file: Path) -> _Slots | None:
        parts = [of_file(file), asdict(self.config), list(self.speeds), REVISION]
        slots = _Slots(self.folder / f"{digest(parts)}.features", file, self.config.num_mels, self.speeds)
        if not slots.path.exists():
            if sum(each.stat().st_size for each in self.folder.glob("*.features")) + slots.num_bytes > self.budget:
                self._tell(
                    f"no room for the features of {file} ({slots.num_bytes >> 20} MB), or of more files; "
                    f"raise cache_mb (now {self.budget >> 20}), or empty {self.folder}"
                )
                return None
            slots.make()
        return slots

    def _tell(self, what: str) -> None:
        if not self._has_told:
            say(f"feature cache: {what}")
        self._has_told = True


class _Slots:
    """Which bytes of a file of features are whose."""

    def __init__(self, path: Path, data: Path, num_mels: int, speeds: tuple[float, ...]) -> None:
        self.path, self._num_speeds = path, len(speeds)
        table = pq.ParquetFile(data)
        groups = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
        self._first_rows = np.cumsum([0, *groups])
        lengths = table.read(columns=["num_samples", "sample_rate_hz"])
        duration_ms = lengths["num_samples"].to_numpy() * 1000 / lengths["sample_rate_hz"].to_numpy()
        # A frame more than there can be: resampling rounds.
        frames = np.ceil(duration_ms[:, None] / np.array(speeds) / STEP_MS).astype(np.int64) + 1
        sizes: npt.NDArray[np.int64] = HEAD.size + frames.ravel() * num_mels * 2
        self._ends = np.cumsum(sizes)
        self.num_bytes = int(self._ends[-1]) if len(sizes) else 0

    def place(self, where: Location, speed: int) -> tuple[int, int]:
        """The number of bytes of a slot, and where it begins."""
        slot = (int(self._first_rows[where.row_group]) + where.row) * self._num_speeds + speed
        start = int(self._ends[slot - 1]) if slot else 0
        return int(self._ends[slot]) - start, start

    def make(self) -> None:
        """Makes the file with all slots empty, which take no room on the disk; of several that try, none does harm."""
        with self.path.open("ab") as file:
            if file.tell() < self.num_bytes:
                file.truncate(self.num_bytes)


@cache
def of_file(file: Path) -> str:
    """What a file of the data set holds, by its fingerprint, taken once."""
    return digest(file)
