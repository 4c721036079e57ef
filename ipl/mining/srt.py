"""Cues as SubRip, the subtitle file that every player takes: the tracks of a source, each as one text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pysubs2

from ipl.mining.scripts import script_of, script_of_language
from ipl.mining.timeline import length_ms
from ipl.records import Cue

__all__ = ["srt_text", "tracks_of"]


def tracks_of(cues: Iterable[Cue], language: str | None = None) -> list[list[Cue]]:
    """Returns the cues of each track in order of start; tracks in the script of `language` first, the longest first."""
    wanted = script_of_language(language) if language else None
    tracks: dict[str, list[Cue]] = {}
    for cue in cues:
        tracks.setdefault(cue.track, []).append(cue)

    def rank(track: Sequence[Cue]) -> tuple[bool, int]:
        return script_of(" ".join(cue.text for cue in track)) == wanted, sum(map(length_ms, track))

    ordered = (sorted(track, key=lambda cue: (cue.start_ms, cue.end_ms)) for track in tracks.values())
    return sorted(ordered, key=rank, reverse=True)


def srt_text(cues: Sequence[Cue]) -> str:
    """Returns the cues as a SubRip file has them, their lines kept.

    >>> print(srt_text([Cue("talk", 900, 2500, "Who is it?\\nNobody.", "burned-in:300-340")]), end="")
    1
    00:00:00,900 --> 00:00:02,500
    Who is it?
    Nobody.
    <BLANKLINE>
    """
    subtitles = pysubs2.SSAFile()
    subtitles.events = [pysubs2.SSAEvent(cue.start_ms, cue.end_ms, cue.text.replace("\n", "\\N")) for cue in cues]
    return subtitles.to_string("srt", keep_ssa_tags=True)  # braces in a text are no tags, but what was displayed
