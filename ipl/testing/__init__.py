"""Helpers for the tests of plugins: the contract of each role, and small data to try them on. Imports no torch."""

from ipl.testing.check import check_plugin
from ipl.testing.result import CheckResult
from ipl.testing.small_data import small_dataset, small_hypotheses, small_model, small_utterances

__all__ = ["CheckResult", "check_plugin", "small_dataset", "small_hypotheses", "small_model", "small_utterances"]
