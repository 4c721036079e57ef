"""Options of how a training hears its data. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ipl.asr.distortion import DistortionOptions

__all__ = ["Cache", "DataOptions"]

Cache = Literal["none", "memory", "disk"]


@dataclass(frozen=True, kw_only=True)
class DataOptions(DistortionOptions):
    """What becomes of audio before a model hears it, and where features are kept meanwhile."""

    LOADING: ClassVar[frozenset[str]] = frozenset({"cache", "cache_mb", "cache_dir", "loader_threads"})
    """Options that change how fast data come, and not what is learned."""

    PATHS: ClassVar[tuple[str, ...]] = ("noise_from", "reverberation_from", "cache_dir")
    """Options that are paths."""

    spec_augment: bool = True
    """hide random bands and stretches of the features (SpecAugment)"""
    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    """speeds at which an utterance is played, one drawn each epoch; [1.0] changes none"""
    cache: Cache = "memory"
    """where features are kept that were computed once: none, in the memory of each rank, or on disk for all ranks;
    those of utterances with noise, rooms or gain are never kept"""
    cache_mb: int = 512
    """room for them: of each rank in memory, of all together on disk; 80 bands take 58 MB for an hour of audio, at each
    of `speeds`"""
    cache_dir: Path | None = None
    """folder of a cache on disk that later cycles and other runs use as well; null makes one that ends with the
    training"""
    loader_threads: int = 1
    """threads of a rank that make batches while it trains; more than one where a GPU has to wait for them"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.speeds or min(self.speeds) <= 0:
            raise ValueError(f"speeds: found {self.speeds}, expected at least one, more than 0")
        for name, least in (("cache_mb", 0), ("loader_threads", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected {least} or more")
