"""N-gram models as ARPA files have them: each n-gram's log probability, and what backing off from it costs.

Tokens are units of a recogniser; the space is written `<space>`, and inside a longer unit `▁`, as SentencePiece does.
Logarithms are to the base 10, as in the files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ipl.errors import InputError
from ipl.files import UNREADABLE, open_text, write_text

__all__ = ["BEGIN", "END", "UNKNOWN", "Ngram", "Ngrams", "read_arpa", "write_arpa"]

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
_SPACE, _SPACE_INSIDE = "<space>", "\u2581"
Ngram = tuple[str, ...]


@dataclass(frozen=True)
class Ngrams:
    """`values` maps an n-gram to its log10 probability after its first n - 1 tokens, and its log10 backoff weight."""

    order: int
    values: dict[Ngram, tuple[float, float]]

    def log10(self, history: Ngram, token: str) -> float:
        """log10 P(token | history); -inf for a token that the model does not have."""
        history = history[len(history) - self.order + 1 :] if len(history) >= self.order else history
        cost = 0.0
        while (*history, token) not in self.values:
            if not history:
                return -math.inf
            cost += self.values.get(history, (0.0, 0.0))[1]
            history = history[1:]
        return cost + self.values[*history, token][0]


def read_arpa(path: Path) -> Ngrams:
    """Reads an ARPA file; InputError names the line that is none of it."""
    values: dict[Ngram, tuple[float, float]] = {}
    order, has_begun, has_ended = 0, False, False
    for number, line in _lines(path):
        if line == "\\data\\":
            has_begun = True
        elif not has_begun or not line or line.startswith("ngram "):
            continue
        elif line == "\\end\\":
            has_ended = True
            break
        elif line.startswith("\\") and line.endswith("-grams:") and line[1:-7].isdigit():
            order = int(line[1:-7])
        else:
            ngram, value = _entry(line, order, f"{path}:{number}")
            values[ngram] = value
    if not values or not has_ended:
        raise InputError(f"{path}: not a whole ARPA file; expected \\data\\, n-grams, and \\end\\ at the end")
    return Ngrams(order, values)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with open_text(path) as file:
            for number, line in enumerate(file, start=1):
                yield number, line.strip()
    except UNREADABLE as error:
        raise InputError(f"{path}: no language model can be read from it: {error}") from error


def _entry(line: str, order: int, where: str) -> tuple[Ngram, tuple[float, float]]:
    fields = line.split()
    if not order or len(fields) not in (order + 1, order + 2):
        raise InputError(f"{where}: found {line!r}, expected a log probability, {order} tokens and maybe a backoff")
    try:
        probability, backoff = float(fields[0]), float(fields[order + 1]) if len(fields) == order + 2 else 0.0
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error
    return tuple(map(_token, fields[1 : order + 1])), (probability, backoff)


def _token(word: str) -> str:
    return " " if word == _SPACE else word.replace(_SPACE_INSIDE, " ")


def _word(token: str) -> str:
    return _SPACE if token == " " else token.replace(" ", _SPACE_INSIDE)


def write_arpa(ngrams: Ngrams, path: Path) -> None:
    """Writes an ARPA file, whole or not at all."""
    write_text(path, "".join(f"{line}\n" for line in _arpa(ngrams)))


def _arpa(ngrams: Ngrams) -> Iterable[str]:
    by_order = [sorted(each for each in ngrams.values if len(each) == n) for n in range(1, ngrams.order + 1)]
    yield "\\data\\"
    for n, of_order in enumerate(by_order, start=1):
        yield f"ngram {n}={len(of_order)}"
    for n, of_order in enumerate(by_order, start=1):
        yield ""
        yield f"\\{n}-grams:"
        for each in of_order:
            probability, backoff = ngrams.values[each]
            tokens = " ".join(map(_word, each))
            yield f"{probability:.6f}\t{tokens}" + (f"\t{backoff:.6f}" if n < ngrams.order else "")
    yield ""
    yield "\\end\\"
