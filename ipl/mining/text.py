"""From the text that a subtitle shows to the text that is said: one line, without what is not spoken.

Case, punctuation and the letters themselves stay as they are, unless asked otherwise.
"""

from __future__ import annotations

import html
import re
import unicodedata

__all__ = ["count_letters", "spoken_text"]

MARKUP = re.compile(r"\{\\[^}]*\}|</?[A-Za-z][^<>]*>|<\d\d:\d\d[\d:.]*>")
"""ASS overrides `{\\an8}`, tags of SubRip and WebVTT `<i>`, `<v Ann>`, `<c.red>`, and WebVTT's inner times."""

DESCRIPTION = re.compile(r"\[[^\]]*\]|\([^)]*\)|（[^）]*）|【[^】]*】|［[^］]*］", re.DOTALL)
"""Sounds and speakers described for those who cannot hear: in subtitles, brackets are for what is not said."""

SPEAKER_MARK = re.compile(r"^\s*(?:[-‐‑–—―−](?![\s]*\d)|>{2,}|＞{2,})\s*")
"""A dash or chevrons where another speaker begins; a minus before a digit stays."""

MUSIC = re.compile(r"[♩♪♫♬♭♮♯🎵🎶🎼]+")
INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Soft hyphens and marks of direction; not the joiners U+200C and U+200D, which spell words."""

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u31c0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
"""Scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana and Han with their punctuation."""


def spoken_text(displayed: str, *, lower: bool = False, punctuation: bool = True) -> str:
    """Returns the spoken part of a cue's text as one line, in Unicode NFC; empty where nothing is spoken.

    Lines are joined by a space, but for scripts that have none between words. Without `punctuation` only
    letters, digits and marks stay, and apostrophes inside words.

    >>> spoken_text("<i>- Where to?</i>\\n- (sighs) {\\\\an8}Home &amp; dry. ♪")
    'Where to? Home & dry.'
    >>> spoken_text("你好\\n世界"), spoken_text("안녕\\n세계"), spoken_text("[music]")
    ('你好世界', '안녕 세계', '')
    >>> spoken_text("Don't — STOP!", lower=True, punctuation=False)
    "don't stop"
    """
    text = displayed.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    text = INVISIBLE.sub("", html.unescape(MARKUP.sub("", text)))
    text = MUSIC.sub(" ", DESCRIPTION.sub(" ", text))
    text = unicodedata.normalize("NFC", text)
    if lower:
        text = text.lower()
    joined = ""
    for line in text.splitlines():
        words = _words(SPEAKER_MARK.sub("", line), punctuation)
        unspaced = joined and words and UNSPACED.match(joined[-1]) and UNSPACED.match(words[0])
        joined += words if unspaced or not joined else f" {words}" if words else ""
    return joined


def count_letters(text: str) -> int:
    """Returns how many letters, digits and marks a text has: what takes time to say.

    >>> count_letters("Don't stop!"), count_letters("你好，世界")
    (8, 4)
    """
    return sum(unicodedata.category(each)[0] in "LMN" for each in text)


def _words(line: str, punctuation: bool) -> str:
    if not punctuation:
        kept = re.sub(r"(?<=\w)[’'](?=\w)", "'", line)
        line = "".join(_letter_or_space(each) for each in kept)
        line = re.sub(r"(?<!\w)'|'(?!\w)", " ", line)
    return " ".join(line.split())


def _letter_or_space(character: str) -> str:
    keeps = unicodedata.category(character)[0] in "LMN" or character in "'\u200c\u200d"
    return character if keeps else " "
