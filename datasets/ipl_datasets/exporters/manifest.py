"""Audio files and a list of them, in the columns that the corpus `manifest` reads back, or in NeMo's."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import ipl
from ipl.records import Utterance
from ipl.tables import Dataset
from ipl_datasets.exporters.files import json_line, one_line, write_audio

__all__ = ["ManifestExporter", "NemoExporter"]

_COLUMNS = ("id", "path", "text", "speaker", "language", "seconds", "origin", "confidence")


@ipl.plugin("manifest")
class ManifestExporter:
    """Audio files and a TSV, CSV or JSON-lines file with a row per utterance; the corpus `manifest` reads it back."""

    format: Literal["jsonl", "tsv", "csv"] = "jsonl"
    """kind of manifest; in TSV, white space in texts becomes one space"""
    wav: bool = False
    """write 16-bit WAV, not the audio as it is"""

    @ipl.hookimpl
    def export(self, utterances: Dataset, out_dir: Path) -> Iterator[Path]:
        """Writes `manifest.<format>` and `audio/`; paths in the manifest are relative to its folder."""
        manifest = out_dir / f"manifest.{self.format}"
        with manifest.open("w", encoding="utf-8", newline="") as file:
            if self.format != "jsonl":
                file.write(self._line(_COLUMNS))
            for utterance in utterances:
                audio = write_audio(utterance, out_dir / "audio", self.wav)
                row = _row(utterance, audio.relative_to(out_dir).as_posix())
                file.write(json_line(row) if self.format == "jsonl" else self._line(tuple(row.values())))
                yield audio
        yield manifest

    def _line(self, cells: tuple[str | float | None, ...]) -> str:
        words = ["" if cell is None else str(cell) for cell in cells]
        if self.format == "tsv":
            return "\t".join(one_line(word) for word in words) + "\n"
        return _csv_line(words)


def _csv_line(words: list[str]) -> str:
    import io

    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(words)
    return buffer.getvalue()


def _row(utterance: Utterance, path: str) -> dict[str, str | float | None]:
    values = (
        utterance.utt_id,
        path,
        utterance.text,
        utterance.speaker,
        utterance.language,
        _seconds(utterance),
        utterance.origin,
        utterance.confidence,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _seconds(utterance: Utterance) -> float:
    return round(utterance.num_samples / utterance.sample_rate_hz, 6)


@ipl.plugin("nemo")
class NemoExporter:
    """Audio files and a manifest of NVIDIA NeMo: a line of JSON per utterance, paths relative to the manifest."""

    wav: bool = False
    """write 16-bit WAV, not the audio as it is"""

    @ipl.hookimpl
    def export(self, utterances: Dataset, out_dir: Path) -> Iterator[Path]:
        """Writes `manifest.json` and `audio/`; unknown text is empty, for NeMo's readers want the field."""
        manifest = out_dir / "manifest.json"
        with manifest.open("w", encoding="utf-8", newline="\n") as file:
            for utterance in utterances:
                audio = write_audio(utterance, out_dir / "audio", self.wav)
                row = {
                    "audio_filepath": audio.relative_to(out_dir).as_posix(),
                    "duration": _seconds(utterance),
                    "text": one_line(utterance.text),
                    "id": utterance.utt_id,
                    "speaker": utterance.speaker,
                    "lang": utterance.language,
                }
                file.write(json_line(row))
                yield audio
        yield manifest
