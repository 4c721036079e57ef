"""Lhotse's manifests (https://lhotse.readthedocs.io/en/latest/corpus.html), written by hand."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import ipl
from ipl.tables import Dataset
from ipl_datasets.exporters.files import json_line, write_audio

__all__ = ["LhotseExporter"]


@ipl.plugin("lhotse")
class LhotseExporter:
    """Audio files with Lhotse's recordings.jsonl.gz and supervisions.jsonl.gz."""

    prefix: str = ""
    """what to put before the paths (`audio/...`): the folder as seen from where Lhotse will run"""

    @ipl.hookimpl
    def export(self, utterances: Dataset, out_dir: Path) -> Iterator[Path]:
        """Writes a recording for each utterance, and a supervision over all of it where there is text."""
        manifests = [out_dir / f"{name}.jsonl.gz" for name in ("recordings", "supervisions")]
        recordings, supervisions = (_Lines(path) for path in manifests)
        with recordings, supervisions:
            for utterance in utterances:
                audio = write_audio(utterance, out_dir / "audio")
                duration = utterance.num_samples / utterance.sample_rate_hz
                path = f"{self.prefix}{audio.relative_to(out_dir).as_posix()}"
                recordings.write(
                    id=utterance.utt_id,
                    sources=[{"type": "file", "channels": [0], "source": path}],
                    sampling_rate=utterance.sample_rate_hz,
                    num_samples=utterance.num_samples,
                    duration=duration,
                    channel_ids=[0],
                )
                if utterance.text is not None:
                    supervisions.write(
                        id=utterance.utt_id,
                        recording_id=utterance.utt_id,
                        start=0.0,
                        duration=duration,
                        channel=0,
                        text=utterance.text,
                        language=utterance.language,
                        speaker=utterance.speaker,
                    )
                yield audio
        yield from manifests


class _Lines:
    """JSON lines, gzipped without a date, so that equal lines give equal bytes."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb")
        self._file = gzip.GzipFile("", "wb", fileobj=self._raw, mtime=0)

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._raw.close()

    def write(self, **values: object) -> None:
        """Writes one object."""
        self._file.write(json_line(values).encode())
