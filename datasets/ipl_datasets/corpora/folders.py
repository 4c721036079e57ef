"""Corpora that are folders of audio files: any folder, and the layout of LibriSpeech."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ipl
from ipl.errors import InputError
from ipl.records import Reject, Utterance
from ipl_datasets.corpora.audio_files import SUFFIXES
from ipl_datasets.corpora.entries import Entry, read_entries, reject, relative_id
from ipl_datasets.corpora.text_files import read_keyed_lines, read_text

__all__ = ["AudioFolder", "LibriSpeech"]

_TEXT_SUFFIXES = (".txt", ".lab")


@ipl.plugin("audio_folder")
class AudioFolder:
    """All audio files below a folder, with the text of a .txt or .lab file of the same stem beside them."""

    language: str | None = None
    """language of all of it, as a BCP 47 tag"""
    hide_text: bool = False
    """leave the texts out, to make an untranscribed pool"""

    @ipl.hookimpl
    def read_corpus(self, path: Path) -> Iterator[Utterance | Reject]:
        """Yields files in order of name. Raises InputError where there is no audio file."""
        return read_entries(_entries_of_folder(path, _audio_files(path)), self.language, self.hide_text)


def _entries_of_folder(folder: Path, files: list[Path]) -> Iterator[Entry | Reject]:
    for file in files:
        name = relative_id(file, folder)
        entry = Entry(relative_id(file.with_suffix(""), folder), file, source_id=name)
        beside = next((path for suffix in _TEXT_SUFFIXES if (path := file.with_suffix(suffix)).is_file()), None)
        if beside is None:
            yield entry
            continue
        try:
            text = " ".join(read_text(beside).split())
        except InputError as error:
            yield reject(entry, "unreadable_text", str(error))
            continue
        yield Entry(entry.utt_id, file, name, text=text or None)


@ipl.plugin("librispeech")
class LibriSpeech:
    """The layout of LibriSpeech: `<speaker>/<chapter>/*.trans.txt` with lines `id TEXT`, audio files beside."""

    language: str | None = "en"
    """language of all of it, as a BCP 47 tag"""
    hide_text: bool = False
    """leave the texts out, to make an untranscribed pool"""

    @ipl.hookimpl
    def read_corpus(self, path: Path) -> Iterator[Utterance | Reject]:
        """Yields chapters in order of name. Raises InputError where there is no *.trans.txt."""
        files = _audio_files(path)
        transcripts = sorted(path.rglob("*.trans.txt"))
        if not transcripts:
            raise InputError(f"{path}: no *.trans.txt below it; expected the layout of LibriSpeech (or `audio_folder`)")
        return read_entries(_entries_of_chapters(path, files, transcripts), self.language, self.hide_text)


def _entries_of_chapters(folder: Path, files: list[Path], transcripts: list[Path]) -> Iterator[Entry | Reject]:
    by_stem = {file.with_suffix(""): file for file in reversed(files)}
    claimed: set[Path] = set()
    for transcript in transcripts:
        for utt_id, text in read_keyed_lines(transcript):
            stem = transcript.parent / utt_id
            file = by_stem.get(stem, stem.with_suffix(".flac"))
            claimed.add(file)
            speaker = utt_id.split("-")[0]
            yield Entry(utt_id, file, relative_id(file, folder), text=text, speaker=speaker)
    for file in files:
        if file in claimed:
            continue
        entry = Entry(file.stem, file, relative_id(file, folder))
        yield reject(entry, "no_text", "no *.trans.txt beside it has a line for it")


def _audio_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a folder of audio files")
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )
    if not files:
        raise InputError(f"{folder}: no audio files below it; expected names that end in {' '.join(sorted(SUFFIXES))}")
    return files
