"""A Conformer of SpeechBrain with CTC, trained by its Brain, for `peers.py`: run by an interpreter that has it.

python peer_speechbrain.py UTTERANCES.npz PARAMETERS BATCH_SECONDS EPOCHS UNITS

The recipe is recipes/LibriSpeech/ASR/transformer/hparams/conformer_small.yaml of SpeechBrain, with CTC alone: its front
end of convolutions, relative positions, batches of like length by DynamicBatchSampler, made by a process of their own.
Features are computed at each step, as there; nothing is hidden of them. Prints a Timing as a line of JSON.

SpeechBrain imports torchaudio, of which PyPI has a build for CUDA alone: beside a torch without CUDA it is refused
(libc10_cuda.so) until the libraries in torchaudio/lib, which nothing here uses, are taken away.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import speechbrain as sb
import torch
from peer_timing import now, timing
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.convolution import ConvolutionFrontEnd
from speechbrain.lobes.models.transformer.TransformerASR import TransformerASR
from speechbrain.nnet.linear import Linear
from speechbrain.nnet.losses import ctc_loss
from speechbrain.processing.features import InputNormalization

RATE, MELS, SEED = 16_000, 80, 17


def modules(width: int, num_units: int) -> dict[str, torch.nn.Module]:
    """Six layers of a width."""
    front = ConvolutionFrontEnd(
        input_shape=(8, 10, MELS), num_blocks=2, num_layers_per_block=1, out_channels=(64, 32), kernel_sizes=(3, 3),
        strides=(2, 2), residuals=(False, False),
    )  # fmt: skip
    encoder = TransformerASR(
        num_units, MELS // 4 * 32, d_model=width, nhead=4, num_encoder_layers=6, num_decoder_layers=0,
        d_ffn=4 * width, encoder_module="conformer", attention_type="RelPosMHAXL", normalize_before=True, causal=False,
    )  # fmt: skip
    return {"front": front, "encoder": encoder, "output": Linear(num_units, input_size=width)}


def count(parts: dict[str, torch.nn.Module]) -> int:
    return sum(each.numel() for part in parts.values() for each in part.parameters())


class Recogniser(sb.Brain):  # type: ignore[misc]
    """A Brain that notes when each step began, and what it heard."""

    def compute_forward(self, batch: Any, stage: Any) -> tuple[torch.Tensor, torch.Tensor]:
        samples, lengths = batch.samples
        features = self.hparams.normalise(self.hparams.fbank(samples), lengths, epoch=self.hparams.epochs.current)
        encoded = self.modules.encoder.encode(self.modules.front(features), lengths)
        return self.modules.output(encoded).log_softmax(dim=-1), lengths

    def compute_objectives(self, predictions: Any, batch: Any, stage: Any) -> torch.Tensor:
        log_probs, lengths = predictions
        labels, label_lengths = batch.labels
        return ctc_loss(log_probs, labels, lengths, label_lengths, blank_index=0)  # type: ignore[no-any-return]

    def on_stage_start(self, stage: Any, epoch: int | None = None) -> None:
        self.first = len(self.hparams.stamps)

    def fit_batch(self, batch: Any) -> torch.Tensor:
        self.hparams.stamps.append(now())
        samples, lengths = batch.samples
        self.hparams.heard.append((float(lengths.sum()) * samples.shape[1] / RATE, samples.numel() / RATE))
        self.last_loss = super().fit_batch(batch)
        return self.last_loss


def main() -> None:
    data, parameters, batch_seconds, epochs, num_units = (kind(each) for kind, each in zip(
        (str, int, float, int, int), sys.argv[1:], strict=True
    ))  # fmt: skip
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    with np.load(data) as found:
        names = sorted(name for name in found.files if name.startswith("arr_"))
        rows = {
            name: {
                "samples": torch.from_numpy(found[name]),
                "labels": torch.from_numpy(found[name.replace("arr", "labels")]).long(),
                "duration": len(found[name]) / RATE,
            }
            for name in names
        }
    widths = range(16, 513, 16)
    with torch.device("meta"):  # numbers without values cost nothing
        width = min(widths, key=lambda each: abs(count(modules(each, num_units)) - parameters))
    parts = modules(width, num_units)
    dataset = DynamicItemDataset(rows, output_keys=["id", "samples", "labels"])
    lengths = [row["duration"] for row in rows.values()]
    sampler = DynamicBatchSampler(
        dataset, batch_seconds, num_buckets=8, length_func=lambda row: row["duration"], shuffle=True,
        batch_ordering="random", lengths_list=lengths, seed=SEED,
    )  # fmt: skip
    counter = sb.utils.epoch_loop.EpochCounter(epochs)
    stamps: list[tuple[float, float]] = []
    heard: list[tuple[float, float]] = []
    brain = Recogniser(
        modules=parts,
        opt_class=partial(torch.optim.AdamW, lr=3e-4, betas=(0.9, 0.98)),
        hparams={
            "fbank": Fbank(sample_rate=RATE, n_mels=MELS), "normalise": InputNormalization(norm_type="global"),
            "epochs": counter, "stamps": stamps, "heard": heard,
        },
        run_opts={"device": "cpu", "noprogressbar": True},
    )  # fmt: skip
    brain.fit(
        counter, dataset,
        train_loader_kwargs={"batch_sampler": sampler, "num_workers": 1, "collate_fn": PaddedBatch},
    )  # fmt: skip
    first = brain.first
    own, whole = (sum(each[kind] for each in heard[first:]) for kind in (0, 1))
    seconds = [each for each, _ in heard]
    print(json.dumps(asdict(timing(stamps, seconds, first, 1 - own / whole, count(parts), float(brain.last_loss)))))


if __name__ == "__main__":
    main()
