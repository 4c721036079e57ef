"""Utterances that a training left out, and why: lines of skipped.jsonl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from ipl.files import write_text
from ipl.training.results import SKIPPED_FILE, read_lines

__all__ = ["Reason", "Skipped", "merge"]

Reason = Literal["no_audio", "no_text", "unknown_characters", "unreadable_audio", "too_short_for_text"]


class Skipped:
    """Notes of one rank, each utterance once, in a file of its own: a kill loses none of them."""

    def __init__(self, out_dir: Path, rank: int) -> None:
        self._path = out_dir / f".{SKIPPED_FILE}.rank-{rank}"
        notes = list(read_lines(self._path))
        write_text(self._path, "".join(map(_line, notes)))  # without a last line that a kill cut short
        self._known = {note["utt_id"] for note in notes}

    @property
    def first(self) -> str:
        """The first note in words."""
        note: dict[str, str] = next(read_lines(self._path), {})
        return ", ".join(map(str, note.values()))

    def note(self, utt_id: str, reason: Reason, detail: str) -> None:
        """Writes a line, unless the utterance has one."""
        if utt_id in self._known:
            return
        self._known.add(utt_id)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line({"utt_id": utt_id, "reason": reason, "detail": detail}))


def merge(out_dir: Path) -> int:
    """Writes all ranks' notes as skipped.jsonl, in order of `utt_id`, and returns how many utterances they name."""
    files = sorted(out_dir.glob(f".{SKIPPED_FILE}.rank-*"))
    notes = {note["utt_id"]: note for file in files for note in read_lines(file)}
    write_text(out_dir / SKIPPED_FILE, "".join(_line(notes[utt_id]) for utt_id in sorted(notes)))
    return len(notes)


def _line(note: dict[str, Any]) -> str:
    return json.dumps(note, ensure_ascii=False) + "\n"
