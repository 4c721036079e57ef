"""A training small enough for a test: letters as tones, three letters a second, learnable in seconds."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from ipl_plugins.batchers import DynamicBatcher

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.models.model import create
from ipl.asr.models.store import save
from ipl.asr.units import Units
from ipl.audio import encode_flac
from ipl.records import Cycle, Utterance
from ipl.schemas import BATCHES, INDEX, UTTERANCES
from ipl.tables import Dataset, write_table
from ipl.training.job import Job, TrainingOptions

RATE = 8000
LETTERS = "abcde "
LETTER_SECONDS = 0.12
RUN_JOB = (
    "import sys; from pathlib import Path; from ipl.training.job import Job; from ipl.training.launch import run; "
    "list(run(Job.load(Path(sys.argv[1]))))"
)
"""A program that trains the job whose path it is given."""


def tone(letter, random):
    time = np.arange(int(RATE * LETTER_SECONDS)) / RATE
    wave = np.sin(2 * np.pi * (300 + 350 * LETTERS.index(letter)) * time) * np.hanning(len(time))
    return wave * random.uniform(0.3, 0.6) if letter != " " else 0 * wave


def utterances(count, seed, name="utt", origin="labelled"):
    random = np.random.default_rng(seed)
    for number in range(count):
        words = ["".join(random.choice(list("abcde"), random.integers(2, 5))) for _ in range(random.integers(1, 4))]
        text = " ".join(words)
        samples = np.concatenate([tone(letter, random) for letter in f" {text} "])
        samples += random.normal(0, 0.005, len(samples))
        yield Utterance(
            utt_id=f"{name}-{number:03d}",
            source_id=name,
            start_ms=0,
            end_ms=len(samples) * 1000 // RATE,
            audio=encode_flac(samples, RATE),
            sample_rate_hz=RATE,
            num_samples=len(samples),
            text=text,
            origin=origin,
        )


def make_job(folder: Path, rows=None, seed=1, batch_seconds=10.0, sizes=None, units=None, **options) -> Job:
    """Writes data, index, batches and a student under `folder`; `out` is where the training may write."""
    rows = list(utterances(40, seed=0)) if rows is None else rows
    write_table(folder / "train" / "part-0.parquet", rows, UTTERANCES)
    write_table(folder / "dev" / "part-0.parquet", utterances(12, seed=9, name="dev"), UTTERANCES)
    write_table(folder / "batch" / "index.parquet", index_rows(folder), INDEX)
    job = Job(
        student=folder / "student",
        index=folder / "batch",
        batches=folder / "batch",
        dev=(folder / "dev",),
        out_dir=folder / "out",
        seed=seed,
        options=TrainingOptions(**{"device": "cpu", "log_every": 2, "learning_rate": 4e-3, **options}),
    )
    write_batches(job, batch_seconds)
    sizes = sizes or {"width": 48, "layers": 2, "subsampling": 2}
    config = ModelConfig(architecture="conv", sizes=sizes, features=FeatureConfig(sample_rate_hz=RATE, num_mels=40))
    save(create(config, units or Units.collect([LETTERS]), seed=3), job.student)
    job.out_dir.mkdir(parents=True)
    return job


def index_rows(folder):
    for location, row in Dataset.at(folder / "train").locate(
        "utt_id", "num_samples", "sample_rate_hz", "text", "origin", "confidence"
    ):
        yield row | {"file": "../train/part-0.parquet", "row_group": location.row_group, "row": location.row}


def write_batches(job: Job, batch_seconds: float) -> None:
    rows = list(index_rows(job.index.parent))
    table = pa.table(
        {
            "duration_ms": pa.array([row["num_samples"] * 1000 // RATE for row in rows], pa.int64()),
            "origin": [row["origin"] for row in rows],
            "confidence": pa.array([None] * len(rows), pa.float32()),
        }
    )
    cycle = Cycle(0, "cycle-000", job.seed)
    for epoch in range(job.options.epochs):
        steps = DynamicBatcher(batch_seconds=batch_seconds).batch(cycle, epoch, job.options.ranks, table)
        lines = [
            {"epoch": epoch, "step": step, "rank": rank, "rows": batch}
            for step, by_rank in enumerate(steps)
            for rank, batch in enumerate(by_rank)
        ]
        write_table(job.batches / f"epoch-{epoch:03d}.parquet", lines, BATCHES)


def ranks_of(job: Job) -> list[int]:
    """The process ids of a training's ranks."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"ipl.training.worker" in command and str(job.path).encode() in command and b"--standalone" not in command:
            found.append(int(folder.name))
    return sorted(found)
