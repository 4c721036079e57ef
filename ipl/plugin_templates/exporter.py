"""An exporter: utterances to an outside format."""

from collections.abc import Iterator
from pathlib import Path

import ipl
from ipl.tables import Dataset


@ipl.plugin("my_exporter")
class MyExporter:
    """Writes texts as a table (utt_id, text), and the sound files beside it."""

    separator: str = "\t"
    """what stands between utt_id and text"""

    @ipl.hookimpl
    def export(self, utterances: Dataset, out_dir: Path) -> Iterator[Path]:
        """Yields the files written into the empty folder `out_dir`; the utterances stream from disk."""
        with (out_dir / "text.tsv").open("w", encoding="utf-8") as table:
            for number, each in enumerate(utterances):
                sound = out_dir / f"{number:06d}.{'flac' if each.audio[:4] == b'fLaC' else 'ogg'}"
                sound.write_bytes(each.audio)
                yield sound
                table.write(f"{each.utt_id}{self.separator}{each.text or ''}\n")
        yield out_dir / "text.tsv"
