"""Cells that the page and the terminal write alike; what is not there yet is a dash."""

from __future__ import annotations

from ipl.report.numbers import NONE, interval
from ipl.report.results import CycleResult, ErrorRates

__all__ = ["error_cells", "model_name"]


def model_name(cycle: CycleResult) -> str:
    """The name of a cycle's model."""
    return f"{cycle.name} (true texts)" if cycle.oracle else cycle.name


def error_cells(rates: ErrorRates | None) -> tuple[str, str]:
    """WER and CER with their intervals."""
    if rates is None:
        return NONE, NONE
    return interval(rates.wer, rates.wer_low, rates.wer_high), interval(rates.cer, rates.cer_low, rates.cer_high)
