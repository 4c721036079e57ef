"""What a recogniser outside ipl said, as a teacher: weak distillation from a conventional recogniser (HMM, lexicon).

The recogniser writes a file; the builder `transcripts` makes a teacher of it, the recognizer `transcripts` reads it,
and filters judge the hypotheses as those of any other.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import ipl
from ipl.asr.models.reference import CONFIG_FILE
from ipl.errors import InputError
from ipl.files import write_json
from ipl.fingerprint import of_path
from ipl.progress import say
from ipl.records import Hypothesis, ModelRef, Utterance
from ipl_plugins.recognizers import Ctc

__all__ = ["TranscriptsBuilder", "TranscriptsRecognizer"]

TABLE = "transcripts.parquet"
NOT_SAID = -1e9
"""The score of an utterance of which the file says nothing."""


@ipl.plugin("transcripts")
class TranscriptsBuilder:
    """The teacher is a file of what another recogniser said, as a conventional one with a lexicon."""

    path: Path
    """TSV with a header, or Parquet, with the columns utt_id and text, and if there is one score: higher is surer, as
    the log probability per unit"""

    def __post_init__(self) -> None:
        """Refuses a file that is not there."""
        if not self.path.is_file():
            raise ValueError(f"path: no file is at {self.path}")

    @ipl.hookimpl
    def build(self, out_dir: Path) -> ModelRef:
        """Writes the transcripts to `out_dir`; InputError names the line that is none."""
        rows = list(_rows_of_parquet(self.path) if self.path.suffix == ".parquet" else _rows_of_tsv(self.path))
        ids = [utt_id for utt_id, _, _ in rows]
        if len(set(ids)) != len(ids):
            twice = next(each for place, each in enumerate(ids) if each in ids[:place])
            raise InputError(f"{self.path}: utt_id {twice!r} is there twice; keep the best of its texts")
        if not rows:
            raise InputError(f"{self.path}: no transcript in it; expected the columns utt_id and text")
        out_dir.mkdir(parents=True, exist_ok=True)
        texts, scores = [text for _, text, _ in rows], [score for _, _, score in rows]
        pq.write_table(pa.table({"utt_id": ids, "text": texts, "score": scores}), out_dir / TABLE)
        write_json(out_dir / CONFIG_FILE, {"transcripts": len(rows)})
        return ModelRef(out_dir, of_path(out_dir))


@ipl.plugin("transcripts")
class TranscriptsRecognizer(Ctc):
    """Gives the transcripts of the builder `transcripts`; with any other model it recognises as `ctc` does.

    So it serves a whole cycle: its labels come from the file, its student is measured on dev and test.
    """

    @ipl.hookimpl
    def recognize(self, utterances: Sequence[Utterance], teacher: ModelRef) -> Iterable[Hypothesis]:
        """Yields one hypothesis for each utterance; one that the file has not got is empty, with a score of -1e9."""
        if not (teacher.path / TABLE).is_file():
            return super().recognize(utterances, teacher)
        return self._read(utterances, teacher)

    def _read(self, utterances: Sequence[Utterance], teacher: ModelRef) -> Iterator[Hypothesis]:
        wanted = [each.utt_id for each in utterances]
        table = pq.read_table(teacher.path / TABLE, filters=[("utt_id", "in", wanted)]) if wanted else pa.table({})
        said = {row["utt_id"]: (row["text"], row["score"]) for row in table.to_pylist()}
        if lacking := [utt_id for utt_id in wanted if utt_id not in said]:
            say(f"recognizer: {len(lacking)} of {len(wanted)} utterances have no transcript, the first {lacking[0]}")
        for each in utterances:
            text, score = said.get(each.utt_id, ("", NOT_SAID))
            duration_ms = each.num_samples * 1000 // each.sample_rate_hz if each.sample_rate_hz else 0
            yield Hypothesis(each.utt_id, text, score, len(text), duration_ms, teacher=teacher.fingerprint)


def _rows_of_tsv(path: Path) -> Iterator[tuple[str, str, float]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            header = next(lines, [])
            if lacking := {"utt_id", "text"} - set(header):
                raise InputError(f"{path}:1: found the columns {header}, expected {' and '.join(sorted(lacking))} too")
            for number, line in enumerate(lines, start=2):
                if len(line) != len(header):
                    raise InputError(f"{path}:{number}: found {len(line)} columns, expected {len(header)}")
                values = dict(zip(header, line, strict=True))
                yield values["utt_id"], values["text"].strip(), _score(values.get("score", "0"), f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no transcripts can be read from it: {error}") from error


def _rows_of_parquet(path: Path) -> Iterator[tuple[str, str, float]]:
    try:
        file = pq.ParquetFile(path)
        if lacking := {"utt_id", "text"} - set(file.schema_arrow.names):
            raise InputError(f"{path}: has no column {' and '.join(sorted(lacking))}")
        names = [name for name in ("utt_id", "text", "score") if name in file.schema_arrow.names]
        for batch in file.iter_batches(columns=names):
            for number, row in enumerate(batch.to_pylist()):
                yield row["utt_id"], (row["text"] or "").strip(), _score(row.get("score", 0.0), f"{path}: row {number}")
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: no transcripts can be read from it: {error}") from error


def _score(value: str | float | None, where: str) -> float:
    try:
        score = float(value if value is not None else math.nan)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise InputError(f"{where}: score: found {value!r}, expected a number")
    return score
