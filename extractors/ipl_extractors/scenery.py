"""What in a display is part of the scene and no text: signs, which move or stay, and logos.

Shapes: H rows, W columns of the band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ipl.mining.media import Box
from ipl_extractors.band_frame import Look
from ipl_extractors.display import Display
from ipl_extractors.probes import least_likeness
from ipl_extractors.strokes import WELL_CENTRED, Luma, Mask, common_share, stands_at, stroke_mask

__all__ = ["LEAST_ADDED", "STAYED", "logo_area", "share_on", "without_logo", "without_signs"]

AS_STRONG = 0.75
DIMMER, FADED = 0.85, 0.8
"""A text fades that stands out by this share at one end of a display of what it does at the other, or less; so much of
it by about the same share."""
STAYED = 0.8
"""A word of which this share is there before and after a display is no part of the text."""
PASSED = 0.25
"""A stroke stands out less than this share of what it does at the other end of a display: it is not there yet, or gone.

Of a line that is sung colours change, of letters in white on red from 255 to 180."""
CUT = 0.6
"""From this share on a line on the row where all texts have one is that of the text before and after, too."""
REACH = 2
"""How far a sign is looked for that moved, in line heights."""
LEAST_MOVE = 2
"""So many pixels are more than compression shifts an edge."""
ALIKE, MORE_ALIKE = 0.6, 0.2
"""The correlation of a word with itself at another place, and how much more it is than at its own."""
LIKE_ITSELF, LETTERS_LIKE = 0.45, 0.2
"""The correlation of a word with itself before and after a display, and of its letters: of 150 signs of films all had
both, drifting ones little more. Other words have less of one, "Who?" and "Why?" 0.68 and 0.1; "Gone." and "Done."
have not, 0.88 and 0.54."""
HARDLY_MOVES_MS = 1000
"""In a display that is shorter a sign may hardly have moved."""
LEAST_ADDED = 0.3
"""How wide the least word is, with the gap before it, in line heights."""
RIGHT_AT = 0.1
"""How far off their anchor lines are at the most, in line heights, of which nothing else tells that they are lines."""
VERY_ALIKE = 0.9
"""The correlation of a word with itself in the frames around its display: of another word with it, it is lower."""

Flags = npt.NDArray[np.bool_]


def without_signs(display: Display, look: Look) -> Display:
    """The display without words that are part of the scene: signs, titles.

    Some move with it. Some come or go while the text is shown, on no row where every text has a line. Some stand still,
    but were there before the display and still are after it; what stays of a text that only one side shares, as of two
    lines that come one after the other, is its own. So is what stays while a sign comes by: the sign has cut the
    display out of a longer one. That is so if nothing else is there than what moves, or if what stays is on the row
    where every text has a line, and either nothing else is or it stands at the anchor. What stands where lines do, and
    nothing else, is a part of a text that is displayed for longer: a sign that passed cut it, or it slowly grows.
    """
    words = _Words.of(display, look)
    on_rows = [words.is_on(row) for row in look.rows]
    on_row = on_rows[0] if on_rows else np.zeros_like(words.is_word)
    on_a_row = np.any([on_row, *on_rows], axis=0)
    passing = _passing(display)
    staying = words.share(_staying(display) & ~passing)
    for number in np.flatnonzero(staying >= CUT).tolist():
        if not _is_shown_around(display, words.box(number)):  # small letters of any text cover most of any other's
            staying[number] = 0
    stays = staying >= STAYED
    passes = (words.share(passing) >= STAYED) & ~on_row & on_row.any()
    moves = np.zeros_like(stays)
    for number in np.flatnonzero(words.is_word & ~stays & ~passes).tolist():
        moves[number] = _moves(display, words.box(number), look)
    others = words.is_word & ~(stays | moves | passes)
    if not (moves | passes | others).any() and words.are_lines(on_rows, look):
        return display
    is_cut = (moves | passes | others).any() and words.stand_at_anchor(on_row & (staying >= CUT), look)
    if is_cut or (moves.any() and not others.any()):
        is_sign = moves | passes | (others & ~on_a_row)
    elif others.any() and on_row[stays].any() and not on_row[others].any():
        is_sign = ~stays
    else:
        is_sign = moves | stays | passes
    return replace(display, strokes=display.strokes & ~is_sign[words.labels]) if is_sign.any() else display


@dataclass(frozen=True)
class _Words:
    """The words of a display, by numbers from 1 on: their pixels, int32 [H, W], how many are strokes, their boxes."""

    labels: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.int32]
    """left, top, right, bottom [number of words + 1, 4]"""
    is_word: Flags
    """whether it has a letter's worth of strokes"""

    @classmethod
    def of(cls, display: Display, look: Look) -> _Words:
        """The letters that stand so close to one another that they are of one word."""
        import cv2

        joint = np.ones((max(1, look.line_height // 6), look.line_height // 2), np.uint8)
        joined = cv2.dilate(display.strokes.view(np.uint8), joint)
        number, components, stats, _ = cv2.connectedComponentsWithStats(joined)
        labels, boxes = np.asarray(components, np.int32), np.array(stats[:, : cv2.CC_STAT_AREA], np.int32)
        boxes[:, 2:] += boxes[:, :2]
        sizes = np.bincount(labels[display.strokes], minlength=number)
        return cls(labels, sizes, boxes, sizes >= look.fewest)

    def share(self, mask: Mask) -> npt.NDArray[np.float64]:
        """Which share of each word's strokes is in a part of them, 0 to 1."""
        counts = np.bincount(self.labels[mask], minlength=len(self.sizes))
        shares: npt.NDArray[np.float64] = counts / np.maximum(self.sizes, 1)
        return shares

    def is_on(self, row: float) -> Flags:
        """Which words a row of the band runs through."""
        _, top, _, bottom = self.boxes.T
        on: Flags = self.is_word & (top <= row) & (row < bottom)
        return on

    def box(self, number: int) -> Box:
        return Box(*self.boxes[number].tolist())

    def are_lines(self, on_rows: Sequence[Flags], look: Look) -> bool:
        """Whether all words are on rows of the band, and those of each row stand right at the anchor."""
        if look.anchor is None or not on_rows or not np.array_equal(np.any(on_rows, axis=0), self.is_word):
            return False
        left, _, right, _ = self.boxes.T
        ends = [(int(left[on].min()), int(right[on].max())) for on in on_rows if on.any()]
        return bool(ends) and all(look.anchor.off(*each) <= RIGHT_AT * look.line_height for each in ends)

    def stand_at_anchor(self, chosen: Flags, look: Look) -> bool:
        """Whether some of the words, if there are any, stand at the anchor as one line."""
        if look.anchor is None or not chosen.any():
            return False
        left, _, right, _ = self.boxes[chosen].T
        return stands_at(look.anchor, int(left.min()), int(right.max()) - 1, look.line_height)


def share_on(strokes: Mask, always_on: Mask) -> npt.NDArray[np.float64]:
    """Which share of its letter is also there while no text is shown, 0 to 1 [H, W], for each pixel of a stroke.

    Of a logo's letter nearly all is, of a text's that covers it hardly more than where the two cross.
    """
    import cv2

    number, labels = cv2.connectedComponents(strokes.view(np.uint8))
    size, on = (np.bincount(labels[mask], minlength=number) for mask in (strokes, strokes & always_on))
    share: npt.NDArray[np.float64] = (on / np.maximum(size, 1))[labels]
    return share


def _staying(display: Display) -> Mask:
    """The strokes of a display that stand out as much before and after it; none where these are not known."""
    import cv2

    stays = display.strokes & (display.before is not None or display.after is not None)
    early, late = display.early, display.late
    if _fades(early, late, display.strokes):
        early = late = np.maximum(early, late)
    for around, inside in ((display.before, early), (display.after, late)):
        if around is not None:  # as strong as in the display: what fades in or out is not there yet, or no more
            stays &= cv2.dilate(around, np.ones((3, 3), np.uint8)) >= AS_STRONG * inside
    return stays


def _fades(early: Luma, late: Luma, strokes: Mask) -> bool:
    """Whether all strokes are dimmer at one end of a display than at the other, by about the same share."""
    if not strokes.any():
        return False
    dim, clear = sorted((early[strokes], late[strokes]), key=lambda each: float(np.median(each)))
    share = common_share(dim, clear, FADED)
    return share is not None and share <= DIMMER


def _is_shown_around(display: Display, word: Box) -> bool:
    """Whether a word looks as it does before and after the display, where these are known; by a pixel it may be off."""
    import cv2

    place = slice(word.top, word.bottom), slice(word.left, word.right)
    wider = slice(max(0, word.top - 1), word.bottom + 1), slice(max(0, word.left - 1), word.right + 1)
    around = ((display.before, display.early), (display.after, display.late))
    for one, inside in ((one[wider], inside[place]) for one, inside in around if one is not None):
        _, alike, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(one, inside, cv2.TM_CCOEFF_NORMED))
        if alike < LIKE_ITSELF or least_likeness(inside, one[row:, column:]) < LETTERS_LIKE:
            return False
    return True


def _passing(display: Display) -> Mask:
    """The strokes of a display that are there only when it begins, or only when it ends."""
    most, least = np.maximum(display.early, display.late), np.minimum(display.early, display.late)
    passing: Mask = display.strokes & (least < PASSED * most)
    return passing


def _moves(display: Display, word: Box, look: Look) -> bool:
    """Whether a word stands elsewhere at the end of the display: subtitles keep their place, the scene drifts.

    In a short display it hardly does; but then it stands close by in the frame before or after. Beside a longer one the
    end of another text may, that ends with the same words.
    """
    moved, likeness, likelier = _offset(display.early, display.late, word, look)
    if moved >= LEAST_MOVE and likeness >= ALIKE and likelier >= MORE_ALIKE:
        return True
    if display.end_ms - display.start_ms >= HARDLY_MOVES_MS:
        return False
    for other in (display.before, display.after):
        if other is not None:
            moved, likeness, likelier = _offset(display.early, other, word, look)
            is_near = LEAST_MOVE <= moved <= look.line_height / 2  # a line that rolls up moves by more
            is_there = is_near and likeness >= VERY_ALIKE and likelier >= MORE_ALIKE
            if is_there and not _is_set_anew(display, other, word, look):
                return True
    return False


def _is_set_anew(display: Display, other: Luma, word: Box, look: Look) -> bool:
    """Whether the line that a word is part of is centred in the display and in a frame around it, but longer in one.

    It has made room for one more word then, as a caption that is written word by word; a sign stays as long as it is.
    """
    if look.anchor is None or look.anchor.kind != "centre":
        return False
    lengths = []
    for mask in (display.strokes, look.text(stroke_mask(other, look.line_height, look.marks, look.bare))):
        columns = np.flatnonzero(mask[word.top : word.bottom].any(axis=0))
        if not len(columns) or abs((columns[0] + columns[-1]) / 2 - look.anchor.x) > WELL_CENTRED * look.line_height:
            return False
        lengths.append(columns[-1] - columns[0])
    return bool(max(lengths) - min(lengths) >= LEAST_ADDED * look.line_height)


def _offset(shown: Luma, other: Luma, word: Box, look: Look) -> tuple[int, float, float]:
    """How many pixels away a word stands in another picture, how alike it is there, and how much more than here."""
    import cv2

    reach = REACH * look.line_height
    above, before = min(reach, word.top), min(reach, word.left)
    place = shown[word.top : word.bottom, word.left : word.right]
    around = other[word.top - above : word.bottom + reach, word.left - before : word.right + reach]
    likeness = cv2.matchTemplate(around, place, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(likeness)
    return max(abs(row - above), abs(column - before)), best, best - float(likeness[above, before])


def logo_area(always: Mask, look: Look) -> Mask:
    """Fills the boxes around what is a letter's worth of strokes, with its faint edges and what lies between them."""
    import cv2

    side = look.line_height // 2
    joined = cv2.dilate(always.view(np.uint8), np.ones((side, side), np.uint8))
    boxes = np.zeros_like(always)
    for left, top, width, height in cv2.connectedComponentsWithStats(joined)[2][1:, : cv2.CC_STAT_AREA].tolist():
        place = slice(top, top + height), slice(left, left + width)
        boxes[place] |= np.count_nonzero(always[place]) >= look.fewest
    return boxes


def without_logo(display: Display, logo: Mask) -> Display:
    """The display with what is behind a logo guessed from around it."""
    import cv2

    if not logo.any():
        return display
    hidden = logo.astype(np.uint8)
    stack, picture = (
        cv2.inpaint(shown, hidden, 3, cv2.INPAINT_TELEA).astype(np.uint8) for shown in (display.stack, display.picture)
    )
    return replace(display, strokes=display.strokes & ~logo, stack=stack, picture=picture)
