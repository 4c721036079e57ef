"""Exporters: what goes out comes back the same, and is what the outside expects."""

from __future__ import annotations

import gzip
import json
import struct
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile as sf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st
from ipl_datasets.corpora import Kaldi, Manifest
from ipl_datasets.exporters import (
    HuggingFaceExporter,
    KaldiExporter,
    LhotseExporter,
    ManifestExporter,
    NemoExporter,
    TfRecordExporter,
)
from ipl_datasets.exporters.files import safe_name
from ipl_datasets.exporters.tfrecord import encode_example, frame

from ipl.audio import decode, encode_flac
from ipl.errors import InputError
from ipl.records import Utterance
from ipl.schemas import UTTERANCES
from ipl.tables import Dataset, write_table

RATE = 16_000


def utterance(utt_id: str, text: str | None, speaker: str | None = None, **values: Any) -> Utterance:
    count = 1600 + len(utt_id)
    samples = np.random.default_rng(count).uniform(-0.5, 0.5, count)
    return Utterance(
        utt_id=utt_id,
        source_id=utt_id,
        start_ms=0,
        end_ms=count * 1000 // RATE,
        audio=encode_flac(samples, RATE),
        sample_rate_hz=RATE,
        num_samples=count,
        text=text,
        speaker=speaker,
        origin="unlabelled" if text is None else "labelled",
        **values,
    )


ROWS = [
    utterance("ann-2", 'she said "no", twice', "ann", language="en"),
    utterance("ann-10", "kyéma yeékirá ikóó", "ann", language="mdw", confidence=0.5),
    utterance("odd/id with space", "one\tline\nor two", "bob"),
    utterance("çedilla", None),
]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    write_table(tmp_path / "in" / "part-0.parquet", ROWS, UTTERANCES)
    return Dataset.at(tmp_path / "in")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def everything_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "exporter",
    [
        HuggingFaceExporter(),
        KaldiExporter(),
        LhotseExporter(),
        ManifestExporter(),
        ManifestExporter(format="csv", wav=True),
        NemoExporter(),
        TfRecordExporter(),
    ],
)
def test_exporters_return_the_files_they_write_and_write_the_same_again(
    exporter: Any, dataset: Dataset, out: Path, tmp_path: Path
) -> None:
    assert set(exporter.export(dataset, out)) == everything_below(out)
    again = tmp_path / "again"
    again.mkdir()
    list(exporter.export(dataset, again))
    assert {path.relative_to(out): path.read_bytes() for path in everything_below(out)} == {
        path.relative_to(again): path.read_bytes() for path in everything_below(again)
    }


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv"])
@pytest.mark.parametrize("wav", [False, True])
def test_manifests_come_back_the_same(dataset: Dataset, out: Path, kind: Any, wav: bool) -> None:
    list(ManifestExporter(format=kind, wav=wav).export(dataset, out))
    back = list(Manifest().read_corpus(out / f"manifest.{kind}"))
    assert len(back) == len(ROWS)
    for row, found in zip(ROWS, back, strict=True):
        assert isinstance(found, Utterance)
        text = " ".join(row.text.split()) if row.text and kind == "tsv" else row.text
        assert (found.utt_id, found.text, found.speaker, found.origin) == (row.utt_id, text, row.speaker, row.origin)
        assert np.array_equal(decode(found.audio)[0], decode(row.audio)[0])
        assert wav or found.audio == row.audio


def test_kaldi_comes_back_and_is_sorted_as_kaldi_wants_it(dataset: Dataset, out: Path) -> None:
    list(KaldiExporter().export(dataset, out))
    assert (out / "utt2spk").read_text() == (
        "%C3%A7edilla %C3%A7edilla\nann-10 ann\nann-2 ann\nbob-odd%2Fid%20with%20space bob\n"
    )
    assert (out / "spk2utt").read_text() == (
        "%C3%A7edilla %C3%A7edilla\nann ann-10 ann-2\nbob bob-odd%2Fid%20with%20space\n"
    )
    for name in ("wav.scp", "text", "utt2spk", "spk2utt"):
        keys = [line.split()[0].encode() for line in (out / name).read_text().splitlines()]
        assert keys == sorted(keys)
    back = {row.utt_id: row for row in Kaldi().read_corpus(out) if isinstance(row, Utterance)}
    assert len(back) == len(ROWS)
    assert back["ann-10"].text == "kyéma yeékirá ikóó"
    assert back["bob-odd%2Fid%20with%20space"].text == "one line or two"
    assert back["%C3%A7edilla"].text is None
    assert np.array_equal(decode(back["ann-2"].audio)[0], decode(ROWS[0].audio)[0])
    assert sf.info(out / "wav" / "ann-2.wav").subtype == "PCM_16"


