"""What all corpora share: from a line of an outside data set to an utterance, or to a reject that says why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from ipl.audio import encode_flac
from ipl.errors import InputError, MediaError
from ipl.records import Reject, Utterance
from ipl_datasets.corpora.audio_files import AudioFile, read_audio_file

__all__ = ["Entry", "parse_seconds", "read_entries", "reject", "relative_id"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An utterance as an outside data set describes it.

    With `start_s` it is a part of the file, up to `end_s` or to the file's end.
    """

    utt_id: str
    file: Path
    source_id: str
    text: str | None = None
    speaker: str | None = None
    start_s: float | None = None
    end_s: float | None = None


def read_entries(
    entries: Iterable[Entry | Reject], language: str | None = None, hide_text: bool = False
) -> Iterator[Utterance | Reject]:
    """Reads each entry's audio, one file at a time; consecutive parts of one file cost one reading.

    A file that is missing, cannot be read or holds nothing, a part outside its file, and an id met before
    each yield a reject. With `hide_text` no text comes through, not even in a reject.
    """
    seen: set[str] = set()
    last: tuple[Path, AudioFile] | None = None
    for entry in entries:
        if isinstance(entry, Reject):
            yield replace(entry, text=None) if hide_text else entry
            continue
        if hide_text:
            entry = replace(entry, text=None)
        if entry.utt_id in seen:
            yield reject(entry, "duplicate_id", f"an utterance before it is called {entry.utt_id!r} too")
            continue
        seen.add(entry.utt_id)
        try:
            if last is None or last[0] != entry.file:
                last = entry.file, read_audio_file(entry.file)
            yield _utterance(entry, last[1], language)
        except _NotUsableError as error:
            yield reject(entry, error.reason, str(error))
        except FileNotFoundError:
            yield reject(entry, "missing_file", f"{entry.file}: no such file")
        except (MediaError, OSError, RuntimeError) as error:  # RuntimeError: libsndfile cannot encode it, as at 1 MHz
            yield reject(entry, "unreadable_audio", str(error))


class _NotUsableError(InputError):
    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


def _utterance(entry: Entry, audio: AudioFile, language: str | None) -> Utterance:
    rate = audio.sample_rate_hz
    start, end = 0, len(audio.samples)
    encoded = audio.encoded
    if not end:
        raise _NotUsableError("no_samples", f"{entry.file}: 0 samples")
    if entry.start_s is not None:
        start = round(entry.start_s * rate)
        end = min(end, round(entry.end_s * rate)) if entry.end_s is not None else end
        if not 0 <= start < end:
            asked = f"{entry.start_s} to {'its end' if entry.end_s is None else entry.end_s} s"
            raise _NotUsableError("outside_file", f"{asked} of a file of {len(audio.samples) / rate:.3f} s")
        encoded = None
    start_ms = round(1000 * start / rate)
    return Utterance(
        utt_id=entry.utt_id,
        source_id=entry.source_id,
        start_ms=start_ms,
        end_ms=start_ms + round(1000 * (end - start) / rate),
        audio=encoded or encode_flac(audio.samples[start:end], rate),
        sample_rate_hz=rate,
        num_samples=end - start,
        text=entry.text,
        language=language,
        speaker=entry.speaker,
        origin="unlabelled" if entry.text is None else "labelled",
    )


def reject(entry: Entry, reason: str, detail: str) -> Reject:
    """The reject of an entry, over the time that it claims to cover, as far as known."""
    start_ms = round(1000 * (entry.start_s or 0))
    end_ms = max(start_ms, round(1000 * (entry.end_s or 0)))
    return Reject(entry.source_id, start_ms, end_ms, "corpus", reason, entry.text, detail)


def relative_id(file: Path, folder: Path) -> str:
    """A file's name as seen from the data set's folder, the same on every machine; its path when outside it."""
    try:
        return file.relative_to(folder).as_posix()
    except ValueError:
        return file.as_posix()


def parse_seconds(value: str) -> float:
    """Reads a time in seconds; ValueError where it is none.

    >>> parse_seconds("1.5")
    1.5
    """
    seconds = float(value)
    if not isfinite(seconds):
        raise ValueError(f"{value} is no time")
    return seconds
