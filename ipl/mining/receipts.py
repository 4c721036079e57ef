"""What is left of a mined source beside its tables: a receipt, written last, the only proof that it is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ipl.errors import InputError, StageError
from ipl.files import read_json, write_json, write_text
from ipl.lock import holder_of
from ipl.mining.srt import srt_text, tracks_of
from ipl.records import Cue, Reject, Utterance
from ipl.schemas import CUES, REJECTS, UTTERANCES
from ipl.tables import Table, write_table

__all__ = ["EARLIER", "TABLES", "CannotWrite", "MinedFolder", "Receipt"]

TABLES = ("pairs", "cues", "rejects")
FINGERPRINT = ".fingerprint"
"""In a source's folder of evidence, until the source is done, as are all hidden files: extractors go on from them."""

EARLIER = "earlier"
"""Where tables go of sources that are no longer named."""


class CannotWrite(StageError):  # noqa: N818 - says what is the case, as its message does
    """The folder cannot be written to. No source is at fault, so the run ends."""

    @classmethod
    def to(cls, path: Path, error: OSError) -> CannotWrite:
        """The error for a folder."""
        return cls(f"{path}: cannot write: {error.strerror or error}; make room there, then run again: it goes on")


@dataclass(frozen=True)
class Receipt:
    """What came of a source; `failed` is the reason for which all of it was rejected, `detail` what was found."""

    source_id: str
    path: str
    fingerprint: str
    duration_ms: int
    kept_ms: int
    num_cues: int
    num_pairs: int
    num_rejects: dict[str, int]
    lost_ms: dict[str, int]
    seconds: dict[str, float]
    recognizer_calls: int
    detector_calls: int
    failed: str | None = None
    detail: str | None = None
    final: bool = True
    """Whether the same file would come to the same again; a worker that died may not."""


@dataclass(frozen=True)
class MinedFolder:
    """The folder that mining writes: `pairs`, `cues`, `rejects` and `srt` (a file a source), `evidence`, `receipts`."""

    path: Path

    def table(self, name: str, source_id: str) -> Path:
        """The file of a source in one of the tables."""
        return self.path / name / f"{source_id}.parquet"

    def evidence(self, source_id: str) -> Path:
        """The folder of a source's evidence."""
        return self.path / "evidence" / source_id

    def srt(self, source_id: str, track: int = 1) -> Path:
        """The subtitle file of a source's track, counted from 1."""
        return self.path / "srt" / (f"track-{track}" if track > 1 else "") / f"{source_id}.srt"

    def receipt_path(self, source_id: str) -> Path:
        """The file of a source's receipt."""
        return self.path / "receipts" / f"{source_id}.json"

    def receipt(self, source_id: str, fingerprint: str) -> Receipt | None:
        """The receipt of a source that is done under this fingerprint; None where there is work to do."""
        try:
            receipt = Receipt(**read_json(self.receipt_path(source_id)))
        except (InputError, TypeError):
            return None
        whole = all(self.table(name, source_id).is_file() for name in TABLES)
        return receipt if whole and receipt.fingerprint == fingerprint else None

    def begin(self, source_id: str, fingerprint: str) -> None:
        """Clears what lies here of a source, but for evidence that was left half done under the same fingerprint."""
        self.clear(source_id)
        mark = self.evidence(source_id) / FINGERPRINT
        with self._writing():
            if not (mark.is_file() and mark.read_text(encoding="utf-8") == fingerprint):
                if mark.parent.exists():
                    shutil.rmtree(mark.parent)
                write_text(mark, fingerprint)

    def clear(self, source_id: str) -> None:
        """Removes a source's tables, its receipt first."""
        with self._writing():
            self.receipt_path(source_id).unlink(missing_ok=True)
            for path in (*(self.table(name, source_id) for name in TABLES), *self._srts(source_id)):
                path.unlink(missing_ok=True)

    def write_tables(
        self, source_id: str, pairs: Iterable[Utterance], cues: Sequence[Cue], rejects: Sequence[Reject]
    ) -> None:
        """Writes a source's tables."""
        with self._writing():
            write_table(self.table("pairs", source_id), pairs, UTTERANCES)
            write_table(self.table("cues", source_id), cues, CUES)
            write_table(self.table("rejects", source_id), rejects, REJECTS)

    def write_srt(self, source_id: str, language: str | None) -> None:
        """Writes a source's cues as subtitle files, one a track; none where there are no cues."""
        tracks = tracks_of(Table.of_cues(self.table("cues", source_id)), language)
        with self._writing():
            for number, track in enumerate(tracks, start=1):
                write_text(self.srt(source_id, number), srt_text(track))

    def finish(self, receipt: Receipt) -> None:
        """Writes a source's receipt: its tables are whole, and nobody need go on from what lies in its evidence."""
        with self._writing():
            write_json(self.receipt_path(receipt.source_id), asdict(receipt))
            for hidden in self.evidence(receipt.source_id).glob(".*"):
                hidden.unlink()

    def set_aside(self, source_ids: Iterable[str]) -> list[str]:
        """Moves what lies here of other sources to `earlier/`, so that the tables tell of `source_ids` alone."""
        named = set(source_ids)
        found = {path.stem for folder in (*TABLES, "receipts") for path in self._files(folder)}
        others = sorted(found - named)
        with self._writing():
            for source_id in others:
                self.receipt_path(source_id).unlink(missing_ok=True)
                tables = (self.table(name, source_id) for name in TABLES)
                for path in (*tables, *self._srts(source_id), self.evidence(source_id)):
                    if path.exists():
                        _move(path, self.path / EARLIER / path.relative_to(self.path))
        return others

    def unfinished(self) -> str | None:
        """Says that mining has begun here and not ended, and what to do; None where that is not so."""
        has_begun = any((self.path / name).is_dir() for name in ("evidence", "receipts"))
        if not has_begun or (self.path / "summary.json").is_file():
            return None
        command = "ipl run" if (self.path / "started.json").is_file() else "ipl mine"
        holder = holder_of(self.path)
        todo = f"process {holder} is at it" if holder else f"give the same `{command}` command again, and it goes on"
        return f"{self.path}: mining has not ended here; {todo}"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CannotWrite.to(self.path, error) from error

    def _srts(self, source_id: str) -> list[Path]:
        name = f"{source_id}.srt"
        return [*self.path.glob(f"srt/{name}"), *self.path.glob(f"srt/track-*/{name}")]

    def _files(self, folder: str) -> Iterator[Path]:
        if (self.path / folder).is_dir():
            yield from (path for path in (self.path / folder).iterdir() if not path.name.startswith("."))


def _move(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.is_dir():
        shutil.rmtree(to)
    path.replace(to)
