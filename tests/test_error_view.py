"""Errors where they are: reference above hypothesis on a terminal and on a page, and what is taken for what."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.metrics import align, word_errors
from ipl.asr.models.model import create
from ipl.asr.models.store import save
from ipl.asr.units import Units
from ipl.audio import encode_flac
from ipl.cli import main
from ipl.files import write_json
from ipl.records import Hypothesis, Utterance
from ipl.report.cycle_folder import CycleFolder
from ipl.report.errors import Comparison, error_lines, worst, write_error_page
from ipl.schemas import HYPOTHESES, INDEX, UTTERANCES
from ipl.stages.measure import error_rates
from ipl.stages.select import index_rows
from ipl.tables import Dataset, Index, write_table

TEXTS = [
    ("u1", "The cat sat.", "the mat"),
    ("u2", "a <big> dog", "a big dog"),
    ("u3", "今天好", "今田天好"),
    ("u4", "the cat", "the mat"),
]

words = st.lists(st.sampled_from(["a", "b", "c", "dd"]), max_size=6)


@given(words, words)
def test_alignment_has_all_words_in_order_and_no_more_errors_than_are_counted(
    meant: list[str], said: list[str]
) -> None:
    pairs = align(meant, said)
    assert [each for each, _ in pairs if each is not None] == meant
    assert [each for _, each in pairs if each is not None] == said
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    assert len(wrong) == word_errors(" ".join(meant), " ".join(said)).errors


def test_the_worst_come_first_and_the_right_not_at_all() -> None:
    comparisons = [Comparison.of(*each) for each in TEXTS]
    assert [each.utt_id for each in worst(comparisons)] == ["u1", "u3", "u4"]
    assert comparisons[0].errors == [("cat", "mat"), ("sat", None)]
    assert comparisons[2].pairs == [("今", "今"), (None, "田"), ("天", "天"), ("好", "好")]


def test_words_stand_above_each_other_on_a_terminal() -> None:
    name, above, below = error_lines(Comparison.of(*TEXTS[0]), 80)
    assert name.plain == "u1: 2 errors"
    assert (above.plain, below.plain) == ("the CAT sat ", "the MAT *** ")
    lines = error_lines(Comparison.of("u", "one two three four", "one too three"), 10)
    assert [line.plain.split() for line in lines[1:]] == [
        ["one", "TWO"],
        ["one", "TOO"],
        ["three", "four"],
        ["three", "****"],
    ]
    assert all(line.cell_len <= 11 for line in lines[1:])
    _, above, below = error_lines(Comparison.of(*TEXTS[2]), 80)
    assert above.cell_len == below.cell_len  # Chinese characters are two cells wide


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_says_what_is_taken_for_what(tmp_path: Path) -> None:
    comparisons = [Comparison.of(*each) for each in TEXTS]
    rates = error_rates([(reference, hypothesis) for _, reference, hypothesis in TEXTS])
    write_error_page(tmp_path / "errors.html", comparisons, rates, "Errors of <m>")
    page = (tmp_path / "errors.html").read_text(encoding="utf-8")
    outline = _Outline()
    outline.feed(page)
    assert outline.open == []
    assert "Errors of &lt;m&gt;" in page
    text = re.sub(r"<[^>]+>", " ", page)
    assert re.search(r"cat\s+mat\s+substituted\s+2", text)
    assert re.search(r"–?\s+田\s+inserted\s+1", text)
    assert '<span class="pair sub"><bdi>cat</bdi><bdi>mat</bdi></span>' in page
    assert '<span class="pair del"><bdi>sat</bdi><bdi>∅</bdi></span>' in page
    assert "u2" not in page


def test_evaluate_shows_and_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    units = Units.collect(["abc "])
    model = create(ModelConfig("conv", {"width": 16, "layers": 1}, FeatureConfig(8000, 40)), units, 1)
    model.output.bias.data[0] = 100  # it hears nothing
    save(model, tmp_path / "model")
    audio = encode_flac(np.sin(np.arange(8000) / 3), 8000)
    rows = [Utterance(f"u{n}", "s", 0, 1000, audio, 8000, 8000, text) for n, text in enumerate(["xx yy", "zz", "xx"])]
    write_table(tmp_path / "data" / "part-0.parquet", rows, UTTERANCES)
    page = tmp_path / "errors.html"
    common = ["evaluate", "--model", str(tmp_path / "model"), "--data", str(tmp_path / "data"), "--beam", "1"]
    assert main([*common, "--show", "1", "--errors", str(page)]) == 0
    out, err = capsys.readouterr()
    assert "model: " not in err
    assert "u0: 2 errors" in out
    assert "u1:" not in out
    assert "WER" in out
    assert "What is taken for what" in page.read_text(encoding="utf-8")
    assert main([*common, "--lm", str(tmp_path / "none.arpa")]) == 2
    assert "language_model: no file is at" in capsys.readouterr().err
    write_json(tmp_path / "results.json", {"cycles": [{"index": 0, "oracle": False, "model": "model"}]})
    assert main(["evaluate", "--model", str(tmp_path), "--data", str(tmp_path / "data"), "--beam", "1"]) == 0
    assert capsys.readouterr().err == f"model: {tmp_path / 'model'}\n"


def test_the_report_of_a_run_shows_those_of_its_last_model(tmp_path: Path) -> None:
    folder = CycleFolder(tmp_path / "cycle-000", "seed")
    assert folder.test_comparisons() == []
    rows = [Utterance(utt_id, "s", 0, 1000, b"", 8000, 8000, text) for utt_id, text, _ in TEXTS]
    write_table(tmp_path / "d" / "part-0.parquet", rows, UTTERANCES)
    dataset = Dataset.at(tmp_path / "d")
    index = Index(tmp_path / "data" / "test-index")
    write_table(index.folder / "index.parquet", index_rows(dataset, "test", None, None), INDEX)
    index.put_places(dataset.places("test"))
    said = [Hypothesis(utt_id, text, -0.1, len(text), 1000) for utt_id, _, text in TEXTS[:-1]]
    write_table(folder.path / "test" / "part-0.parquet", said, HYPOTHESES)
    found = folder.test_comparisons()
    assert found == [Comparison.of(*each) for each in (*TEXTS[:-1], ("u4", "the cat", ""))]
    (tmp_path / "d" / "part-0.parquet").unlink()
    assert folder.test_comparisons() == []
