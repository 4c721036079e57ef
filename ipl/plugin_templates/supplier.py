"""A supplier: media files to mine, made or fetched."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

import ipl
from ipl.audio import encode_flac


@ipl.plugin("my_supplier")
class MySupplier:
    """Makes files of noise."""

    files: int = 2
    """how many files"""
    seconds: float = 3.0
    """length of each, in seconds"""

    @ipl.hookimpl
    def supply(self, out_dir: Path, seed: int) -> Iterator[Path]:
        """Yields the files, the same for the same seed; subtitle files may lie beside them."""
        for number in range(self.files):
            noise = np.random.default_rng([seed, number]).normal(0, 0.1, round(self.seconds * 16_000))
            path = out_dir / f"noise-{number}.flac"
            path.write_bytes(encode_flac(noise.clip(-1, 1), 16_000))
            yield path
