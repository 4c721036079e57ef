"""Which of a source's tracks is what is said: by its script, and by the voice that its displays follow.

A track of signs or notes comes and goes as the pictures do, a subtitle as somebody speaks:

    voice      ──███──────██████───███──
    subtitle   ──████─────███████──████─    follows the voice
    signs      ─────█████─────────████──    as well shifted by some seconds as not
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from statistics import mean, stdev

from ipl.mining.scripts import script_of, script_of_language
from ipl.mining.timeline import Stretch, covered_ms, intersection, union
from ipl.records import Cue, Reject, Span

__all__ = ["follows_voice", "spoken_cues"]

SHIFTS_MS = [sign * shift for shift in range(3000, 60_001, 1500) for sign in (-1, 1)]
TOGETHER = 0.5
"""Tracks that share this part of the shorter one's time are two texts of the same speech."""
BY_CHANCE = 1.0
TELLING = 3.0
"""A track that follows the voice by less than the one is no speech, where another does by more than the other. Under
music the voice is heard everywhere, and tells nothing: right captions then follow it by 0.8 standard deviations."""


def spoken_cues(cues: Sequence[Cue], voice: Sequence[Span], language: str | None) -> tuple[list[Cue], list[Reject]]:
    """Returns the cues of the tracks that are spoken, in order, and a reject for each cue of the others.

    Tracks in the script of `language` go first, where there are any, then those that follow the voice best. A track
    that is displayed together with one before it is its translation. No time is lost by these rejects: what was said
    under their cues, another track may show. Where there is no voice at all, nothing tells.
    """
    tracks: dict[str, list[Cue]] = {}
    for cue in cues:
        tracks.setdefault(cue.track, []).append(cue)
    wanted = script_of_language(language) if language else None
    scores = {name: follows_voice(track, voice) if voice else inf for name, track in tracks.items()}
    in_script = {name: wanted == script_of(" ".join(cue.text for cue in track)) for name, track in tracks.items()}
    ranked = sorted(tracks, key=lambda name: (in_script[name], scores[name], len(tracks[name])), reverse=True)
    taken: list[str] = []
    rejects: list[Reject] = []
    for name in ranked:
        reason = _reason(tracks, name, taken, scores[name], max(scores.values()))
        if in_script[ranked[0]] and not in_script[name]:
            reason = f"not in the script of {language}"
        if not reason:
            taken.append(name)
            continue
        detail = f"{name}: {reason}; taken: {', '.join(taken)}"
        rejects += [
            Reject(cue.source_id, cue.start_ms, cue.start_ms, "cues", "another track", cue.text, detail)
            for cue in tracks[name]
        ]
    return [cue for cue in cues if cue.track in taken], rejects


def follows_voice(displays: Sequence[Stretch], voice: Sequence[Span]) -> float:
    """Returns how much more than by chance displays fall on voice, in standard deviations.

    Chance is the same displays, shifted by 3 to 60 s: that leaves their lengths and rhythm as they are.
    """
    overlaps = [_overlap_ms(displays, voice, shift_ms) for shift_ms in SHIFTS_MS]
    spread = stdev(overlaps)
    return (_overlap_ms(displays, voice, 0) - mean(overlaps)) / spread if spread else 0.0


def _reason(tracks: dict[str, list[Cue]], name: str, taken: Sequence[str], score: float, best: float) -> str | None:
    """Why a track is not spoken, given those that are."""
    for other in taken:
        one, two = (union(tracks[each]) for each in (name, other))
        shared = covered_ms(intersection(one, two))
        if shared > TOGETHER * min(covered_ms(one), covered_ms(two)):
            return f"shown together with {other}"
    if score < BY_CHANCE and best > TELLING:
        return f"it does not follow the voice ({score:.1f} standard deviations more than by chance)"
    return None


def _overlap_ms(displays: Sequence[Stretch], voice: Sequence[Span], shift_ms: int) -> int:
    shifted = [Span(each.start_ms + shift_ms, each.end_ms + shift_ms) for each in displays]
    return covered_ms(intersection(union(shifted), voice))
