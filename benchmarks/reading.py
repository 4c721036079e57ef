"""Memory and time of reading a training set that is larger than memory, with and without windows.

python benchmarks/reading.py [--utterances 200000] [--folder FOLDER] [--batches 60]

Writes so many made-up utterances of 0.3 to 1.2 s in files of 20,000, unless FOLDER has them already, and makes batches
of features at the start, in the middle and at the end of an epoch, with batches mixed over all rows and in windows of
4,096. `open` is what it takes to look through the index, `MB` what the process holds beyond what it held before;
`groups` is row groups read (of 32 rows) per utterance; `resume` is the time to the first batch in the middle of the
epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from ipl_plugins.batchers import DynamicBatcher

from ipl import row_groups
from ipl.asr.config import ModelConfig
from ipl.asr.units import Units
from ipl.audio import encode_flac
from ipl.records import Cycle, Utterance
from ipl.schemas import BATCHES, INDEX, UTTERANCES
from ipl.tables import Dataset, Index, write_table
from ipl.training.batches import read_steps
from ipl.training.data import TrainingSet
from ipl.training.job import Job, TrainingOptions
from ipl.training.skipped import Skipped

RATE = 16_000
PER_FILE = 20_000
TEXT = "so much is said in every one of them"


def utterances(first: int, last: int) -> Iterator[Utterance]:
    random = np.random.default_rng(0)
    sizes = random.uniform(0.3 * RATE, 1.2 * RATE, 64).astype(int)
    audio = [encode_flac(random.normal(0, 0.1, size), RATE) for size in sizes]
    for number in range(first, last):
        size, flac = int(sizes[number % 64]), audio[number % 64]
        yield Utterance(f"utt-{number:07d}", "made", 0, size // 16, flac, RATE, size, TEXT, origin="labelled")


def write_data(folder: Path, count: int) -> None:
    for first in range(0, count, PER_FILE):
        last = min(count, first + PER_FILE)
        write_table(folder / "data" / f"part-{first:08d}.parquet", utterances(first, last), UTTERANCES)
    columns = ("utt_id", "num_samples", "sample_rate_hz", "text", "origin", "confidence")
    located = Dataset.at(folder / "data").locate(*columns)
    rows = (
        row | {"file": f"../data/{where.file.name}", "row_group": where.row_group, "row": where.row}
        for where, row in located
    )
    write_table(folder / "index" / "index.parquet", rows, INDEX)


def write_batches(folder: Path, window: int) -> Path:
    table = Index(folder / "index").read("num_samples")
    durations = pa.table({"duration_ms": pa.array(table["num_samples"].to_numpy() * 1000 // RATE)})
    steps = DynamicBatcher(shuffle_rows=window).batch(Cycle(0, "cycle-000", 17), 0, 1, durations)
    out = folder / f"batches-{window}"
    rows = ({"epoch": 0, "step": step, "rank": 0, "rows": batch} for step, (batch,) in enumerate(steps))
    write_table(out / "epoch-000.parquet", rows, BATCHES)
    return out


def memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Counting(row_groups.RecentlyUsed):
    reads = 0

    def get(self, key: Hashable, read: Callable[[], pa.Table]) -> pa.Table:
        def counted() -> pa.Table:
            Counting.reads += 1
            return read()

        return super().get(key, counted)


def measure(folder: Path, window: int, count: int) -> dict[str, float]:
    """In a process of its own, so that one way's memory is not the other's."""
    row_groups.KEPT = Counting(row_groups.KEPT.budget)
    before, began = memory_mb(), time.monotonic()
    options = TrainingOptions(cache="none", device="cpu")
    batches, out = folder / f"batches-{window}", Path(tempfile.mkdtemp(dir=folder))
    job = Job(student=folder, index=folder / "index", batches=batches, dev=(), out_dir=out, seed=17, options=options)
    data = TrainingSet(job, ModelConfig(), Units.collect([TEXT]), Skipped(out, 0))
    opened_seconds, opened_mb = time.monotonic() - began, memory_mb() - before
    began = time.monotonic()
    steps = read_steps(batches, 0, 1)
    data.batch(0, len(steps) // 2, steps[len(steps) // 2], 0)
    resume_seconds = time.monotonic() - began
    began, Counting.reads, rows, peak = time.monotonic(), 0, 0, 0.0
    for start in (0, len(steps) // 2, len(steps) - count):
        for place in range(start, start + count):
            rows += len(data.batch(0, place, steps[place], 0).rows)
            peak = max(peak, memory_mb() - before)
    return {
        "window": window,
        "utterances": len(data.num_units),
        "open_seconds": opened_seconds,
        "open_mb": opened_mb,
        "peak_mb": peak,
        "ms_per_utterance": (time.monotonic() - began) / rows * 1000,
        "groups_per_utterance": Counting.reads / rows,
        "resume_seconds": resume_seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=200_000)
    parser.add_argument("--batches", type=int, default=60, help="batches at each of three places of the epoch")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made = None if arguments.folder else tempfile.TemporaryDirectory()
    folder = arguments.folder or Path(made.name)  # type: ignore[union-attr]
    if not (folder / "index").exists():
        write_data(folder, arguments.utterances)
    size_mb = sum(file.stat().st_size for file in (folder / "data").iterdir()) / 1e6
    print(f"{arguments.utterances} utterances, {size_mb:,.0f} MB")
    print(
        f"{'window':>8}{'open, s':>9}{'open, MB':>10}{'peak, MB':>10}{'ms/utterance':>14}{'groups':>8}{'resume, s':>11}"
    )
    results = []
    for window in (0, 4096):
        write_batches(folder, window)
        reader, writer = os.pipe()
        if not os.fork():
            with os.fdopen(writer, "w") as pipe:
                pipe.write(json.dumps(measure(folder, window, arguments.batches)))
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            line = json.loads(pipe.read())
        os.wait()
        results.append(line)
        print(
            f"{window or 'all':>8}{line['open_seconds']:>9.1f}{line['open_mb']:>10.0f}{line['peak_mb']:>10.0f}"
            f"{line['ms_per_utterance']:>14.2f}{line['groups_per_utterance']:>8.2f}{line['resume_seconds']:>11.2f}"
        )
    print(json.dumps({"data_mb": size_mb, "results": results}))


if __name__ == "__main__":
    main()
