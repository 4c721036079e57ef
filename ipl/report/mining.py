"""The page of a mining folder: hours kept and lost, where time went, pairs to look at and listen to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ipl.files import write_text
from ipl.report.accounts import Account, count_time, total
from ipl.report.html import Html, element
from ipl.report.mining_numbers import MiningNumbers
from ipl.report.mining_samples import pair_table, reject_table
from ipl.report.numbers import NONE, count, hours, parts, seconds, share
from ipl.report.page import note, page, section
from ipl.report.table import bar_table, lines, table

__all__ = ["mining_sections", "write_mining_report"]

MOST_SOURCES = 40


def write_mining_report(out_dir: Path) -> Path:
    """Writes `report.html` into a mining folder, from what is there so far, and returns its path."""
    body = mining_sections(out_dir) or [note("Nothing has been mined here yet.")]
    path = out_dir / "report.html"
    write_text(path, page(f"Mined pairs: {out_dir.resolve().name}", body))
    return path


def mining_sections(out_dir: Path) -> list[Html | None]:
    """The sections on mining, for a page of their own or a run's; none where there is no such folder."""
    accounts = count_time(out_dir)
    if not accounts:
        return []
    numbers = MiningNumbers.at(out_dir)
    whole = total(accounts)
    lead = (
        f"{hours(whole.hours_kept)} of {hours(whole.hours)} became pairs: "
        f"{count(whole.num_pairs)} from {count(len(accounts))} {'source' if len(accounts) == 1 else 'sources'}."
    )
    return [
        section("Mining: hours kept and lost", element("p", lead), _hours_table(whole)),
        section(
            "Mining: where time went",
            _seconds(numbers.seconds) if numbers else note("Mining has not come to its end."),
            table("Counts", ("what", "number"), numbers.counts()) if numbers else None,
        ),
        section("Mining: sources", _failed(numbers) if numbers else None, _sources(accounts)),
        section("Mined pairs to look at and listen to", pair_table(out_dir)),
        section("What was rejected", reject_table(out_dir)),
    ]


def _hours_table(whole: Account) -> Html:
    values = {"kept": whole.hours_kept} | {f"lost: {reason}": lost for reason, lost in whole.hours_lost.items()}
    written = {name: hours(value) for name, value in values.items()}
    return bar_table(
        "Kept and lost time adds up to the whole of the sources", "what became of it", "time", values, written
    )


def _seconds(spent: Mapping[str, float]) -> Html | None:
    written = {phase: seconds(each) for phase, each in spent.items()}
    caption = "Work of all workers together, by phase"
    return bar_table(caption, "phase", "time", spent, written) if spent else None


def _failed(numbers: MiningNumbers) -> Html | None:
    rows = [(each["source_id"], each["reason"], each["detail"] or NONE) for each in numbers.failed[:MOST_SOURCES]]
    shown = f"{len(rows)} of {count(numbers.num_failed)}"
    return table(f"Sources of no use ({shown})", ("source", "why", "detail"), rows, cards=True) if rows else None


def _standing(account: Account) -> tuple[bool, float]:
    """What sources are ordered by: first those without a pair (a file that is no media has no time to lose at all)."""
    return account.num_pairs > 0, account.hours_kept / account.hours if account.hours else 0.0


def _sources(accounts: dict[str, Account]) -> Html:
    worst_first = sorted(accounts.items(), key=lambda each: (_standing(each[1]), each[0]))
    rows = []
    for source_id, account in worst_first[:MOST_SOURCES]:
        lost = lines(parts(account.hours_lost) or ["nothing"])
        times = (hours(account.hours), hours(account.hours_kept), share(account.hours_kept, account.hours))
        rows.append((source_id, count(account.num_pairs), *times, lost))
    shown = f"{MOST_SOURCES} of {count(len(accounts))}" if len(accounts) > MOST_SOURCES else "all"
    header = ("source", "pairs", "length", "kept", "share", "lost")
    return table(f"Sources, the worst first ({shown})", header, rows)
