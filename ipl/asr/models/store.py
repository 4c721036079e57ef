"""Models on disk: a folder with `model.safetensors` (weights) and `config.json` (everything else)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ipl.asr.config import from_json, to_json
from ipl.asr.models.model import CtcModel
from ipl.asr.models.reference import CONFIG_FILE, WEIGHTS_FILE
from ipl.errors import InputError
from ipl.files import read_json, write_json

__all__ = ["load", "read_weights", "save", "write_weights"]


def save(model: CtcModel, folder: Path, weights: Mapping[str, Tensor] | None = None) -> None:
    """Writes a model into `folder`, each file whole or not at all, the weights last.

    `weights` stand in for the model's own where given (an average of several). The same weights give the same bytes.
    """
    write_json(folder / CONFIG_FILE, to_json(model.config, model.units))
    write_weights(model.state_dict() if weights is None else weights, folder / WEIGHTS_FILE)


def load(folder: Path, device: str | torch.device = "cpu") -> CtcModel:
    """Reads a model from `folder`, in evaluation mode; InputError where there is none or it is damaged."""
    config, units = from_json(read_json(folder / CONFIG_FILE), str(folder / CONFIG_FILE))
    with torch.random.fork_rng(devices=[]):  # making a model must not move the caller's random numbers
        model = CtcModel(config, units)
    try:
        model.load_state_dict(read_weights(folder / WEIGHTS_FILE))
    except RuntimeError as error:
        raise InputError(f"{folder}: the weights do not fit {CONFIG_FILE}: {' '.join(str(error).split())}") from error
    return model.to(device).eval()


def write_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Writes tensors as safetensors, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Reads tensors onto the CPU; InputError where the file is missing or damaged."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: no weights can be read from it: {error}") from error
