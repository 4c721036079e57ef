"""How much of what goes through the model is audio and not padding, for each built-in batcher.

python benchmarks/padding.py [--data ../shared/data] [--ranks 2] [--batch-seconds 60]

`efficiency` is audio over padded audio of an epoch's batches; `balance` is the mean over the ranks of their padded
audio over that of the busiest rank, step by step, as a step takes as long as its slowest rank; `rows` is rows in
batches over rows of the set. Every rank has the same number of steps: the benchmark stops where that is not so.
Durations come from the manifests in `--data` where they are there, and from distributions made up.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ipl_plugins.batchers import DynamicBatcher, RatioBatcher, SortedFirstBatcher

from ipl.records import Cycle
from ipl.training.packing import padding_efficiency

Durations = npt.NDArray[np.int64]
GOAL = 0.95


def made_up() -> dict[str, Durations]:
    random = np.random.default_rng(0)
    long_read = np.concatenate([random.normal(14.5, 1.2, 70_000), random.uniform(2, 16, 30_000)])
    return {
        "read, 14 s and less (100,000)": _ms(long_read.clip(1.3, 17)),
        "subtitles, median 2 s (200,000)": _ms(np.exp(random.normal(np.log(2), 0.5, 200_000)).clip(0.3, 20)),
        "podcasts, 1 to 30 s (20,000)": _ms(random.uniform(1, 30, 20_000)),
        "few, median 3 s (500)": _ms(np.exp(random.normal(np.log(3), 0.5, 500)).clip(0.3, 20)),
    }


def recorded(data: Path) -> dict[str, Durations]:
    found = {}
    for path in sorted(data.glob("*/manifest.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        if rows and "seconds" in rows[0]:
            found[f"{path.parent.name} ({len(rows):,})"] = _ms(np.array([float(row["seconds"]) for row in rows]))
    if not found:
        print(f"no manifests with durations in {data}: those sets are skipped")
    return found


def _ms(seconds: npt.NDArray[np.float64]) -> Durations:
    return np.rint(seconds * 1000).astype(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--batch-seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    seconds = arguments.batch_seconds
    batchers = {
        "dynamic": (DynamicBatcher(batch_seconds=seconds), 1),
        "dynamic, window 4096": (DynamicBatcher(batch_seconds=seconds, shuffle_rows=4096), 1),
        "sorted_first, epoch 0": (SortedFirstBatcher(batch_seconds=seconds), 0),
        "sorted_first, epoch 1": (SortedFirstBatcher(batch_seconds=seconds), 1),
        "ratio": (RatioBatcher(batch_seconds=seconds), 1),
    }
    results = []
    print(f"{'data':34}{'batcher':24}{'efficiency':>11}{'balance':>9}{'rows':>7}{'steps':>8}")
    for name, durations_ms in (made_up() | recorded(arguments.data)).items():
        origins = np.where(np.random.default_rng(1).random(len(durations_ms)) < 0.2, "labelled", "pseudo")
        table = pa.table({"duration_ms": durations_ms, "origin": origins})
        for batcher, (plugin, epoch) in batchers.items():
            steps = plugin.batch(Cycle(0, "cycle-000", 17), epoch, arguments.ranks, table)
            if any(len(step) != arguments.ranks or not all(step) for step in steps):
                raise SystemExit(f"{name}, {batcher}: a rank has no batch at some step")
            loads = np.array([[durations_ms[batch].max() * len(batch) for batch in step] for step in steps])
            line = {
                "data": name,
                "batcher": batcher,
                "efficiency": padding_efficiency(durations_ms, steps),
                "balance": float(loads.mean() / loads.max(axis=1).mean()),
                "rows": sum(len(batch) for step in steps for batch in step) / len(durations_ms),
                "steps": len(steps),
            }
            results.append(line)
            print(
                f"{name:34}{batcher:24}{line['efficiency']:>11.1%}{line['balance']:>9.1%}{line['rows']:>7.2f}"
                f"{line['steps']:>8}"
            )
    least = min(results, key=lambda line: line["efficiency"])
    print(f"least: {least['efficiency']:.1%} ({least['data']}, {least['batcher']}); goal: {GOAL:.0%}")
    print(json.dumps({"ranks": arguments.ranks, "batch_seconds": seconds, "goal": GOAL, "results": results}))


if __name__ == "__main__":
    main()
