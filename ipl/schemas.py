"""The schema of every table that crosses a stage, written once.

Each field carries its unit and its meaning as metadata; `docs/schemas.md` is generated from them.
Arrow lets nulls into fields marked non-null, so `ipl.tables.enforce` checks at every writing.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = [
    "AUDIO",
    "BATCHES",
    "CUES",
    "DECISIONS",
    "HYPOTHESES",
    "INDEX",
    "ORIGINS",
    "READINGS",
    "REJECTS",
    "SCHEMAS",
    "SCHEMA_VERSION",
    "UTTERANCES",
    "VOTES",
]

SCHEMA_VERSION = 2
"""Part of every stage's fingerprint: a new version redoes stages written under the old one."""

ORIGINS = ("labelled", "mined", "pseudo", "unlabelled")
DECISIONS = ("keep", "reject", "abstain")

AUDIO = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
"""Audio as Hugging Face `datasets` reads it: an encoded file (FLAC or Ogg Opus) and its name."""


def _field(name: str, type_: pa.DataType, meaning: str, unit: str = "") -> pa.Field:
    """A field that is never null, unless its meaning starts with `optional: `."""
    optional = meaning.startswith("optional: ")
    metadata = {"meaning": meaning.removeprefix("optional: "), "unit": unit}
    return pa.field(name, type_, nullable=optional, metadata=metadata)


def _schema(name: str, meaning: str, *fields: pa.Field) -> pa.Schema:
    return pa.schema(
        fields, metadata={"ipl.table": name, "ipl.schema_version": str(SCHEMA_VERSION), "meaning": meaning}
    )


_utt_id = _field("utt_id", pa.string(), "names the utterance; unique in a data set")
_source_id = _field("source_id", pa.string(), "names the source: the media file that the audio comes from")
_num_samples = _field("num_samples", pa.int64(), "length of the audio", "samples")
_sample_rate_hz = _field("sample_rate_hz", pa.int32(), "sample rate of the audio", "Hz")
_origin = _field("origin", pa.string(), "where the text comes from: labelled, mined, pseudo, or unlabelled")

UTTERANCES = _schema(
    "utterances",
    "labelled sets, pools and mined pairs alike: audio, and text where known",
    _utt_id,
    _source_id,
    _field("start_ms", pa.int64(), "start of the speech on the source's own clock", "ms"),
    _field("end_ms", pa.int64(), "end of the speech on the source's own clock", "ms"),
    _field("audio", AUDIO, "the encoded audio (FLAC or Ogg Opus), one channel"),
    _sample_rate_hz,
    _num_samples,
    _field("text", pa.string(), "optional: what is said, where known"),
    _field("language", pa.string(), "optional: language as a BCP 47 tag"),
    _field("speaker", pa.string(), "optional: who speaks"),
    _origin,
    _field("confidence", pa.float32(), "optional: how sure the text is right", "0 to 1"),
)

CUES = _schema(
    "cues",
    "displayed subtitles with their display interval, which is not their speech interval",
    _source_id,
    _field("start_ms", pa.int64(), "first moment of display on the source's own clock", "ms"),
    _field("end_ms", pa.int64(), "end of display on the source's own clock", "ms"),
    _field("text", pa.string(), "the text displayed; lines joined by a newline"),
    _field("confidence", pa.float32(), "optional: how sure the reading is", "0 to 1"),
    _field(
        "track",
        pa.string(),
        "subtitle-file:<name>, subtitle-stream:<number>, or burned-in:<band>:<script>",
    ),
)

READINGS = _schema(
    "readings",
    "the evidence for cues that were read from pictures: all that was read of each, so that one can choose again",
    _source_id,
    _field("start_ms", pa.int64(), "the cue's first moment of display on the source's own clock", "ms"),
    _field("end_ms", pa.int64(), "the cue's end of display on the source's own clock", "ms"),
    _field("track", pa.string(), "the cue's track"),
    _field("number", pa.int32(), "number of the reading among the cue's, from 0"),
    _field("text", pa.string(), "what was read; lines joined by a newline"),
    _field("score", pa.float32(), "how sure the text reader is", "0 to 1"),
    _field("shown_ms", pa.int64(), "for how much of the display this was the best reading; 0 of one only tried", "ms"),
    _field("crop", pa.string(), "optional: name of the picture that was read, a file beside the table"),
)

REJECTS = _schema(
    "rejects",
    "every stretch that was not kept, and why; kept and rejected time add up to the whole source",
    _source_id,
    _field("start_ms", pa.int64(), "start on the source's own clock", "ms"),
    _field("end_ms", pa.int64(), "end on the source's own clock", "ms"),
    _field("text", pa.string(), "optional: the text that was lost with it"),
    _field("stage", pa.string(), "which stage rejected it"),
    _field("reason", pa.string(), "why, in a few fixed words"),
    _field("detail", pa.string(), "optional: what was found"),
)

INDEX = _schema(
    "index",
    "where utterances lie in their Parquet files: a selection, or a training set",
    _utt_id,
    _field(
        "file",
        pa.string(),
        "the Parquet file as `<place>/<name>`; `places.json` beside the index says where the places are",
    ),
    _field("row_group", pa.int32(), "row group in the file"),
    _field("row", pa.int32(), "row in the row group"),
    _num_samples,
    _sample_rate_hz,
    _field("text", pa.string(), "optional: the text to train on"),
    _origin,
    _field("confidence", pa.float32(), "optional: how sure the text is right", "0 to 1"),
)

HYPOTHESES = _schema(
    "hypotheses",
    "what a teacher says the utterances contain",
    _utt_id,
    _field("text", pa.string(), "the best hypothesis; empty where nothing was recognised"),
    _field("score", pa.float32(), "log probability of the text given the audio, divided by its units + 1", "nats"),
    _field("num_units", pa.int32(), "output units (characters, pieces) of the text"),
    _field("duration_ms", pa.int64(), "length of the audio", "ms"),
    _field(
        "alternatives",
        pa.list_(pa.struct([pa.field("text", pa.string()), pa.field("score", pa.float32())])),
        "the n-best list, best first, the first equal to text; empty for greedy decoding",
    ),
    _field("teacher", pa.string(), "fingerprint of the model that said it"),
    _field(
        "words",
        pa.list_(
            pa.struct(
                [
                    pa.field("text", pa.string()),
                    pa.field("start_ms", pa.int64()),
                    pa.field("end_ms", pa.int64()),
                    pa.field("confidence", pa.float32()),
                ]
            )
        ),
        "the text's words with their times from the utterance's start and confidences from 0 to 1; empty unless asked",
    ),
)

VOTES = _schema(
    "votes",
    "what each filter says of each hypothesis, and the combined verdict as filter `verdict`",
    _utt_id,
    _field("filter", pa.string(), "name of the filter, or `verdict`"),
    _field("decision", pa.string(), "keep, reject or abstain"),
    _field("reason", pa.string(), "optional: why, in a few fixed words"),
    _field("value", pa.float32(), "optional: what the filter measured, in the filter's own unit"),
)

BATCHES = _schema(
    "batches",
    "which rows of the training index every rank trains on at every step",
    _field("epoch", pa.int32(), "epoch, from 0"),
    _field("step", pa.int32(), "step in the epoch, from 0"),
    _field("rank", pa.int32(), "rank, from 0"),
    _field("rows", pa.list_(pa.int32()), "rows of the training index"),
)

SCHEMAS: dict[str, pa.Schema] = {
    schema.metadata[b"ipl.table"].decode(): schema
    for schema in (UTTERANCES, CUES, READINGS, REJECTS, INDEX, HYPOTHESES, VOTES, BATCHES)
}
