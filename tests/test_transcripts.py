"""Labels from a recogniser outside ipl: its file as a teacher, its hypotheses as any others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ipl_plugins.transcripts import TranscriptsBuilder, TranscriptsRecognizer

from ipl.asr.config import ModelConfig
from ipl.asr.models.model import create
from ipl.asr.models.reference import model_ref
from ipl.asr.models.store import save
from ipl.asr.units import Units
from ipl.audio import encode_flac
from ipl.errors import InputError
from ipl.records import Utterance
from ipl.registry import Registry

AUDIO = encode_flac(np.sin(np.arange(16_000) / 5), 16_000)


def utterance(utt_id: str) -> Utterance:
    return Utterance(utt_id, "s", 0, 1000, AUDIO, 16_000, 16_000)


@pytest.mark.parametrize("kind", ["tsv", "parquet"])
def test_what_the_file_says_is_the_hypothesis(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / f"said.{kind}"
    if kind == "tsv":
        file.write_text('score\tutt_id\ttext\n-0.25\tu1\tthe "old" dog\n-2\tu2\t\n-1\tother\tx\n', encoding="utf-8")
    else:
        columns = {"utt_id": ["u1", "u2", "other"], "text": ['the "old" dog', None, "x"], "score": [-0.25, -2.0, -1.0]}
        pq.write_table(pa.table(columns), file)
    teacher = TranscriptsBuilder(path=file).build(tmp_path / "teacher")
    found = list(TranscriptsRecognizer().recognize([utterance("u2"), utterance("u1"), utterance("u3")], teacher))
    assert [(each.utt_id, each.text, each.score) for each in found] == [
        ("u2", "", -2.0),
        ("u1", 'the "old" dog', -0.25),
        ("u3", "", -1e9),
    ]
    assert [each.duration_ms for each in found] == [1000] * 3
    assert "1 of 3 utterances have no transcript, the first u3" in capsys.readouterr().err
    assert list(TranscriptsRecognizer().recognize([], teacher)) == []


def test_scores_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "said.tsv").write_text("utt_id\ttext\nu1\tx\n", encoding="utf-8")
    teacher = TranscriptsBuilder(path=tmp_path / "said.tsv").build(tmp_path / "teacher")
    (found,) = TranscriptsRecognizer().recognize([utterance("u1")], teacher)
    assert (found.text, found.score) == ("x", 0.0)


def test_a_student_is_heard_as_by_ctc(tmp_path: Path) -> None:
    save(create(ModelConfig("conv", {"width": 16, "layers": 1}), Units.collect(["ab"]), 1), tmp_path)
    heard = [
        list(Registry().get("recognizer", name).cls(beam=4).recognize([utterance("u")], model_ref(tmp_path)))
        for name in ("transcripts", "ctc")
    ]
    assert heard[0] == heard[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("utt_id\twords\nu\tx\n", r"said\.tsv:1: found the columns .* expected text too"),
        ("utt_id\ttext\nu\tx\tmore\n", r"said\.tsv:2: found 3 columns, expected 2"),
        ("utt_id\ttext\tscore\nu\tx\tgood\n", r"said\.tsv:2: score: found 'good', expected a number"),
        ("utt_id\ttext\nu\tx\nu\ty\n", r"utt_id 'u' is there twice"),
        ("utt_id\ttext\n", "no transcript in it"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "said.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        TranscriptsBuilder(path=tmp_path / "said.tsv").build(tmp_path / "teacher")
