"""A few mined pairs with the picture that was read and the sound, and a few rejects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ipl.records import Cue, CueReading, Reject
from ipl.report.html import Html, element
from ipl.report.media import picture
from ipl.report.numbers import clock, percent
from ipl.report.sampling import sample
from ipl.report.stored import read_recording
from ipl.report.table import table
from ipl.schemas import READINGS
from ipl.tables import Dataset, Location, Table

__all__ = ["pair_table", "reject_table"]

NUM_PAIRS = 12
NUM_REJECTS = 16


@dataclass(frozen=True)
class _Pair:
    """A pair without its audio, and where that lies."""

    location: Location
    utt_id: str
    source_id: str
    start_ms: int
    end_ms: int
    text: str
    confidence: float | None


def pair_table(out_dir: Path) -> Html | None:
    """Makes a table of sampled pairs, spread over sources; None where there is no pair."""
    columns = ("utt_id", "source_id", "start_ms", "end_ms", "text", "confidence")
    pairs = (_Pair(where, **values) for where, values in Dataset((out_dir / "pairs",)).locate(*columns))
    drawn = sample(pairs, NUM_PAIRS, lambda pair: pair.utt_id, lambda pair: pair.source_id)
    if not drawn:
        return None
    cues = _cues_of(out_dir, frozenset(pair.source_id for pair in drawn))
    rows = []
    for pair in drawn:
        cue = _cue_of(pair, cues.get(pair.source_id, []))
        recording = read_recording(pair.location)
        shown = _crop(out_dir, pair.source_id, cue.start_ms, cue.text) if cue else None
        display = _times(cue.start_ms, cue.end_ms) if cue else "unknown"
        rows.append(
            (
                pair.utt_id,
                shown or "no picture",
                element("bdi", pair.text),
                recording.player(f"pair {pair.utt_id}") if recording else "its audio is not there any more",
                _times(pair.start_ms, pair.end_ms),
                display,
                percent(pair.confidence),
            )
        )
    header = ("pair", "picture", "text", "listen", "speech", "display", "confidence")
    return table(f"{len(rows)} pairs, drawn at random over the sources", header, rows, cards=True)


def reject_table(out_dir: Path) -> Html | None:
    """Makes a table of sampled rejects, spread over reasons; None where nothing was rejected."""
    rejects = Table.of_rejects(out_dir / "rejects")
    drawn = sample(rejects, NUM_REJECTS, _reject_name, lambda reject: reject.reason)
    if not drawn:
        return None
    rows = []
    for reject in drawn:
        shown = _crop(out_dir, reject.source_id, reject.start_ms, reject.text or "") if reject.text else None
        why = f"{reject.stage}: {reject.reason}"
        where = _times(reject.start_ms, reject.end_ms)
        text = element("bdi", reject.text or "–")
        rows.append((reject.source_id, where, why, reject.detail or "–", text, shown or "no picture"))
    header = ("source", "time", "why", "detail", "text", "picture")
    return table(f"{len(rows)} rejects, drawn at random over the reasons", header, rows, cards=True)


def _reject_name(reject: Reject) -> str:
    return f"{reject.source_id}:{reject.start_ms}:{reject.end_ms}:{reject.reason}:{reject.text}"


def _times(start_ms: int, end_ms: int) -> str:
    return f"{clock(start_ms)} – {clock(end_ms)}"


def _crop(out_dir: Path, source_id: str, start_ms: int, text: str) -> Html | None:
    """The picture that a text was read from: the one that the readings name, as two texts may start at once."""
    folder = out_dir / "evidence" / source_id
    crop = f"{start_ms}.jpg"
    if (folder / "readings.parquet").is_file():
        for each in Table(folder / "readings.parquet", READINGS, CueReading):
            if (each.start_ms, each.text) == (start_ms, text):
                crop = each.crop or crop
                break
    return picture(folder / crop, f"frame crop that reads: {text}")


def _cues_of(out_dir: Path, source_ids: frozenset[str]) -> dict[str, list[Cue]]:
    cues: dict[str, list[Cue]] = {}
    for cue in Table.of_cues(out_dir / "cues"):
        if cue.source_id in source_ids:
            cues.setdefault(cue.source_id, []).append(cue)
    return cues


def _cue_of(pair: _Pair, cues: list[Cue]) -> Cue | None:
    """The cue that a pair came from: the one of the same text, else any, whose display overlaps the speech most."""

    def likeness(cue: Cue) -> tuple[bool, int]:
        overlap_ms = min(cue.end_ms, pair.end_ms) - max(cue.start_ms, pair.start_ms)
        return cue.text.split() == pair.text.split(), overlap_ms  # negative where they do not meet

    return max(cues, key=likeness, default=None)
