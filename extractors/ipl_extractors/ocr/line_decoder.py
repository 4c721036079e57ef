"""From a CTC recogniser's probabilities to a line of text, with what else each character may be.

Shapes: B pictures, T time steps, V characters, of which 0 is CTC's blank; in them S steps of one stretch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipl.records import Alternative

__all__ = ["DecodedLine", "LineDecoder"]

SPACE_WEIGHT = 20
"""How many times likelier a space is than the recogniser thinks, when it stands against another character."""
LEAST_ODDS, LEAST_SPACE_ODDS = 0.02, 0.0005
"""What is less likely than this, beside what was read, is no alternative to it; a space is far less likely than that
nearly everywhere within words."""
CLOSE_UP = frozenset(".,…")
"""No language puts a space before these."""
BLANK = 0

Probs = npt.NDArray[np.float32]


class DecodedLine(NamedTuple):
    """A line of text: for each character where it stands and how sure it is, both 0 to 1, and what else may be read."""

    text: str
    places: tuple[float, ...]
    scores: tuple[float, ...]
    alternatives: tuple[Alternative, ...]


class LineDecoder:
    """Greedy CTC decoding, in place of rapidocr's own, that hears spaces and tells of each character.

    The recogniser was trained on text without spaces: between words it gives the space second place behind CTC's
    blank. But it does give it something there, a hundred times more than within words. So spaces are not decoded
    like other characters: one is put between two characters where the space's probability ever exceeds `least_space`.
    """

    def __init__(self, characters: Sequence[str], least_space: float) -> None:
        self.characters = characters
        self._space = characters.index(" ") if " " in characters else None
        self._least_space = max(least_space, 1e-6)  # it is divided by

    def __call__(
        self, probs: Probs, return_word_box: bool, wh_ratio_list: Sequence[float], max_wh_ratio: float
    ) -> tuple[list[tuple[str, float]], list[DecodedLine]]:
        """Decodes probs [B, T, V] to texts with mean scores, and to lines."""
        # Lines of a batch are padded on the right to the widest.
        widths = [probs.shape[1] * ratio / max_wh_ratio for ratio in wh_ratio_list]
        lines = [self._line(of_line, width) for of_line, width in zip(probs, widths, strict=True)]
        return [(line.text, score) for line, score in lines], [line for line, _ in lines]

    def _line(self, probs: Probs, width: float) -> tuple[DecodedLine, float]:
        spaces = np.zeros(len(probs), np.float32) if self._space is None else probs[:, self._space]
        best, sureness = probs.argmax(axis=1), probs.max(axis=1)
        if self._space is not None:
            weighed = np.minimum(SPACE_WEIGHT * spaces, 1.0)
            is_space = (weighed > sureness) & (best != self._space)
            best[is_space | (best == self._space)] = self._space
            sureness = np.where(best == self._space, weighed, sureness)
        changes = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
        stretches = [(int(start), int(end)) for start, end in pairwise(changes) if best[start] != BLANK]
        text: list[str] = []
        places: list[float] = []
        scores: list[float] = []
        others: list[Alternative] = []
        before, end_before = BLANK, 0
        for start, end in stretches:
            letter, at = int(best[start]), len(text)
            letters = self.characters[letter]  # one, or a few
            gap = slice(end_before, start)
            if letter == before == self._space:
                lost = self._lost_between_spaces(probs[gap])
                if lost is None:
                    end_before = end
                    continue
                others += (each for each in self._replaced(probs[gap], lost[0], at, at + 1) if each.text)
                text += self.characters[lost[0]]
                places += [min(1.0, (end_before + start) / 2 / width)] * (len(text) - at)
                scores += [lost[1]] * (len(text) - at)
                before, at = lost[0], len(text)
            if at and self._space not in (letter, before) and letters[0] not in CLOSE_UP:
                odds = float(spaces[gap].max(initial=0.0)) / self._least_space
                if odds > 1:
                    text.append(" ")
                    places.append(places[-1])
                    scores.append(min(1.0, SPACE_WEIGHT * self._least_space * odds))
                    others.append(Alternative(at, at + 1, "", 1 / odds))
                    at += 1
                elif odds >= LEAST_SPACE_ODDS:
                    others.append(Alternative(at, at, " ", odds))
            others += self._added(probs[gap], (before, letter), at)
            if letter == self._space:
                others.append(Alternative(at, at + 1, "", self._least_space / float(spaces[start:end].max())))
            else:
                others += self._replaced(probs[start:end], letter, at, at + len(letters))
            text += letters
            places += [min(1.0, (start + end) / 2 / width)] * len(letters)
            scores += [float(sureness[start:end].max())] * len(letters)
            before, end_before = letter, end
        others += self._added(probs[end_before:], (before, BLANK), len(text))
        score = float(np.mean([sureness[start] for start, _ in stretches])) if stretches else 0.0
        likely = tuple(each for each in others if each.odds >= (LEAST_SPACE_ODDS if each.text == " " else LEAST_ODDS))
        return DecodedLine("".join(text), tuple(places), tuple(scores), likely), score

    def _lost_between_spaces(self, probs: Probs) -> tuple[int, float] | None:
        """The likeliest character at steps, probs [S, V], between two spaces: there must be one for these to be two."""
        most = probs.max(axis=0, initial=0.0)
        most[[BLANK, self._space]] = 0
        lost = int(most.argmax())
        return (lost, float(most[lost])) if most[lost] >= LEAST_ODDS else None

    def _added(self, probs: Probs, beside: tuple[int, int], at: int) -> Iterator[Alternative]:
        """Yields what may stand in a gap, probs [S, V], between two characters: neither of these, nor a space."""
        for other, prob in self._likely(probs, BLANK):
            if other not in beside:
                yield Alternative(at, at, self.characters[other], prob / max(1 - prob, LEAST_ODDS))

    def _replaced(self, probs: Probs, letter: int, start: int, end: int) -> Iterator[Alternative]:
        """Yields what may stand in place of a letter, probs [S, V]; nothing, if all may be blank."""
        prob = float(probs[:, letter].max())
        for other, other_prob in self._likely(probs, letter):
            if other != BLANK:
                yield Alternative(start, end, self.characters[other], other_prob / prob)
        yield Alternative(start, end, "", float(probs[:, BLANK].min()) / prob)

    def _likely(self, probs: Probs, best: int) -> Iterator[tuple[int, float]]:
        """Yields the characters but the best one that have some probability at a step, with the most they have."""
        unsure = probs[probs[:, best] < 1 - LEAST_ODDS]
        if len(unsure):
            most = unsure.max(axis=0)
            for other in np.flatnonzero(most >= LEAST_ODDS).tolist():
                if other not in (best, self._space):
                    yield other, float(most[other])
