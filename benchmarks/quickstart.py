"""Time and memory of the quickstart and of `ipl mine` on its videos: `python benchmarks/quickstart.py`.

Prints a table, and last the same figures as one line of JSON. Peak memory is the largest sum of the proportional set
sizes (shared pages counted once) of a command's whole tree of processes, looked at twice a second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS_BETWEEN_LOOKS = 0.5


def main() -> None:
    """Measures both commands, one after the other, in an empty folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="keep the run here (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = args.out or Path(temporary)
        plan = ROOT / "examples" / "quickstart" / "cycles.yaml"
        rows = {"ipl run quickstart": measured(["run", str(plan), "--out", str(out / "run")])}
        videos = out / "run" / "sources" / "0-factory"
        rows["ipl mine, its videos"] = measured(["mine", str(videos), "--out", str(out / "mined"), "--language", "en"])
        summary = json.loads((out / "mined" / "summary.json").read_text())
    print(f"{'command':22} {'wall s':>8} {'peak MiB':>9}")
    for name, (seconds, peak_mib) in rows.items():
        print(f"{name:22} {seconds:8.1f} {peak_mib:9.0f}")
    minutes, speed = summary["hours"] * 60, summary["times_realtime"]
    print(f"mined {summary['num_sources']} videos of {minutes:.1f} minutes at {speed} x realtime")
    figures = {name: {"wall_seconds": seconds, "peak_mib": peak} for name, (seconds, peak) in rows.items()}
    print(json.dumps(figures | {"times_realtime": speed}))


def measured(arguments: list[str]) -> tuple[float, float]:
    """Runs an ipl command; returns its wall time in seconds and its tree's peak memory in MiB."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "ipl", *arguments], stdout=subprocess.DEVNULL)
    peak_kib = 0
    while process.poll() is None:
        peak_kib = max(peak_kib, sum(map(proportional_kib, tree(process.pid))))
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        sys.exit(f"ipl {' '.join(arguments)} ended with {process.returncode}")
    return round(time.monotonic() - began, 1), round(peak_kib / 1024)


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:  # it has just ended
            continue
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def proportional_kib(process: int) -> int:
    """The proportional set size of a process; 0 where it has just ended."""
    try:
        lines = (Path("/proc") / str(process) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
