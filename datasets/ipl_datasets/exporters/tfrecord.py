"""TFRecord files of tf.train.Example, written without TensorFlow.

Framing: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details; messages:
tensorflow/core/example/example.proto. Checksums are CRC-32C (Castagnoli; RFC 3720, B.4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

import ipl
from ipl.records import Utterance
from ipl.tables import Dataset

__all__ = ["TfRecordExporter", "crc32c", "encode_example", "frame"]

Value = bytes | str | int | None


@ipl.plugin("tfrecord")
class TfRecordExporter:
    """TFRecord files, for TensorFlow, with an example per utterance; audio is the encoded file (FLAC, Ogg)."""

    per_file: int = 1000
    """utterances in a file"""

    @ipl.hookimpl
    def export(self, utterances: Dataset, out_dir: Path) -> Iterator[Path]:
        """Writes `part-00000.tfrecord` and on. What is not known of an utterance is an empty list in its example."""
        rows = iter(utterances)
        for number, first in enumerate(rows):
            path = out_dir / f"part-{number:05d}.tfrecord"
            with path.open("wb") as file:
                for utterance in chain([first], islice(rows, self.per_file - 1)):
                    file.write(frame(encode_example(_features(utterance))))
            yield path


def _features(utterance: Utterance) -> dict[str, Value]:
    return {
        "utt_id": utterance.utt_id,
        "audio": utterance.audio,
        "sample_rate_hz": utterance.sample_rate_hz,
        "num_samples": utterance.num_samples,
        "text": utterance.text,
        "speaker": utterance.speaker,
        "language": utterance.language,
    }


def encode_example(features: Mapping[str, Value]) -> bytes:
    """Encodes a tf.train.Example: text and bytes as BytesList, numbers as Int64List, None as no value."""
    entries = b"".join(
        _field(1, _field(1, key.encode()) + _field(2, _feature(value))) for key, value in features.items()
    )
    return _field(1, entries)


def _feature(value: Value) -> bytes:
    if value is None:
        return b""
    if isinstance(value, int):
        return _field(3, _field(1, _varint(value)))
    return _field(1, _field(1, value.encode() if isinstance(value, str) else value))


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    value &= 2**64 - 1  # negative numbers are two's complement
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def frame(record: bytes) -> bytes:
    """Puts length and masked checksums around one record."""
    length = struct.pack("<Q", len(record))
    return length + _masked(crc32c(length)) + record + _masked(crc32c(record))


def _masked(crc: int) -> bytes:
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """CRC-32C, a byte at a time in Python: tens of nanoseconds a byte.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _table_entry(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (0x82F63B78 if index & 1 else 0)
    return index


_TABLE = tuple(_table_entry(index) for index in range(256))
