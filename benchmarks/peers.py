"""How fast ipl trains beside peers: models of one size on the same utterances, in turns, on one thread of a CPU.

python benchmarks/peers.py [--data FOLDER] [--minutes 8] [--rounds 3] [--speechbrain-python PATH]
python benchmarks/peers.py --tiny        very small: the same lines of code, no figure of use

    ipl conformer         the recogniser's own Conformer, in the trainer `ddp`
    ipl wav2vec2          a wav2vec 2.0 of Hugging Face, with new weights, in the trainer `ddp`
    trainer wav2vec2      the same one in Hugging Face's Trainer
    trainer w2v-bert      a Wav2Vec2-BERT, a Conformer that hears filterbanks as ipl's does, in Hugging Face's Trainer
    speechbrain conformer a Conformer of SpeechBrain in its Brain, by an interpreter that has it

`ipl wav2vec2` beside `trainer wav2vec2` compares trainers; `ipl conformer` beside all others what a user gets for as
many parameters. ipl's Conformer has one frame in 30 ms, the networks of Hugging Face one in 20 ms, SpeechBrain's one in
40 ms, each as its makers recommend.

Batches have the same seconds of audio on average; each peer groups utterances of like length in the way it recommends.
Everyone's data are ready in memory: samples or features, prepared before or in a first epoch, which is a warm-up. What
is timed is a second epoch, from its first step to its last: loading, padding, the model forward and back, clipping and
AdamW, not measuring on dev nor checkpoints. Nobody plays audio at other speeds; all but SpeechBrain hide stretches of
it, and SpeechBrain computes features at every step.

`x processor` and `x wall` are seconds of the utterances' own audio, padding left out, a second; medians over rounds,
lowest and highest in brackets. Processor time is what to go by where other things run; it leaves out the process that
makes a peer's batches. `padding` is the share of a batch's audio that is none.

Utterances are of FOLDER, which has a manifest.tsv and is ../shared/data/librispeech_250 unless told; without it made-up
ones of 1 to 12 s. Where transformers or accelerate are not installed it says so, and ends with exit code 0.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import loading
import numpy as np
import one_training
import torch
from peer_timing import Timing, timing

from ipl import audio
from ipl.asr.config import ModelConfig
from ipl.asr.huggingface import with_new_units
from ipl.asr.models.model import CtcModel, create
from ipl.asr.models.store import save
from ipl.asr.text import TextConfig, normalise
from ipl.records import Utterance
from ipl.training.batches import read_steps
from ipl.training.job import Job
from ipl.training.packing import padding_efficiency

EPOCHS = 2
HERE = Path(__file__).resolve().parent
REAL = HERE.parents[1] / "shared" / "data" / "librispeech_250"
SIZES = {"hidden_size": 192, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 768}
TINY = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}


def utterances(folder: Path, minutes: float) -> Iterator[Utterance]:
    """Real ones where they are, in the order of their ids; else made-up ones."""
    if not (folder / "manifest.tsv").is_file():
        print(f"no {folder}: made-up utterances", flush=True)
        yield from loading.utterances(minutes)
        return
    left = minutes * 60
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            samples, rate = audio.decode((folder / row["path"]).read_bytes(), loading.RATE, row["id"])
            text = "".join(each for each in normalise(row["text"]) if each in loading.UNITS.symbols)
            ends_ms, encoded = len(samples) * 1000 // rate, audio.encode_flac(samples, rate)
            yield Utterance(row["id"], "real", 0, ends_ms, encoded, rate, len(samples), text, origin="labelled")
            left -= len(samples) / rate
            if left <= 0:
                return


def conformer(parameters: int) -> CtcModel:
    """The default Conformer, of the width that comes nearest so many parameters."""

    def config(width: int) -> ModelConfig:
        return ModelConfig("conformer", {"width": width})

    def distance(width: int) -> int:
        with torch.device("meta"):  # numbers without values cost nothing
            return abs(_count(CtcModel(config(width), loading.UNITS)) - parameters)

    return create(config(min(range(16, 513, 16), key=distance)), loading.UNITS, one_training.SEED)


def _count(model: torch.nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


def ours(job: Job, model: CtcModel, durations_ms: list[int], folder: Path, name: str) -> Callable[[], Timing]:
    """Trains `model` with ipl's trainer when it is called."""
    job = replace(job, student=folder / name)
    save(model, job.student)
    steps = [read_steps(job.batches, epoch, 1) for epoch in range(EPOCHS)]
    filled = padding_efficiency(np.array(durations_ms), steps[-1])

    def train() -> Timing:
        stamps, losses, seconds = one_training.run_ours(job, folder)
        return timing(stamps[:-1], seconds, len(steps[0]), 1 - filled, _count(model), losses[-1])

    return train


