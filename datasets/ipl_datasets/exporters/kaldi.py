"""Kaldi's data directories (https://kaldi-asr.org/doc/data_prep.html)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ipl
from ipl.errors import InputError
from ipl.files import write_text
from ipl.tables import Dataset
from ipl_datasets.exporters.files import one_line, safe_name, write_audio

__all__ = ["KaldiExporter"]


@ipl.plugin("kaldi")
class KaldiExporter:
    """A data directory of Kaldi: wav.scp, text, utt2spk, spk2utt and 16-bit WAV files; sorted as Kaldi wants it.

    An utterance's id starts with its speaker, and is percent-encoded where it holds spaces or the like. One without
    a speaker is its own speaker; one without text has no line in `text`.
    """

    prefix: str = ""
    """what to put before the paths in wav.scp (`wav/...`): the data directory as seen from where Kaldi will run"""

    @ipl.hookimpl
    def export(self, utterances: Dataset, out_dir: Path) -> Iterator[Path]:
        """Writes the data directory; holds the texts, not the audio, in memory."""
        paths: dict[str, str] = {}
        texts: dict[str, str] = {}
        speakers: dict[str, str] = {}
        for utterance in utterances:
            file = write_audio(utterance, out_dir / "wav", wav=True)
            yield file
            name = safe_name(utterance.utt_id)
            speaker = safe_name(utterance.speaker) if utterance.speaker else name
            utt_id = name if name.startswith(speaker) else f"{speaker}-{name}"
            if utt_id in paths:
                raise InputError(f"{out_dir}: two utterances would be called {utt_id!r} in Kaldi; rename one")
            paths[utt_id] = f"{self.prefix}{file.relative_to(out_dir).as_posix()}"
            speakers[utt_id] = speaker
            if utterance.text is not None:
                texts[utt_id] = one_line(utterance.text)
        spoken: dict[str, str] = {}
        for utt_id in sorted(speakers):
            speaker = speakers[utt_id]
            spoken[speaker] = f"{spoken[speaker]} {utt_id}" if speaker in spoken else utt_id
        tables = {"wav.scp": paths, "text": texts, "utt2spk": speakers, "spk2utt": spoken}
        for file_name, table in tables.items():
            if table:
                path = out_dir / file_name
                write_text(path, "".join(f"{key} {table[key]}\n" for key in sorted(table)))
                yield path