def test_kaldi_paths_can_be_seen_from_elsewhere(dataset: Dataset, out: Path) -> None:
    list(KaldiExporter(prefix="data/train/").export(dataset, out))
    assert "ann-2 data/train/wav/ann-2.wav\n" in (out / "wav.scp").read_text()


def test_nemo_comes_back(dataset: Dataset, out: Path) -> None:
    list(NemoExporter().export(dataset, out))
    lines = [json.loads(line) for line in (out / "manifest.json").read_text().splitlines()]
    assert [(line["text"], line["duration"]) for line in lines] == [
        (" ".join((row.text or "").split()), round(row.num_samples / RATE, 6)) for row in ROWS
    ]
    assert all((out / line["audio_filepath"]).is_file() for line in lines)
    back = list(Manifest(audio="audio_filepath").read_corpus(out / "manifest.json"))
    assert [row.utt_id for row in back if isinstance(row, Utterance)] == [row.utt_id for row in ROWS]


def test_lhotse_names_every_recording_and_supervises_what_has_text(dataset: Dataset, out: Path) -> None:
    list(LhotseExporter(prefix="exp/").export(dataset, out))
    recordings, supervisions = (
        [json.loads(line) for line in gzip.decompress((out / f"{name}.jsonl.gz").read_bytes()).splitlines()]
        for name in ("recordings", "supervisions")
    )
    assert [each["id"] for each in recordings] == [row.utt_id for row in ROWS]
    assert [each["recording_id"] for each in supervisions] == [row.utt_id for row in ROWS if row.text]
    first = recordings[0]
    assert first["sources"] == [{"type": "file", "channels": [0], "source": "exp/audio/ann-2.flac"}]
    assert first["num_samples"] == first["duration"] * first["sampling_rate"] == ROWS[0].num_samples
    assert supervisions[0] == {
        "id": "ann-2",
        "recording_id": "ann-2",
        "start": 0.0,
        "duration": first["duration"],
        "channel": 0,
        "text": ROWS[0].text,
        "language": "en",
        "speaker": "ann",
    }


def test_hugging_face_parquet_says_what_its_columns_are(dataset: Dataset, out: Path) -> None:
    list(HuggingFaceExporter(split="test", shard_mb=0.000001, license="cc-by-4.0").export(dataset, out))  # type: ignore[arg-type]
    shards = sorted((out / "data").iterdir())
    assert [shard.name for shard in shards] == [f"test-{number:05d}.parquet" for number in range(len(ROWS))]
    table = pq.read_table(shards)
    assert table.column("utt_id").to_pylist() == [row.utt_id for row in ROWS]
    assert table.column("audio")[0].as_py() == {"bytes": ROWS[0].audio, "path": "ann-2.flac"}
    features = json.loads(pq.read_schema(shards[0]).metadata[b"huggingface"])["info"]["features"]
    assert list(features) == table.column_names
    assert features["audio"] == {"_type": "Audio"}
    assert features["num_samples"] == {"dtype": "int64", "_type": "Value"}
    assert features["confidence"] == {"dtype": "float32", "_type": "Value"}
    card = (out / "README.md").read_text()
    from ruamel.yaml import YAML

    head = YAML(typ="safe").load(card.split("---\n")[1])
    assert head["configs"] == [
        {"config_name": "default", "data_files": [{"split": "test", "path": "data/test-*.parquet"}]}
    ]
    assert head["language"] == ["en", "mdw"]


def test_hugging_face_datasets_reads_it(dataset: Dataset, out: Path, tmp_path: Path) -> None:
    if not [each for each in metadata.distributions() if each.name == "datasets"]:  # our own shelf has that name too
        pytest.skip("Hugging Face's datasets is not installed")
    import datasets

    list(HuggingFaceExporter().export(dataset, out))
    loaded = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded.features["audio"], datasets.Audio)
    assert loaded["text"] == [row.text for row in ROWS]


