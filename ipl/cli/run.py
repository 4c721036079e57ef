"""`ipl run`, `check`, `plan`, `status` and `report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ipl.cli.options import add_overrides, add_work

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Adds the commands of runs."""
    run = commands.add_parser(
        "run", help="run a plan, or go on with it", description="Runs a plan, or goes on with it."
    )
    run.add_argument("plan", type=Path, help="the plan: a cycles.yaml")
    run.add_argument("--out", type=Path, help="run directory (default: runs/<name of the plan>)")
    add_overrides(run)
    add_work(run)
    run.set_defaults(run=_run)

    check = commands.add_parser(
        "check",
        help="prove a plan",
        description=(
            "Proves a plan without a GPU or torch: exit code 0 or 2. The data that it names must be there; only names "
            "of files and the columns of tables are read."
        ),
    )
    check.add_argument("plan", type=Path, help="the plan: a cycles.yaml")
    add_overrides(check)
    check.set_defaults(run=_check)

    plan = commands.add_parser(
        "plan",
        help="what a plan would do and cost",
        description="Says what a plan would do, and how much audio it would read, recognise and train on.",
    )
    plan.add_argument("plan", type=Path, help="the plan: a cycles.yaml")
    add_overrides(plan)
    plan.set_defaults(run=_plan)

    status = commands.add_parser(
        "status",
        help="what a run has done, and what would run and why",
        description="Says of every stage of a run whether it is done, and if not, why `ipl run` would work on it.",
    )
    status.add_argument("run_dir", metavar="RUN", type=Path, help="a run directory, such as runs/quickstart")
    status.set_defaults(run=_status)

    report = commands.add_parser(
        "report", help="write report.html anew", description="Writes report.html of a run or of a mined folder anew."
    )
    report.add_argument("run_dir", metavar="RUN", type=Path, help="a run directory, or a folder that `ipl mine` wrote")
    report.set_defaults(run=_report)


def _run(args: argparse.Namespace) -> int:
    from ipl import api
    from ipl.report import run_summary

    result = api.run(args.plan, args.out, args.set, args.workers, args.executor)
    print(run_summary(result.results))
    print(f"\nreport: {result.path / 'report.html'}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from ipl import api

    plan = api.check(args.plan, args.set)
    print(f"{args.plan}: {len(plan.cycles)} cycles, nothing wrong with it")
    return 0


def _plan(args: argparse.Namespace) -> int:
    from ipl import api
    from ipl.cost import describe_plan

    for line in describe_plan(api.check(args.plan, args.set)):
        print(line)
    return 0


def _status(args: argparse.Namespace) -> int:
    from ipl import api

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for column, justify in (("stage", "left"), ("state", "left"), ("seconds", "right"), ("why it would run", "left")):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for each in api.status(args.run_dir):
        table.add_row(each.stage, each.state, "" if each.seconds is None else f"{each.seconds:.1f}", each.why)
    console.print(table)
    return 0


def _report(args: argparse.Namespace) -> int:
    from ipl import api

    print(api.report(args.run_dir))
    return 0