def speechbrain(python: Path, data: Path, sizes: list[str]) -> Callable[[], Timing]:
    """Trains SpeechBrain's Conformer in a process of `python` when it is called."""
    command = [str(python), str(HERE / "peer_speechbrain.py"), str(data), *sizes]

    def train() -> Timing:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        return Timing(**json.loads(done.stdout.splitlines()[-1]))

    return train


def contestants(arguments: argparse.Namespace, folder: Path) -> dict[str, Callable[[], Timing]]:
    """The name of each to what trains it."""
    import peer_huggingface

    sizes, batch_seconds = (TINY, 10.0) if arguments.tiny else (SIZES, arguments.batch_seconds)
    rows = list(utterances(arguments.data, arguments.minutes))
    network = peer_huggingface.wav2vec2(sizes, len(loading.UNITS))
    parameters = _count(network)
    own = conformer(parameters)
    job = one_training.prepare(folder, rows, own, EPOCHS, batch_seconds)
    peer_huggingface.save(network, folder / "wav2vec2")
    same = with_new_units(folder / "wav2vec2", loading.UNITS, TextConfig(), one_training.SEED)
    durations_ms = [each.num_samples * 1000 // loading.RATE for each in rows]
    batch = max(1, round(len(rows) / len(read_steps(job.batches, EPOCHS - 1, 1))))

    samples = [audio.decode(each.audio, loading.RATE)[0] for each in rows]
    labels = [loading.UNITS.encode(each.text or "") for each in rows]
    bert = peer_huggingface.wav2vec2_bert(sizes, len(loading.UNITS), parameters)
    waves = peer_huggingface.prepared_waves(samples, labels)
    bands = peer_huggingface.prepared_bands(samples, labels)
    found = {
        "ipl conformer": ours(job, own, durations_ms, folder, "own"),
        "ipl wav2vec2": ours(job, same, durations_ms, folder, "same"),
        "trainer wav2vec2": lambda: peer_huggingface.train(network, waves, batch, EPOCHS, folder),
        "trainer w2v-bert": lambda: peer_huggingface.train(bert, bands, batch, EPOCHS, folder),
    }
    if arguments.speechbrain_python:
        data = folder / "speechbrain.npz"
        np.savez(data, *samples, **{f"labels_{place}": np.array(each) for place, each in enumerate(labels)})
        told = [str(parameters), str(batch_seconds), str(EPOCHS), str(len(loading.UNITS))]
        found["speechbrain conformer"] = speechbrain(arguments.speechbrain_python, data, told)
    return found


def show(name: str, timings: list[Timing]) -> dict[str, float]:
    """Prints a line of the table; returns its figures."""
    columns = []
    for kind in ("x_processor", "x_wall"):
        each = [getattr(one, kind) for one in timings]
        columns.append(f"{statistics.median(each):.1f} ({min(each):.1f} to {max(each):.1f})")
    last = timings[-1]
    print(
        f"{name:23}{last.parameters / 1e6:>6.2f} M{columns[0]:>24}{columns[1]:>24}{last.padding:>9.1%}{last.loss:>7.2f}"
    )
    values = {each: statistics.median(getattr(one, each) for one in timings) for each in ("x_processor", "x_wall")}
    return values | {"parameters": last.parameters, "padding": last.padding}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REAL)
    parser.add_argument("--minutes", type=float, default=8.0, help="audio in an epoch")
    parser.add_argument("--batch-seconds", type=float, default=60.0, help="audio in a batch of ipl's, padding counted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--speechbrain-python", type=Path, help="an interpreter that has SpeechBrain")
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    missing = [name for name in ("transformers", "accelerate") if not importlib.util.find_spec(name)]
    if missing:
        why = f"{' and '.join(missing)} not installed"
        print(f"peers: skipped, {why}; pip install 'ipl[dev]'")
        print(json.dumps({"benchmark": "peers", "skipped": why}))
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        found = contestants(arguments, Path(name))
        timings: dict[str, list[Timing]] = {name: [] for name in found}
        for number in range(arguments.rounds):
            for name, train in found.items():
                timings[name].append(train())
                print(f"round {number}: {name}: {asdict(timings[name][-1])}", file=sys.stderr, flush=True)
    print(f"{'':23}{'parameters':>8}{'x processor':>22}{'x wall':>24}{'padding':>9}{'loss':>7}")
    table = {name: show(name, each) for name, each in timings.items()}
    load = os.getloadavg()[0]
    print(f"cores {os.cpu_count()}, load average {load:.1f}, torch {torch.__version__}")
    print(json.dumps({"benchmark": "peers", "load": load, "peers": table}))


if __name__ == "__main__":
    main()
