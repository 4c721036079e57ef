"""Results for people: pages that open from disk, and plain text for the terminal."""

from ipl.report.mining import write_mining_report
from ipl.report.run import write_run_report
from ipl.report.summary import mining_summary, run_summary

__all__ = ["mining_summary", "run_summary", "write_mining_report", "write_run_report"]
