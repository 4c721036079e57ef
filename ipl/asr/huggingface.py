"""Checkpoints of Hugging Face as models of ipl: wav2vec 2.0, HuBERT, WavLM and MMS, with their CTC layer or a new one.

The encoder of Whisper can be had with a new CTC layer; whole, with its decoder, it is in `ipl.asr.whisper`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.models.model import CtcModel, create
from ipl.asr.models.pretrained import KINDS, transformers
from ipl.asr.models.reference import CONFIG_FILE, checkpoint_kind
from ipl.asr.text import TextConfig
from ipl.asr.units import BLANK_SYMBOL, Units
from ipl.errors import InputError
from ipl.files import read_json

__all__ = ["fetch", "with_new_units", "with_own_units"]


def fetch(model: Path | str) -> Path:
    """The folder of a checkpoint: `model` itself where it is a folder, else the hub's of that name, downloaded once.

    Raises InputError where it can neither be found nor be downloaded, or is of another kind.
    """
    folder = Path(model)
    if not folder.is_dir():
        transformers()
        from huggingface_hub import snapshot_download

        patterns = ["*.json", "*.txt", "*.safetensors", "*.bin", "*.model"]
        try:
            folder = Path(snapshot_download(str(model), allow_patterns=patterns))
        except Exception as error:  # of the network, the hub, the name: many kinds, one remedy
            raise InputError(
                f"{model}: neither a folder nor a model that can be downloaded from huggingface.co "
                f"({type(error).__name__}: {_first_line(error)}); check the name and the network, or download it "
                "elsewhere and give its folder"
            ) from error
    kind = checkpoint_kind(folder)
    if kind not in KINDS:
        raise InputError(f"{folder}: found model_type {kind!r} in {CONFIG_FILE}, expected one of {', '.join(KINDS)}")
    return folder


def with_own_units(folder: Path, language: str | None = None) -> CtcModel:
    """The model of a checkpoint with a CTC layer, its characters and its weights; InputError where it has none.

    `language` chooses the adapter of MMS. Tokens that are no single character are left out, `|` is the space, and where
    all letters are capitals they become small ones, as text is in ipl.
    """
    found = _load(transformers().AutoModelForCTC, folder, {"target_lang": language} if language else {})
    vocabulary = _vocabulary(folder, language)
    blank = found.config.pad_token_id
    letters = {token: number for token, number in vocabulary.items() if len(token) == 1 and number != blank}
    if len(letters) < 2:
        raise InputError(f"{folder}: its vocab.json has no characters; expected a recogniser of characters by CTC")
    is_upper = not any(token.islower() for token in letters)
    symbols = {" " if token == "|" else token.lower() if is_upper else token: n for token, n in letters.items()}
    has_cases = any(token.isupper() for token in letters) and not is_upper
    text = TextConfig(lower_case=not has_cases, strip_punctuation=not any(each in symbols for each in ".,?!"))
    model = _model(folder, Units((BLANK_SYMBOL, *symbols)), text, found.base_model.state_dict(), found.config)
    rows = torch.tensor([blank, *symbols.values()])
    with torch.no_grad():
        model.output.weight.copy_(found.lm_head.weight[rows])
        model.output.bias.copy_(found.lm_head.bias[rows])
    return model.eval()


def with_new_units(folder: Path, units: Units, text: TextConfig, seed: int) -> CtcModel:
    """The encoder of a checkpoint and a new CTC layer over it, drawn from `seed`."""
    found = _load(transformers().AutoModel, folder, {})
    network = found.encoder if found.config.model_type == "whisper" else found
    return _model(folder, units, text, network.state_dict(), found.config, seed)


def _model(
    folder: Path, units: Units, text: TextConfig, weights: dict[str, Tensor], config: Any, seed: int = 0
) -> CtcModel:
    rate, normalises = _preprocessing(folder)
    features = FeatureConfig(rate, rate // 100, "mean-variance" if normalises else "none", "samples")
    pretrained = json.loads(config.to_json_string(use_diff=False))
    model = create(ModelConfig(config.model_type, {}, features, text, pretrained), units, seed)
    encoder: nn.Module = model.encoder.network
    missing, unexpected = encoder.load_state_dict(weights, strict=False)
    if unexpected or [name for name in missing if name != "masked_spec_embed"]:
        raise InputError(f"{folder}: the weights do not fit: missing {missing[:3]}, unexpected {unexpected[:3]}")
    return model


def _load(kind: Any, folder: Path, options: dict[str, Any]) -> Any:
    if options:
        options = options | {"ignore_mismatched_sizes": True}  # the output layer comes with the language's adapter
    try:
        found, report = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: no checkpoint that transformers can load: {_first_line(error)}") from error
    if lacking := [name for name in report["missing_keys"] if "lm_head" in name]:
        raise InputError(f"{folder}: has no CTC layer ({lacking[0]} is missing); use it with new units")
    return found.float()


def _vocabulary(folder: Path, language: str | None) -> dict[str, int]:
    path = folder / "vocab.json"
    if not path.is_file():
        raise InputError(f"{folder}: vocab.json is missing; expected a recogniser of characters by CTC")
    values: dict[str, Any] = read_json(path)
    if all(isinstance(each, dict) for each in values.values()):  # MMS: a vocabulary for each language
        if language not in values:
            raise InputError(f"{folder}: language: found {language!r}, expected one of its {len(values)}, as 'eng'")
        return dict(values[language])
    return values


def _preprocessing(folder: Path) -> tuple[int, bool]:
    """Sample rate, and whether an utterance's samples are normalised."""
    if checkpoint_kind(folder) == "whisper":
        return 16_000, False
    try:
        found = transformers().AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: does not say how sound is prepared: {_first_line(error)}") from error
    return int(found.sampling_rate), bool(found.do_normalize)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "no reason given")
