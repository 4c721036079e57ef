"""What `import ipl` offers as functions; the command line is a thin layer over it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipl.config import Choice, DataSource, MinePlan, Plan, read_mine_plan, read_plan
from ipl.errors import InputError
from ipl.files import read_json, write_json
from ipl.loop import run_cycles
from ipl.records import ModelRef
from ipl.rundir import RunDir, StageStatus
from ipl.stages import SETS, Context, default_workers
from ipl.tables import Dataset

if TYPE_CHECKING:
    from ipl.mining.pipeline import MiningResult

__all__ = ["RunResult", "check", "load", "mine", "report", "run", "status"]


@dataclass(frozen=True)
class RunResult:
    """What a run left behind: its folder, the numbers of results.json, the best model of each cycle."""

    path: Path
    results: dict[str, Any]
    models: tuple[ModelRef, ...]


def check(plan: Path | str, overrides: Sequence[str] = ()) -> Plan:
    """Proves a plan without a GPU or torch; raises ConfigError with all that is wrong with it.

    The data that it names must be there; only names of files and the columns of tables are read.
    """
    return read_plan(Path(plan), overrides)


def run(
    plan: Path | str,
    out: Path | str | None = None,
    overrides: Sequence[str] = (),
    workers: int | None = None,
    executor: str = "local",
) -> RunResult:
    """Runs a plan in the run directory `out` (`runs/<name>` by default), or goes on with it.

    `overrides` are `key=value` as `--set` takes them; `workers` counts processes for mining and recognition.
    Raises ConfigError or another InputError for what is wrong with the input, StageError where a stage failed.
    """
    read = read_plan(Path(plan), overrides)
    run_dir = RunDir((Path(out) if out else Path("runs") / read.name).resolve())
    ctx = Context(read, run_dir, workers or default_workers(), executor)
    with run_dir.lock():
        _describe(ctx, overrides)
        run_dir.event("run_started", plan=read.name)
        models = run_cycles(ctx)
        run_dir.event("run_done")
        report(run_dir.path)
    return RunResult(run_dir.path, read_json(run_dir.path / "results.json"), tuple(models))


def status(run_path: Path | str) -> list[StageStatus]:
    """Says of every stage of a run whether it is done, and if not, why the next `ipl run` would work on it."""
    folder = Path(run_path).resolve()
    environment = _environment(folder)
    file = Path(environment["plan"])
    if not file.is_file():
        raise InputError(f"{folder}: its plan {file} is gone; a copy lies in {folder / 'plan.yaml'}: put it back")
    run_dir = RunDir(folder, dry=True)
    run_cycles(Context(read_plan(file, environment["set"]), run_dir, 1, "local"))
    return list({each.stage: each for each in run_dir.statuses}.values())  # cycles share some stages


def report(path: Path | str) -> Path:
    """Writes report.html for a run directory, or for a folder that `mine` wrote, and returns its path."""
    from ipl.mining.receipts import MinedFolder
    from ipl.report import write_mining_report, write_run_report

    folder = Path(path)
    if (folder / "environment.json").is_file():
        return write_run_report(folder)
    if (folder / "summary.json").is_file():
        return write_mining_report(folder)
    if unfinished := MinedFolder(folder).unfinished():
        raise InputError(unfinished)
    raise InputError(f"{folder}: neither a run (no environment.json) nor a mined folder (no summary.json)")


def mine(
    *sources: Path | str,
    out: Path | str,
    config: Path | str | None = None,
    language: str | None = None,
    overrides: Sequence[str] = (),
    workers: int | None = None,
    executor: str = "local",
    srt: bool = False,
) -> MiningResult:
    """Mines wave–transcript pairs from files, folders and globs into the folder `out`, and writes its report.

    With `srt` the cues of each source become a subtitle file too, `out/srt/<source_id>.srt`. Sources that an earlier
    call mined under the same settings are not mined again. One bad source is a row of `rejects`; raises StageError
    where every source failed.
    """
    from ipl.stages.mine import mine_into

    plan, files = read_mine_plan(Path(config) if config else None, language, overrides)
    named = [str(source) for source in sources] or list(plan.sources)
    if not named:
        raise InputError("no sources; name files, folders or globs")
    folder = Path(out)
    try:
        return mine_into(folder, named, plan, files, workers or default_workers(), executor, srt)
    finally:
        if (folder / "summary.json").is_file():
            report(folder)


def load(*paths: Path | str) -> Dataset:
    """Opens utterances: folders of Parquet, or folders that `mine` or `ipl data import` wrote."""
    return Dataset.at(*paths)


def _environment(folder: Path) -> dict[str, Any]:
    if not (folder / "environment.json").is_file():
        raise InputError(f"{folder}: not a run directory; expected one that `ipl run` made, such as runs/<name>")
    environment: dict[str, Any] = read_json(folder / "environment.json")
    return environment


def _describe(ctx: Context, overrides: Sequence[str]) -> None:
    """Leaves beside the results what made them."""
    folder = ctx.run.path
    shutil.copyfile(ctx.plan.file, folder / "plan.yaml")
    packages = ("ipl", "torch", "numpy", "pyarrow", "pluggy", "rapidocr", "onnxruntime", "webrtcvad-wheels", "pysubs2")
    environment = {
        "plan": str(ctx.plan.file),
        "set": list(overrides),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": {name: version(name) for name in packages},
    }
    write_json(folder / "environment.json", environment)
    resolved = {
        "name": ctx.plan.name,
        "seed": ctx.plan.seed,
        "plugins": _yaml_value(ctx.plan.plugin_files),
        "data": {name: _sources(getattr(ctx.plan.data, name)) for name in SETS} | {"mined": list(ctx.plan.data.mined)},
        "models": _yaml_value(ctx.plan.models),
        "mine": _mine_settings(ctx.plan.mine) if ctx.plan.mine else None,
        "cycles": [
            {
                "name": cycle.name,
                "oracle": cycle.oracle,
                "train_on": list(cycle.train_on),
                "filter_rule": cycle.filter_rule,
                "recognizes": cycle.recognizes,
                **{role: _plain(choice) for role, choice in cycle.roles.items()},
                "filter": [_plain(choice) for choice in cycle.filters],
            }
            for cycle in ctx.plan.cycles
        ],
    }
    _write_yaml(folder / "resolved.yaml", resolved)


def _mine_settings(plan: MinePlan) -> dict[str, Any]:
    roles = {role: [_plain(choice) for choice in choices] for role, choices in plan.choices.items()}
    suppliers = [_plain(choice) for choice in plan.suppliers]
    return {"sources": list(plan.sources), "suppliers": suppliers, "language": plan.language, **roles}


def _plain(choice: Choice) -> dict[str, Any]:
    return {"use": choice.name, "revision": choice.info.revision, **_yaml_value(choice.settings())}


def _yaml_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _yaml_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_yaml_value(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _sources(sources: Sequence[DataSource]) -> list[Any]:
    return [
        {"path": _yaml_value(source.path), **(_plain(source.corpus) if source.corpus else {})} for source in sources
    ]


def _write_yaml(path: Path, value: dict[str, Any]) -> None:
    import io

    from ruamel.yaml import YAML

    from ipl.files import write_text

    text = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.dump(value, text)
    write_text(path, "# All that the run uses, defaults included; written by `ipl run`.\n" + text.getvalue())
