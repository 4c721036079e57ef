"""Options that several commands share."""

from __future__ import annotations

import argparse

__all__ = ["add_overrides", "add_work", "natural", "positive"]


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Adds --set."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a value of the file, e.g. defaults.trainer.epochs=5; may be given several times",
    )


def add_work(parser: argparse.ArgumentParser) -> None:
    """Adds --workers and --executor."""
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="processes for mining and recognition (default: one for each processor)",
    )
    parser.add_argument("--executor", choices=("local", "ray"), default="local", help="where those processes run")


def natural(text: str) -> int:
    """Reads a whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 0")
    return int(text)


def positive(text: str) -> int:
    """Reads a whole number from 1."""
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1")
    return number
