"""Kaldi's data directories (https://kaldi-asr.org/doc/data_prep.html)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ipl
from ipl.errors import InputError
from ipl.records import Reject, Utterance
from ipl_datasets.corpora.entries import Entry, parse_seconds, read_entries, reject, relative_id
from ipl_datasets.corpora.text_files import read_keyed_lines

__all__ = ["Kaldi"]


@ipl.plugin("kaldi")
class Kaldi:
    """A data directory of Kaldi: wav.scp, and text, segments and utt2spk where they are there."""

    root: Path | None = None
    """folder that relative paths in wav.scp start from; by default the data directory itself"""
    hide_text: bool = False
    """leave the texts out, to make an untranscribed pool"""
    language: str | None = None
    """language of all of it, as a BCP 47 tag"""

    @ipl.hookimpl
    def read_corpus(self, path: Path) -> Iterator[Utterance | Reject]:
        """Yields the segments in order; without a file `segments`, the recordings. Raises InputError without wav.scp.

        Commands in wav.scp (`sox ... |`) are not run: each is a reject.
        """
        recordings = _table(path / "wav.scp", required=True)
        if not recordings:
            raise InputError(f"{path / 'wav.scp'}: no lines in it; expected `recording path`")
        return read_entries(_entries(path, self.root or path, recordings), self.language, self.hide_text)


def _entries(folder: Path, root: Path, recordings: dict[str, str]) -> Iterator[Entry | Reject]:
    segments, texts, speakers = (_table(folder / name) for name in ("segments", "text", "utt2spk"))
    utterances = segments if segments else {recording: recording for recording in recordings}
    for utt_id, where in utterances.items():
        recording, *times = where.split()
        text, speaker = texts.get(utt_id), speakers.get(utt_id)
        location = recordings.get(recording)
        file = root / (location or recording)
        entry = Entry(utt_id, file, relative_id(file, root), text or None, speaker or None)
        if location is None:
            yield reject(entry, "missing_file", f"wav.scp has no recording {recording!r}")
            continue
        if location.endswith("|"):
            yield reject(entry, "command", f"{location!r} is a command, and is not run; write its output to a file")
            continue
        if not segments:
            yield entry
            continue
        try:
            start_s, end_s = (parse_seconds(time) for time in times)
        except ValueError:
            yield reject(entry, "bad_row", f"segments: {where!r}, expected `recording start end` in seconds")
            continue
        yield Entry(utt_id, file, entry.source_id, entry.text, entry.speaker, start_s, None if end_s < 0 else end_s)
    for utt_id in texts.keys() - utterances.keys():
        yield Reject(utt_id, 0, 0, "corpus", "no_audio", texts[utt_id], "text has a line for it, but nothing else does")


def _table(path: Path, required: bool = False) -> dict[str, str]:
    table: dict[str, str] = {}
    for key, rest in read_keyed_lines(path) if required or path.exists() else ():
        if key in table:
            raise InputError(f"{path}: {key!r} has two lines; leave one (Kaldi's utils/fix_data_dir.sh does)")
        table[key] = rest
    return table
