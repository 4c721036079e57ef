"""Signs and logos that were taken for subtitles: a few words that come again and again, one that never changes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from unicodedata import east_asian_width

from ipl.records import Span
from ipl_extractors.outlines import ENCLOSED, Closed
from ipl_extractors.rows import SHORTEST_PART, is_same_text

__all__ = ["are_signs", "are_slides", "are_stripes", "intrudes", "is_logo", "on_plates"]

ENOUGH = 8
"""So many texts are needed to tell."""
MOST = 200
"""So many of them, spread over the video, tell as well as all."""
DISTINCT = 0.35
"""Less than this share of different texts: lyrics have about half, with their refrains."""
SENTENCE = 12
"""Texts half of which have so many letters, of those of full width half as many, are sentences."""
LONGEST_MS = 7000
"""Houses show no subtitle for longer."""
TOGETHER_MS = 200
"""Two texts that are displayed together, of two languages, come or go within so much of each other."""
ON_PLATE = 0.125
"""Between dark letters less is closed off, if not many have holes as B has; of outlined ones twice as much, or more.

Of the dark letters themselves their plate closes off as much as outlines of bright ones, though; of what is between
bright letters on a box that a letterbox's edge runs through neither is.
"""
STRIPES = frozenset("一二三亖丨口日目田")
"""What a recogniser of Chinese reads of blinds, fences and windows."""
SLIDE_MS, FEWEST_SLIDES = 9000, 2
"""Slides stand for so long or longer, clearly more than any subtitle, and there are so many at the least."""
MOSTLY = 0.5
"""Of slides this share of the texts, and of the time that any is displayed, are of such as stand for longer."""
ALWAYS = 0.8
"""A logo is there for this share of the video, or more."""


def are_signs(texts: Sequence[str]) -> bool:
    """Whether the texts of a band are those of boards, labels or menus: hardly ever another one, or parts of one.

    >>> are_signs(["EXIT", "CAFE", "EX", "CAFE", "EXIT", "XIT", "CAFE", "CA FE"]), are_signs(["No.", "No.", "Yes."])
    (True, False)
    >>> are_signs(["Where is the station?", "I would like some tea."] * 6)
    False
    """
    if texts and median(map(_width, texts)) >= SENTENCE:  # lines of a lesson come again and again, too
        return False
    texts = texts[:: max(1, len(texts) // MOST)]
    texts = sorted((text.replace(" ", "") for text in texts), key=len, reverse=True)
    distinct: list[str] = []
    for text in texts:
        if not any(text in other or is_same_text(text, other) for other in distinct):
            distinct.append(text)
            if len(distinct) >= DISTINCT * len(texts):
                return False
    return len(texts) >= ENOUGH


def _width(text: str) -> int:
    """How many letters of half width a text has room for."""
    return sum(1 + (east_asian_width(each) in "WF") for each in text if each.isalnum())


def is_logo(texts: Sequence[str], shown_ms: Sequence[int], duration_ms: int) -> bool:
    """Whether a band has but one text, and that in nearly all of the video, for longer than any subtitle.

    >>> is_logo(["IPL TV"], [25_000], 25_000), is_logo(["No!", "No!"], [4_000, 4_000], 9_000)
    (True, False)
    """
    if sum(shown_ms) < ALWAYS * duration_ms or max(shown_ms) < LONGEST_MS:
        return False
    first, *others = texts
    return all(is_same_text(first, other) for other in others)


def are_slides(shown_ms: Sequence[int]) -> bool:
    """Whether most texts of a band, most of the time, stand for longer than any subtitle, as those of slides do.

    >>> are_slides([20_000, 2_000, 12_000]), are_slides([9_000, 2_000, 2_000, 3_000, 2_500])
    (True, False)
    >>> are_slides([80_000, *[2_000] * 20]), are_slides([9_500, 4_000])  # subtitles and a card, two lines moved away
    (False, False)
    """
    long = [each for each in shown_ms if each >= SLIDE_MS]
    return len(long) >= max(FEWEST_SLIDES, MOSTLY * len(shown_ms)) and sum(long) >= MOSTLY * sum(shown_ms)


def are_stripes(text: str, script: str) -> bool:
    """Whether a text of a band in this script is read of stripes of the scene.

    >>> are_stripes(": 三\\n三", "latin"), are_stripes("三", "cjk"), are_stripes("三 OK", "latin")
    (True, False, False)
    """
    letters = set(filter(str.isalnum, text))
    return script != "cjk" and bool(letters) and letters <= STRIPES


def on_plates(texts: Sequence[str], closed: Sequence[Closed]) -> list[bool]:
    """Which texts of a band are of dark letters on a light plate, where the others are of light ones with outlines.

    Or the other way round. `closed` is which shares of the strokes of each others close off (`outlines.enclosed`);
    nothing is told where hardly any are, of letters without outlines over a light scene, nor of a few letters.

    >>> outlined, dark = Closed(0.7, 0.2), Closed(0.05, 0.8)
    >>> on_plates(["Who is it?", "OPEN", "Nobody."], [outlined, dark, outlined]), on_plates(["OPEN"], [dark])
    ([False, True, False], [False])
    """
    usual = median(each.bright for each in closed) if closed else 0.0
    are_long = [sum(map(str.isalnum, text)) >= SHORTEST_PART for text in texts]
    return [
        is_long and usual >= ENCLOSED and each.bright < ON_PLATE and each.dark >= ENCLOSED
        for is_long, each in zip(are_long, closed, strict=True)
    ]


def intrudes(text: Span, others: Sequence[Span]) -> bool:
    """Whether a text comes or goes while another one is displayed elsewhere, and neither with it.

    >>> intrudes(Span(1500, 1900), [Span(0, 1000), Span(1100, 4000)]), intrudes(Span(1100, 4000), [Span(1000, 4000)])
    (True, False)
    """
    beside = [other for other in others if other.start_ms < text.end_ms and text.start_ms < other.end_ms]
    return any(
        abs(other.start_ms - text.start_ms) > TOGETHER_MS and abs(other.end_ms - text.end_ms) > TOGETHER_MS
        for other in beside
    )
