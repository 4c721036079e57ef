"""Where a recogniser goes wrong: reference above hypothesis, word by word, and what it takes for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from ipl.asr.metrics import align
from ipl.asr.pieces import is_han
from ipl.asr.text import normalise
from ipl.files import write_text
from ipl.report.html import Html, element, join
from ipl.report.numbers import NONE, count, percent
from ipl.report.page import note, page, section
from ipl.report.table import table

__all__ = ["Comparison", "error_lines", "error_sections", "worst", "write_error_page"]

NOTHING = "∅"
NUM_SHOWN = 50
NUM_CONFUSIONS = 25

Pair = tuple[str | None, str | None]


@dataclass(frozen=True)
class Comparison:
    """What an utterance contains and what a recogniser heard, both normalised as error rates see them."""

    utt_id: str
    reference: str
    hypothesis: str

    @classmethod
    def of(cls, utt_id: str, reference: str, hypothesis: str) -> Comparison:
        """Compares texts as they are written."""
        return cls(utt_id, normalise(reference), normalise(hypothesis))

    @cached_property
    def pairs(self) -> list[Pair]:
        """Words of the two beside each other, a Chinese character as a word; None is nothing."""
        return align(_words(self.reference), _words(self.hypothesis))

    @property
    def errors(self) -> list[Pair]:
        """The pairs that differ."""
        return [(meant, said) for meant, said in self.pairs if meant != said]


def _words(text: str) -> list[str]:
    return "".join(f" {each} " if is_han(each) else each for each in text).split()


def worst(comparisons: Sequence[Comparison], most: int = NUM_SHOWN) -> list[Comparison]:
    """Those with errors, most errors first."""
    wrong = [each for each in comparisons if each.errors]
    return sorted(wrong, key=lambda each: (-len(each.errors), each.utt_id))[:most]


def write_error_page(path: Path, comparisons: Sequence[Comparison], rates: Mapping[str, Any], title: str) -> None:
    """Writes the page of an evaluation: its error rates, what it confuses, the utterances with most errors."""
    rows = [
        (name.upper(), percent(rates[name]), f"{percent(rates[f'{name}_low'])} to {percent(rates[f'{name}_high'])}")
        for name in ("wer", "cer")
    ]
    kinds = ("substitutions", "deletions", "insertions", "num_words", "num_utterances")
    words = [tuple(count(rates[kind]) for kind in kinds)]
    body = [
        section(
            "Error rates",
            table("Errors per word and per character", ("rate", "errors", "95 % interval"), rows),
            table("Errors in words", ("substituted", "deleted", "inserted", "words", "utterances"), words),
        ),
        *error_sections(comparisons),
    ]
    write_text(path, page(title, body))


def error_sections(comparisons: Sequence[Comparison], whose: str = "") -> list[Html | None]:
    """What is confused and which utterances go most wrong, for a page; `whose` goes on with the titles."""
    shown = worst(comparisons)
    if not shown:
        return [note("No word is wrong.")] if comparisons else []
    wrong = sum(1 for each in comparisons if each.errors)
    legend = element(
        "p",
        *("The reference is above, what was heard below: ", element("span", "another word", class_="sub"), ", "),
        *(
            element("span", "a word left out", class_="del"),
            ", ",
            element("span", "a word too many", class_="ins"),
            ".",
        ),
        class_="note",
    )
    rows = [(each.utt_id, count(len(each.errors)), _aligned(each.pairs)) for each in shown]
    caption = f"{len(shown)} of {wrong} utterances with errors, of {len(comparisons)}; those with most errors"
    return [
        section(f"What is taken for what{whose}", _confusions(comparisons)),
        section(
            f"Errors in their place{whose}", legend, table(caption, ("utterance", "errors", "words"), rows, cards=True)
        ),
    ]


def _confusions(comparisons: Sequence[Comparison]) -> Html:
    counts = Counter(error for each in comparisons for error in each.errors)
    first = sorted(counts.items(), key=lambda each: (-each[1], each[0][0] or "", each[0][1] or ""))[:NUM_CONFUSIONS]
    rows = [(meant or NONE, said or NONE, _kind(meant, said), count(number)) for (meant, said), number in first]
    caption = f"The {len(rows)} most frequent of {len(counts)} kinds of errors"
    return table(caption, ("reference", "heard", "kind", "times"), rows)


def _kind(meant: str | None, said: str | None) -> str:
    return "inserted" if meant is None else "deleted" if said is None else "substituted"


def _aligned(pairs: Sequence[Pair]) -> Html:
    columns = []
    for meant, said in pairs:
        wrong = None if meant == said else "ins" if meant is None else "del" if said is None else "sub"
        lines = (element("bdi", each if each is not None else NOTHING) for each in (meant, said))
        columns.append(element("span", *lines, class_=f"pair {wrong}" if wrong else "pair"))
    return element("div", join(columns), class_="aligned")


def error_lines(comparison: Comparison, width: int) -> list[Text]:
    """The same for a terminal: the utterance's name, then its words in lines of at most `width` cells if they can."""
    shown = [Text(f"{comparison.utt_id}: {len(comparison.errors)} errors", style="bold")]
    above, below = Text(), Text()
    for meant, said in comparison.pairs:
        top, bottom = meant or "*" * len(said or ""), said or "*" * len(meant or "")
        cells = max(cell_len(top), cell_len(bottom))
        if above and above.cell_len + cells > width:
            shown += [above, below]
            above, below = Text(), Text()
        style = "" if meant == said else "green" if meant is None else "red" if said is None else "yellow"
        if meant is not None and said is not None and meant != said:
            top, bottom = top.upper(), bottom.upper()
        above.append(top + " " * (cells - cell_len(top) + 1), style)
        below.append(bottom + " " * (cells - cell_len(bottom) + 1), style)
    return [*shown, above, below]