def test_tfrecords_are_read_by_another_reader_and_by_protobuf(dataset: Dataset, out: Path) -> None:
    files = list(TfRecordExporter(per_file=3).export(dataset, out))
    assert [file.name for file in files] == ["part-00000.tfrecord", "part-00001.tfrecord"]
    records = [record for file in files for record in _read_by_tensorboard(file)]
    assert len(records) == len(ROWS)
    example = _example_class()
    for row, record in zip(ROWS, records, strict=True):
        feature = example.FromString(record).features.feature
        assert feature["audio"].bytes_list.value[0] == row.audio
        assert feature["utt_id"].bytes_list.value[0].decode() == row.utt_id
        assert list(feature["num_samples"].int64_list.value) == [row.num_samples]
        assert [text.decode() for text in feature["text"].bytes_list.value] == ([] if row.text is None else [row.text])


def _read_by_tensorboard(file: Path) -> list[bytes]:
    """TensorBoard's reader checks the masked checksums of lengths and of data."""
    from tensorboard.compat.tensorflow_stub.errors import OutOfRangeError
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

    reader = PyRecordReader_New(str(file))
    records = []
    while True:
        try:
            reader.GetNext()
        except OutOfRangeError:
            return records
        records.append(reader.record())


def _example_class() -> Any:
    """tf.train.Example, declared as in tensorflow/core/example/*.proto."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="t", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto

    def message(name: str, *fields: tuple[str, int, int, int, str]) -> descriptor_pb2.DescriptorProto:
        made = file.message_type.add(name=name)
        for field_name, number, label, kind, of in fields:
            made.field.add(name=field_name, number=number, label=label, type=kind, type_name=of or None)
        return made

    one, many, msg = field.LABEL_OPTIONAL, field.LABEL_REPEATED, field.TYPE_MESSAGE
    message("BytesList", ("value", 1, many, field.TYPE_BYTES, ""))
    message("Int64List", ("value", 1, many, field.TYPE_INT64, ""))
    message("Feature", ("bytes_list", 1, one, msg, ".t.BytesList"), ("int64_list", 3, one, msg, ".t.Int64List"))
    features = message("Features", ("feature", 1, many, msg, ".t.Features.FeatureEntry"))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=one, type=field.TYPE_STRING)
    entry.field.add(name="value", number=2, label=one, type=msg, type_name=".t.Feature")
    message("Example", ("features", 1, one, msg, ".t.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))


EXAMPLE = _example_class()


@given(st.dictionaries(st.text(max_size=8), st.binary(max_size=300) | st.integers(-(2**63), 2**63 - 1), max_size=5))
def test_examples_hold_any_bytes_and_numbers(values: dict[str, bytes | int]) -> None:
    feature = EXAMPLE.FromString(encode_example(values)).features.feature
    found = {
        key: each.int64_list.value[0] if each.HasField("int64_list") else each.bytes_list.value[0]
        for key, each in feature.items()
    }
    assert found == values


@given(st.binary(max_size=100))
def test_frames_carry_length_and_record(record: bytes) -> None:
    framed = frame(record)
    assert len(framed) == len(record) + 16
    assert struct.unpack("<Q", framed[:8]) == (len(record),)
    assert framed[12:-4] == record


@given(st.text(min_size=1, max_size=120), st.text(min_size=1, max_size=120))
def test_file_names_are_safe_and_never_collide(one: str, other: str) -> None:
    for name in (safe_name(one), safe_name(other)):
        assert "/" not in name
        assert not name.startswith(".")
        assert len(name.encode()) <= 200
    assert (safe_name(one) == safe_name(other)) == (one == other)


def test_two_utterances_of_one_id_are_an_error_and_overwrite_nothing(tmp_path: Path, out: Path) -> None:
    write_table(tmp_path / "in" / "part-0.parquet", [ROWS[0], ROWS[0]], UTTERANCES)
    with pytest.raises(InputError, match="two utterances are called 'ann-2'"):
        list(ManifestExporter().export(Dataset.at(tmp_path / "in"), out))
    twins = [utterance("1", "a", "ann"), utterance("ann-1", "b", "ann")]
    write_table(tmp_path / "in" / "part-0.parquet", twins, UTTERANCES)
    with pytest.raises(InputError, match="would be called 'ann-1' in Kaldi"):
        list(KaldiExporter().export(Dataset.at(tmp_path / "in"), out))


def test_nothing_to_export(tmp_path: Path, out: Path) -> None:
    write_table(tmp_path / "in" / "part-0.parquet", [], UTTERANCES)
    empty = Dataset.at(tmp_path / "in")
    with pytest.raises(InputError, match="no utterances"):
        list(HuggingFaceExporter().export(empty, out))
    assert list(TfRecordExporter().export(empty, out)) == []
