"""Estimates a language model: `python -m ipl.asr.lm TEXT... --out lm.arpa [--order 6]`; a line of a file, one text.

Its units are characters; for a recogniser of longer units name its folder with `--units`. A TEXT may be packed (.gz).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ipl.asr.config import from_json
from ipl.asr.lm.arpa import write_arpa
from ipl.asr.lm.estimate import estimate
from ipl.asr.models.reference import CONFIG_FILE
from ipl.asr.text import TextConfig, normalise
from ipl.errors import InputError, IplError
from ipl.files import UNREADABLE, open_text, read_json
from ipl.speech import find_model


def main() -> int:
    """Reads, estimates, writes; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ipl.asr.lm", description=__doc__)
    parser.add_argument("texts", nargs="+", type=Path, metavar="TEXT")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--order", type=int, default=6, help="units of an n-gram")
    parser.add_argument(
        "--units", type=Path, metavar="MODEL", help="model folder or run directory: its units, its text"
    )
    parser.add_argument("--keep-case", action="store_true", help="for a model that learned text with lower_case: false")
    parser.add_argument("--keep-punctuation", action="store_true", help="likewise strip_punctuation: false")
    arguments = parser.parse_args()
    config, units = TextConfig(not arguments.keep_case, not arguments.keep_punctuation), None
    try:
        if arguments.units:
            described = find_model(arguments.units).path / CONFIG_FILE
            model, units = from_json(read_json(described), str(described))
            config = model.text
        if arguments.order < 1:
            raise InputError(f"--order: found {arguments.order}, expected 1 or more")
        lines = [line for path in arguments.texts for line in _read(path)]
        normal = [text for line in lines if (text := normalise(line, config))]
        ngrams = estimate(map(units.cut, normal) if units else normal, arguments.order)
        write_arpa(ngrams, arguments.out)
    except IplError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{arguments.out}: {len(ngrams.values)} n-grams up to order {ngrams.order} of {len(normal)} texts")
    return 0


def _read(path: Path) -> list[str]:
    try:
        with open_text(path) as file:
            return file.read().splitlines()
    except UNREADABLE as error:
        raise InputError(f"{path}: no text can be read from it: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
