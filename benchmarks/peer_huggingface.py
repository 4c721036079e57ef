"""Networks of Hugging Face and their Trainer, as its recipes for CTC train them, for `peers.py`.

The recipe is examples/pytorch/speech-recognition/run_speech_recognition_ctc.py of transformers: features prepared
before the training, the convolutions of wav2vec 2.0 frozen, no layers dropped, batches grouped by length; a process of
its own makes batches, as ipl has a thread for them.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import torch
import transformers
from peer_timing import Timing, now, timing
from torch import Tensor, nn

Samples = npt.NDArray[np.float32]
SEED, RATE = 17, 16_000


def wav2vec2(sizes: dict[str, int], num_units: int) -> Any:
    """A small wav2vec 2.0 of the kind of XLS-R, whose convolutions have layer norms."""
    channels = (sizes["hidden_size"] * 2 // 3,) * 7
    kind = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True, "conv_dim": channels}
    found = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(**sizes, **kind, **_recipe(num_units)))
    found.freeze_feature_encoder()
    return found


def wav2vec2_bert(sizes: dict[str, int], num_units: int, parameters: int) -> Any:
    """A small Wav2Vec2-BERT of as many layers as come nearest so many parameters."""

    def config(layers: int) -> Any:
        changed = {"num_hidden_layers": layers, "output_hidden_size": sizes["hidden_size"]}
        return transformers.Wav2Vec2BertConfig(**sizes | changed, **_recipe(num_units))

    def distance(layers: int) -> int:
        with torch.device("meta"):  # numbers without values cost nothing
            return abs(int(transformers.Wav2Vec2BertForCTC(config(layers)).num_parameters()) - parameters)

    return transformers.Wav2Vec2BertForCTC(config(min(range(1, 13), key=distance)))


def _recipe(num_units: int) -> dict[str, Any]:
    transformers.set_seed(SEED)
    return {
        "vocab_size": num_units,
        "pad_token_id": 0,
        "layerdrop": 0.0,
        "ctc_loss_reduction": "mean",
        "ctc_zero_infinity": True,
    }


def save(network: Any, folder: Path) -> None:
    """Writes a checkpoint, as ipl reads it."""
    network.save_pretrained(folder)
    _waves().save_pretrained(folder)


def _waves() -> Any:
    return transformers.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)


class Prepared(torch.utils.data.Dataset[dict[str, Any]]):
    """Utterances as a network hears them, in memory. `frames_a_second` counts what it hears."""

    def __init__(self, extractor: Any, frames_a_second: int, inputs: list[Any], labels: list[list[int]]) -> None:
        self.extractor, self.frames_a_second = extractor, frames_a_second
        self.name = extractor.model_input_names[0]
        self.rows = [{self.name: heard, "labels": said} for heard, said in zip(inputs, labels, strict=True)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self.rows[place]

    def collate(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Pads a batch as the recipe's collator does."""
        heard = [{self.name: row[self.name]} for row in rows]
        batch: dict[str, Tensor] = dict(self.extractor.pad(heard, padding=True, return_tensors="pt"))
        labels = [torch.tensor(row["labels"]) for row in rows]
        return batch | {"labels": nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100)}


def prepared_waves(samples: Sequence[Samples], labels: list[list[int]]) -> Prepared:
    """Samples, normalised over an utterance."""
    extractor = _waves()
    return Prepared(extractor, RATE, [extractor(each, sampling_rate=RATE).input_values[0] for each in samples], labels)


def prepared_bands(samples: Sequence[Samples], labels: list[list[int]]) -> Prepared:
    """Log-mel filterbanks, two frames of 10 ms side by side."""
    extractor = transformers.SeamlessM4TFeatureExtractor()
    return Prepared(extractor, 50, [extractor(each, sampling_rate=RATE).input_features[0] for each in samples], labels)


class _Timed(transformers.Trainer):
    """A Trainer that notes when each step began, and what it heard."""

    def training_step(self, model: nn.Module, inputs: dict[str, Tensor], *others: Any, **named: Any) -> Tensor:
        self.stamps.append(now())
        mask = inputs["attention_mask"]
        self.heard.append((int(mask.sum()), mask.numel()))
        loss: Tensor = super().training_step(model, inputs, *others, **named)
        self.last_loss = loss
        return loss


def train(network: Any, data: Prepared, batch: int, epochs: int, folder: Path) -> Timing:
    """Trains a copy of `network`."""
    options = transformers.TrainingArguments(
        output_dir=tempfile.mkdtemp(dir=folder),
        per_device_train_batch_size=batch,
        num_train_epochs=epochs,
        learning_rate=3e-4,
        warmup_steps=0.1,
        train_sampling_strategy="group_by_length",
        dataloader_num_workers=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=SEED,
    )
    trainer: Any = _Timed(
        copy.deepcopy(network),
        options,
        data_collator=data.collate,
        train_dataset=data,
        processing_class=data.extractor,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.stamps, trainer.heard = [], []
    # In a checkout the folder `datasets` passes for Hugging Face's package, which no line here needs.
    with mock.patch("transformers.trainer.is_datasets_available", return_value=False):
        trainer.train()
    own = [each / data.frames_a_second for each, _ in trainer.heard]
    first = -(-len(data) // batch) * (epochs - 1)
    padding = 1 - sum(each for each, _ in trainer.heard[first:]) / sum(whole for _, whole in trainer.heard[first:])
    return timing(trainer.stamps, own, first, padding, network.num_parameters(), float(trainer.last_loss))
