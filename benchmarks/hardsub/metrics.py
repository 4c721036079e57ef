"""What reading is measured by. Found cues are matched to true ones by time alone, then their texts are compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from ipl_datasets.factory.truth import Displayed
from rapidfuzz.distance import Levenshtein

from ipl.records import Cue

LEAST_IOU = 0.5


@dataclass
class Score:
    """Sums over one or more films; `+` joins two."""

    true_cues: int = 0
    exact: int = 0
    missed: int = 0
    phantom: int = 0
    errors: float = 0.0
    """event errors: of a matched cue its character error rate, at most 1; of a missed or a phantom one 1"""
    short_cues: int = 0
    """of one or two letters"""
    short_exact: int = 0
    two_line_cues: int = 0
    two_line_exact: int = 0
    spaceless: int = 0
    """matched cues that differ in nothing but spaces"""
    straightened: int = 0
    """matched cues that differ in nothing but whether apostrophes are straight or curly"""
    boundary_frames: list[float] = field(default_factory=list)
    """how far each start and each end of a matched cue is off"""

    def __add__(self, other: Score) -> Score:
        return Score(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @property
    def event_cer(self) -> float:
        """Event errors per true cue (ICPR-MSR 2022)."""
        return self.errors / max(1, self.true_cues)

    def boundary(self, percentile: float) -> float | None:
        """A percentile of the boundary errors, in frames."""
        return float(np.percentile(self.boundary_frames, percentile)) if self.boundary_frames else None


def plain(text: str) -> str:
    """One line: breaks and runs of blanks are one space; none beside a Chinese letter, where none is written.

    An ellipsis is three dots, as it looks; a line that breaks beside a slash has no space there.
    """
    unbroken = re.sub(r"\s*\n\s*(?=/)|(?<=/)\s*\n\s*", "", text)
    text = re.sub(r"\s+", " ", unbroken).strip().replace("…", "...")
    return re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef]) | (?=[\u3000-\u9fff\uff00-\uffef])", "", text)


def score(found: Sequence[Cue], true: Sequence[Displayed], frame_rate: float) -> Score:
    """Scores one film."""
    result = Score(true_cues=len(true))
    matches = match(found, true)
    for number, cue in enumerate(true):
        told = matches.get(number)
        text, read = plain(cue.text), plain(told.text) if told else ""
        exact = told is not None and text == read
        result.exact += exact
        short, two_lines = sum(map(str.isalnum, text)) <= 2, "\n" in cue.text
        result.short_cues += short
        result.short_exact += short and exact
        result.two_line_cues += two_lines
        result.two_line_exact += two_lines and exact
        if told is None:
            result.missed += 1
            result.errors += 1
            continue
        result.errors += min(1.0, Levenshtein.distance(text, read) / len(text))
        result.spaceless += not exact and text.replace(" ", "") == read.replace(" ", "")
        result.straightened += not exact and text.replace("’", "'") == read.replace("’", "'")
        for off_ms in (told.start_ms - cue.start_ms, told.end_ms - cue.end_ms):
            result.boundary_frames.append(abs(off_ms) * frame_rate / 1000)
    result.phantom = len(found) - len(matches)
    result.errors += result.phantom
    return result


def together(cues: Iterable[Cue]) -> list[Cue]:
    """Joins the tracks of two languages that are displayed at once, as the truth has them."""
    joined: dict[tuple[int, int], Cue] = {}
    for cue in cues:
        upper = joined.get((cue.start_ms, cue.end_ms))
        joined[cue.start_ms, cue.end_ms] = replace(cue, text=f"{upper.text}\n{cue.text}") if upper else cue
    return list(joined.values())


def match(found: Sequence[Cue], true: Sequence[Displayed]) -> dict[int, Cue]:
    """Matches one to one, best first, the true cues (by number) to found ones that share most of their time."""
    pairs = sorted(((_iou(cue, told), -n, -m) for n, cue in enumerate(true) for m, told in enumerate(found)))
    matched: dict[int, int] = {}
    for iou, n, m in reversed(pairs):
        if iou >= LEAST_IOU and -n not in matched and -m not in matched.values():
            matched[-n] = -m
    return {n: found[m] for n, m in matched.items()}


def wrong_lines(found: Sequence[Cue], true: Sequence[Displayed]) -> Iterator[str]:
    """Says of each cue that was not read exactly what it is, and what was read; then what was read and is none."""
    matches = match(found, true)
    for number, cue in enumerate(true):
        told = matches.get(number)
        if told is None or plain(told.text) != plain(cue.text):
            yield f"{cue.start_ms}-{cue.end_ms} {plain(cue.text)!r} read {plain(told.text) if told else None!r}"
    for told in found:
        if told not in matches.values():
            yield f"phantom {told.start_ms}-{told.end_ms} {told.text!r}"


def _iou(one: Displayed, other: Cue) -> float:
    shared = min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms)
    together = max(one.end_ms, other.end_ms) - min(one.start_ms, other.start_ms)
    return shared / together if together > 0 else 0.0
