"""The average of several models' weights, summed in double precision (as Kaizen does, arXiv 2106.07759)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ipl.asr.models.reference import CONFIG_FILE, WEIGHTS_FILE
from ipl.asr.models.store import read_weights, write_weights
from ipl.errors import InputError
from ipl.files import read_json, write_json

__all__ = ["average"]


def average(folders: Sequence[Path], into: Path) -> None:
    """Writes the model whose weights are the mean of those in `folders`; InputError where these differ in kind."""
    config = read_json(folders[0] / CONFIG_FILE)
    sums: dict[str, torch.Tensor] = {}
    for folder in folders:
        if read_json(folder / CONFIG_FILE) != config:
            raise InputError(f"{folder}: cannot be averaged with {folders[0]}: their {CONFIG_FILE} differ")
        weights = read_weights(folder / WEIGHTS_FILE)
        for name, tensor in weights.items():
            sums[name] = sums.get(name, 0) + tensor.double()
    means = {name: (total / len(folders)).to(weights[name].dtype) for name, total in sums.items()}
    write_json(into / CONFIG_FILE, config)
    write_weights(means, into / WEIGHTS_FILE)
