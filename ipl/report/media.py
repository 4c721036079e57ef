"""Sound and pictures inside a page, as data URIs."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from ipl.report.html import Html, element

__all__ = ["LARGEST_BYTES", "picture", "player"]

LARGEST_BYTES = 320 * 1024
"""A longer recording is left out of a page, which says so: a dozen of these make 5 MB."""

_TYPES = {b"fLaC": "audio/flac", b"OggS": "audio/ogg", b"RIFF": "audio/wav"}


def player(audio: bytes, label: str) -> Html:
    """Makes an audio player of an encoded file (FLAC, Ogg, WAV), whose bytes go into the page as they are."""
    kind = _TYPES.get(audio[:4])
    if kind is None:
        return element("span", f"not audio that a browser plays ({len(audio)} bytes)")
    if len(audio) > LARGEST_BYTES:
        return element("span", f"too long to listen to here ({len(audio) // 1024} KB)")
    return element("audio", controls=True, preload="metadata", src=_uri(kind, audio), aria_label=label)


def picture(path: Path, alternative: str) -> Html | None:
    """Makes a picture of a JPEG or PNG file; None where there is no such file or it is large."""
    if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
        return None
    kind = "image/png" if path.suffix == ".png" else "image/jpeg"
    return element("img", src=_uri(kind, path.read_bytes()), alt=alternative, loading="lazy")


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode('ascii')}"
