"""How well each family of models learns real speech: sequences of spoken digits, speakers heard and a speaker unheard.

python benchmarks/accuracy.py [--epochs 6] [--families conv conformer ...] [--out FOLDER]
python benchmarks/accuracy.py --tiny     a few steps of very small models: the same lines of code, no figure of use

Each family has a plan that `ipl run` would take: the same utterances, batches, epochs, learning rate and seed
for all, and about as many parameters; sizes, and options beside them, stand in FAMILIES. Nothing was tuned to a family.
The model with the fewest errors on dev is measured, as `ipl evaluate` measures.

Data are the Free Spoken Digit Dataset (CC BY-SA 4.0, 8 kHz) in --data: recordings of one digit, of which 2 to 5 of one
speaker, drawn at random, make an utterance without a pause between them. Training has takes 10 to 49 of five speakers
(each take in two utterances, 30 minutes), dev their takes 5 to 9, `seen` their takes 0 to 4; `unseen` is all takes of a
sixth speaker, whom no training and no dev set has heard. Both tests have each take once. There are ten words, all
as frequent, so guesses are nine times wrong in ten.

`x cpu` is seconds of audio that the training heard, all epochs together, a second of processor time of the whole run:
starting, features, dev set and checkpoints too. Errors are per word and per character, in brackets 95 % bootstrap
intervals over utterances. `greedy` is CTC's best path; the hybrids' attention decoders also rescore the texts of a beam
of 8.

Where the data are missing it says so, and ends with exit code 0.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

import ipl
from ipl import audio, speech
from ipl.asr.models.store import load
from ipl.records import Utterance
from ipl.schemas import UTTERANCES
from ipl.tables import write_table

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsdd"
SEED = 17
UNSEEN = "theo"
TAKES = {"train": range(10, 50), "dev": range(5, 10), "seen": range(5), "unseen": range(50)}
PASSES = {"train": 2, "dev": 2, "seen": 1, "unseen": 1}
DIGITS = (2, 5)
HEARD = {"sample_rate_hz": 8_000, "num_mels": 40}

HYBRID = {"width": 64, "layers": 4, "decoder_layers": 2}
FAMILIES: dict[str, dict[str, Any]] = {
    "conv": {"architecture": "conv", "sizes": {"width": 112, "layers": 5}},
    "gru": {"architecture": "gru", "sizes": {"width": 200, "layers": 2}},
    "deep speech 2": {"architecture": "deep_speech_2", "sizes": {"width": 160, "layers": 2, "channels": 8}},
    "deep speech 2 forward": {
        "architecture": "deep_speech_2",
        "sizes": {"width": 240, "layers": 2, "channels": 8, "lookahead": 20},
    },
    "wav2letter": {"architecture": "wav2letter", "sizes": {"width": 72, "layers": 6}},
    "transformer hybrid": {"architecture": "transformer", "sizes": HYBRID | {"width": 80}},
    "conformer": {"architecture": "conformer", "sizes": {"width": 72, "layers": 4}},
    "conformer hybrid": {"architecture": "conformer", "sizes": HYBRID},
    "conformer hybrid, chunks": {
        "architecture": "conformer",
        "sizes": HYBRID | {"dynamic_chunks": 1, "chunk_frames": 16},
        "normalise": "fixed",  # a stream has no statistics of the whole utterance
    },
    "conformer hybrid, chunk-flow": {
        "architecture": "conformer",
        "sizes": HYBRID | {"chunk_frames": 16, "left_chunks": 4, "right_frames": 8},
        "normalise": "fixed",
    },
}
"""The name of a family to the options of the initializer `scratch`."""

TINY = {
    "conv": {"width": 16, "layers": 1},
    "gru": {"width": 16, "layers": 1},
    "deep_speech_2": {"width": 16, "layers": 1, "channels": 2},
    "wav2letter": {"width": 16, "layers": 2},
    "transformer": {"width": 16, "layers": 1, "heads": 2},
    "conformer": {"width": 16, "layers": 1, "heads": 2},
}


def utterances(folder: Path, name: str, most: int | None = None) -> Iterator[Utterance]:
    """Sequences of digits of one of the sets, of `most` takes a speaker where that is told."""
    takes: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if int(row["take"]) in TAKES[name] and (row["speaker"] == UNSEEN) == (name == "unseen"):
                takes[row["speaker"]].append((row["text"], folder / row["path"]))
    random = np.random.default_rng([SEED, list(TAKES).index(name)])
    for speaker, of_speaker in sorted(takes.items()):
        for time in range(PASSES[name]):
            order, first = random.permutation(len(of_speaker))[:most], 0
            while first < len(order):
                count = int(random.integers(DIGITS[0], DIGITS[1] + 1))
                chosen = [of_speaker[place] for place in order[first : first + count]]
                yield _joined(f"{name}-{speaker}-{time}-{first:03d}", speaker, chosen)
                first += count


def _joined(utt_id: str, speaker: str, takes: Sequence[tuple[str, Path]]) -> Utterance:
    """The takes, one right after the other."""
    decoded = [audio.decode(path.read_bytes()) for _, path in takes]
    ((rate,), samples) = {each for _, each in decoded}, np.concatenate([each for each, _ in decoded])
    text = " ".join(text for text, _ in takes)
    return Utterance(
        utt_id, speaker, 0, len(samples) * 1000 // rate, audio.encode_flac(samples, rate), rate, len(samples), text,
        "en", speaker, "labelled",
    )  # fmt: skip


def plan(folder: Path, initializer: dict[str, Any], epochs: int) -> dict[str, Any]:
    """What a cycles.yaml would say."""
    return {
        "name": "accuracy",
        "seed": SEED,
        "data": {"labelled": str(folder / "train"), "dev": str(folder / "dev")},
        "defaults": {
            "initializer": {"use": "scratch"} | HEARD | initializer,
            "batcher": {"use": "sorted_first", "batch_seconds": 10},
            "trainer": {"use": "ddp", "epochs": epochs, "learning_rate": 0.002, "keep": 1},
            "recognizer": {"use": "ctc", "decode": "greedy"},
        },
        "cycles": [{"name": "seed", "selector": "none", "train_on": ["labelled"]}],
    }


def train(folder: Path, name: str, initializer: dict[str, Any], epochs: int) -> ipl.RunResult:
    """Trains a family as `ipl run` does; what it took of the processor is kept beside the run."""
    print(name, file=sys.stderr, flush=True)
    file, took = folder / name / "cycles.yaml", folder / name / "processor_seconds"
    file.parent.mkdir(parents=True, exist_ok=True)
    YAML().dump(plan(folder, initializer, epochs), file)
    before = processor_seconds()
    run = ipl.run(file, out=folder / name / "run")
    if not took.exists():
        took.write_text(f"{processor_seconds() - before:.1f}\n", encoding="ascii")
    return run


def processor_seconds() -> float:
    """What this process and all those that it has waited for took."""
    usages = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def trained_seconds(metrics: Path) -> float:
    """Seconds of audio that a training heard in all its epochs."""
    lines = map(json.loads, metrics.read_text(encoding="utf-8").splitlines())
    return sum(line["audio_seconds"] for line in lines if line["event"] == "epoch")


def measure(name: str, run: ipl.RunResult, data: Path) -> dict[str, Any]:
    """The figures of a trained model, of which it prints its lines of the table."""
    model = run.models[-1].path
    network = load(model)
    parameters = sum(each.numel() for each in network.parameters())
    heard = trained_seconds(run.path / "cycle-000" / "train" / "metrics.jsonl")
    speed = heard / float((run.path.parent / "processor_seconds").read_text(encoding="ascii"))
    decoding = {"greedy": {"decode": "greedy"}} | ({"rescore": {"decode": "rescore"}} if network.decoder else {})
    figures: dict[str, Any] = {"parameters": parameters, "x_processor": round(speed, 1)}
    start = f"{name:30}{parameters / 1e6:>8.2f} M{speed:>8.0f}"
    for way, options in decoding.items():
        figures[way] = {test: speech.evaluate(model, ipl.load(data / test), **options) for test in ("seen", "unseen")}
        rates = [_shown(figures[way][test], rate) for test in ("seen", "unseen") for rate in ("wer", "cer")]
        print(f"{start}  {way:8}{''.join(f'{each:>25}' for each in rates)}", flush=True)
        start = " " * len(start)
    return figures


def _shown(rates: dict[str, Any], rate: str) -> str:
    return f"{rates[rate]:.1%} ({rates[f'{rate}_low']:.1%} to {rates[f'{rate}_high']:.1%})".replace("%", "", 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REAL)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--families", nargs="+", choices=tuple(FAMILIES), default=tuple(FAMILIES))
    parser.add_argument("--out", type=Path, help="keep data and run here; what is done there already is not done again")
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    if not (arguments.data / "manifest.tsv").is_file():
        why = f"no {arguments.data / 'manifest.tsv'}"
        print(f"accuracy: skipped, {why}")
        print(json.dumps({"benchmark": "accuracy", "skipped": why}))
        return
    families = {name: FAMILIES[name] for name in arguments.families}
    epochs = 1 if arguments.tiny else arguments.epochs
    if arguments.tiny:
        families = {
            name: each | {"sizes": each["sizes"] | TINY[each["architecture"]]} for name, each in families.items()
        }
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.out or Path(temporary)
        for name in TAKES:
            heard = utterances(arguments.data, name, 20 if arguments.tiny else None)
            write_table(folder / name / "part-0.parquet", heard, UTTERANCES)
        runs = {name: train(folder, name, each, epochs) for name, each in families.items()}
        tests = "".join(f"{f'{test} {rate}, %':>25}" for test in ("seen", "unseen") for rate in ("WER", "CER"))
        print(f"{'':30}{'parameters':>10}{'x cpu':>8}  {'decoded':8}{tests}")
        results = {name: measure(name, run, folder) for name, run in runs.items()}
    print(json.dumps({"benchmark": "accuracy", "epochs": epochs, "seed": SEED, "families": results}))


if __name__ == "__main__":
    main()
