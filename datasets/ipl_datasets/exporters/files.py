"""What all exporters share: audio files with safe names, text on one line, lists of JSON."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import soundfile as sf

from ipl.audio import decode
from ipl.errors import InputError
from ipl.records import Utterance

__all__ = ["json_line", "one_line", "safe_name", "write_audio"]

_LONGEST_NAME = 200


def safe_name(utt_id: str) -> str:
    """An id as a file name: letters, digits and `_.-~` stay, all else is percent-encoded, so that no two ids collide.

    >>> safe_name("opus/a b")
    'opus%2Fa%20b'
    """
    name = quote(utt_id, safe="")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.blake2b(utt_id.encode(), digest_size=8).hexdigest()
    return f"{name[: _LONGEST_NAME - len(digest) - 1]}-{digest}"


def write_audio(utterance: Utterance, folder: Path, wav: bool = False) -> Path:
    """Writes an utterance's audio, as it is or as 16-bit WAV, and returns the file.

    Raises InputError where the file is there: two utterances have one id.
    """
    data = utterance.audio
    suffix = {b"fLaC": "flac", b"RIFF": "wav"}.get(data[:4], "ogg")
    if wav:
        buffer = io.BytesIO()
        samples, rate = decode(utterance.audio, where=utterance.utt_id)
        sf.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
        data, suffix = buffer.getvalue(), "wav"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{safe_name(utterance.utt_id)}.{suffix}"
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise InputError(f"{path}: there already: two utterances are called {utterance.utt_id!r}") from error
    return path


def one_line(text: str | None) -> str:
    """Text for formats of one line each: every run of white space becomes one space."""
    return " ".join((text or "").split())


def json_line(value: dict[str, Any]) -> str:
    """One line of JSON, in the order given, without the fields that are None."""
    return json.dumps({key: each for key, each in value.items() if each is not None}, ensure_ascii=False) + "\n"
