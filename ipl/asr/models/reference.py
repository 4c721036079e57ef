"""Names a model's folder without importing torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ipl.errors import InputError
from ipl.files import read_json
from ipl.records import ModelRef

__all__ = ["CONFIG_FILE", "WEIGHTS_FILE", "checkpoint_kind", "model_ref"]

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"


def checkpoint_kind(folder: Path) -> str | None:
    """The kind of network in a checkpoint of Hugging Face, such as `whisper`; None for a folder that holds none."""
    if not (folder / CONFIG_FILE).is_file():
        return None
    values = read_json(folder / CONFIG_FILE)
    return values.get("model_type") if isinstance(values, dict) else None


def model_ref(folder: Path, cycle: int = -1, epoch: int = -1, dev_error: float | None = None) -> ModelRef:
    """The reference of the model in `folder`; its fingerprint is a hash of the bytes of weights and config.

    Raises InputError where the folder holds no model.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        try:
            with (folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
        except OSError as error:
            raise InputError(
                f"{folder}: not a model: {name} cannot be read ({error.strerror}); "
                f"expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}"
            ) from error
    return ModelRef(folder, digest.hexdigest(), cycle, epoch, dev_error)
