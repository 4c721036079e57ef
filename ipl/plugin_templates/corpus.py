"""A corpus: an outside data set to utterances."""

from collections.abc import Iterator
from pathlib import Path

import ipl
from ipl.audio import decode, encode_flac
from ipl.errors import MediaError
from ipl.records import Origin, Reject, Utterance


@ipl.plugin("my_corpus")
class MyCorpus:
    """One utterance for each sound file of a folder, with the text file of the same stem as its text."""

    suffix: str = ".wav"
    """how the sound files' names end"""

    @ipl.hookimpl
    def read_corpus(self, path: Path) -> Iterator[Utterance | Reject]:
        """Yields an utterance for each file, and a reject for each that cannot be read."""
        for file in sorted(path.rglob(f"*{self.suffix}")):
            utt_id = file.relative_to(path).with_suffix("").as_posix()
            try:
                samples, rate = decode(file.read_bytes(), where=str(file))
            except MediaError as error:
                yield Reject(utt_id, 0, 0, "corpus", "cannot be read", detail=str(error))
                continue
            text = file.with_suffix(".txt").read_text("utf-8").strip() if file.with_suffix(".txt").is_file() else None
            end_ms, audio = len(samples) * 1000 // rate, encode_flac(samples, rate)
            origin: Origin = "labelled" if text else "unlabelled"
            yield Utterance(utt_id, utt_id, 0, end_ms, audio, rate, len(samples), text, origin=origin)
