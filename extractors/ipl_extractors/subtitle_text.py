"""A subtitle file's bytes to text, and a cue's markup to the words that are spoken."""

from __future__ import annotations

import codecs
import html
import re
import unicodedata

from pysubs2.formats.subrip import SubripFormat
from pysubs2.formats.webvtt import WebVTTFormat

from ipl.errors import MediaError

__all__ = ["decode_text", "fence_cues", "plain_text", "spoken_text", "take_out_unreadable"]

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CODE_PAGES = ("gb18030", "big5", "cp932", "cp949", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp874")
CENTRAL_EUROPE = {"bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl"}
"""Languages written in code page 1250. In a short text it cannot be told from 1252 (Latin-1), which is commoner."""

NOTES = "♪♫♩♬"


def decode_text(data: bytes, where: str, encoding: str | None = None, language: str | None = None) -> str:
    """Decodes a text file: by `encoding`, else its byte order mark, else as UTF-8, else by charset-normalizer.

    `language` helps the last to choose. Raises MediaError where it is not text.
    """
    marked = next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), None)
    for candidate in (encoding,) if encoding else (marked, "utf-8"):
        if candidate is None:
            continue
        try:
            text = data.decode(candidate)
        except LookupError as error:
            raise MediaError(f"{where}: unknown encoding {candidate!r}; name one such as utf-8 or gb18030") from error
        except UnicodeDecodeError as error:
            if encoding or marked:
                raise MediaError(
                    f"{where}: is no {candidate} ({error.reason} at byte {error.start}); save it as UTF-8"
                ) from error
            continue
        if "\0" not in text:  # else UTF-16 without a mark, or no text at all
            return _lines(text)
    return _lines(_guessed(data, where, language))


def _guessed(data: bytes, where: str, language: str | None) -> str:
    from charset_normalizer import from_bytes

    if b"\0" in data:  # in UTF-16, every second byte of Latin text is 0
        even, odd = data[0::2].count(0), data[1::2].count(0)
        if min(even, odd) * 4 < max(even, odd) > len(data) // 8:
            return data.decode("utf-16-be" if even > odd else "utf-16-le", "replace")
        raise MediaError(f"{where}: not text ({data.count(0)} zero bytes); replace it, or move it away")
    western = "cp1250" if (language or "")[:2].lower() in CENTRAL_EUROPE else "cp1252"
    best = from_bytes(data, cp_isolation=[western, *CODE_PAGES]).best()
    if best is None:
        raise MediaError(f"{where}: text in no encoding that could be told; save it as UTF-8")
    return str(best)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def take_out_unreadable(text: str) -> tuple[str, list[str]]:
    """Takes cues out of SubRip or WebVTT text whose times cannot be read; returns the rest, and them in one line each.

    pysubs2 would take such a cue, its number and its time for words of the cue before it.

    >>> take_out_unreadable("1\\n0:0:1,0 --> 0:0:2,0\\nOne\\n\\n2\\n0:0:x --> 0:0:4,0\\nTwo")
    ('1\\n0:0:1,0 --> 0:0:2,0\\nOne\\n', ['0:0:x --> 0:0:4,0 Two'])
    """
    time = (WebVTTFormat if text.lstrip().startswith("WEBVTT") else SubripFormat).TIMESTAMP
    kept: list[str] = []
    lost: list[list[str]] = []
    losing = False
    for line in text.split("\n"):
        if "-->" in line and any(map(str.isdigit, line)):
            number = [(lost[-1] if losing else kept).pop()] if _ends_with_number(lost[-1] if losing else kept) else []
            losing = len(time.findall(line)) != 2
            if losing:
                lost.append([])
            else:
                kept += number
        elif not line.strip():
            losing = False
        (lost[-1] if losing else kept).append(line)
    return "\n".join(kept), [" ".join(" ".join(lines).split()) for lines in lost]


def _ends_with_number(lines: list[str]) -> bool:
    return bool(lines) and lines[-1].strip().isdigit()


_TIME_OF_A_WORD = re.compile(r"<[\d:.]+>")
_BETWEEN_BLOCKS = re.compile(r"\n\n+|\n[ \t]+\n(?=(?:[^\n]*\n)?[^\n]*-->|(?:NOTE|STYLE|REGION)\b)")
"""Empty lines; of blanks only what is before another block, as YouTube has cues whose first line is a blank."""


def fence_cues(text: str) -> str:
    """Makes SubRip or WebVTT text safe to parse, so that pysubs2 takes no more and no less for their words.

    pysubs2 reads all lines up to the next time for a cue's text, so WebVTT's NOTE and STYLE blocks and named
    cues would join the cue before them; and it takes a last line of digits for the number of the next cue, and a line
    in which each word has its time, as YouTube writes them, for the times of a cue.
    """
    if text.lstrip().startswith("WEBVTT"):
        cues = []
        for block in _BETWEEN_BLOCKS.split(_TIME_OF_A_WORD.sub("", text)):
            lines = block.split("\n")
            while lines and not lines[0].strip():
                del lines[0]
            time = next((number for number, line in enumerate(lines[:2]) if "-->" in line), None)
            if time is not None:
                cues.append("\n".join(lines[time:]))
        text = "WEBVTT\n\n" + "".join(f"{number}\n{cue}\n\n" for number, cue in enumerate(cues))
    return f"{text}\n\n0\n" if "-->" in text else text


def plain_text(text: str) -> str:
    """Takes out markup that pysubs2 leaves: WebVTT's time stamps and entities, and invisible characters."""
    text = html.unescape(re.sub(r"<[^<>]*>", "", text))
    return "".join(each for each in text if each in "\n\u200c\u200d" or unicodedata.category(each) not in ("Cc", "Cf"))


def spoken_text(text: str) -> str:
    """Leaves out of a cue's lines what is not spoken.

    >>> spoken_text("[MUSIC] JOHN: Come (sighs) in.")
    'Come in.'
    >>> spoken_text("♪ La la la ♪"), spoken_text("- Where?\\n- Here.")
    ('', 'Where? Here.')
    """
    text = re.sub(r"\[[^\]]*\]|\([^)]*\)|【[^】]*】|（[^）]*）", " ", text, flags=re.DOTALL)
    text = re.sub(rf"[{NOTES}][^{NOTES}]*([{NOTES}]|$)", " ", text)  # sung, from note to note
    kept = []
    for line in text.split("\n"):
        line = re.sub(r"^\s*(?:[-–—]+\s*|>>+\s*)", "", line)  # a dash or >> says that the speaker changes
        line = re.sub(r"^\s*[A-Z][A-Z .'\d-]{1,24}:(?=\s|$)", "", line)
        kept.append(" ".join(line.split()))
    return " ".join(line for line in kept if line and any(map(str.isalnum, line)))
