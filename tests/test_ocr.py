"""Promises of text readers: what is written is read, boxes are where it stands, and what is missing is said."""

from __future__ import annotations

import stat
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ipl_extractors.ocr import EasyOcr, RapidOcr, Tesseract, easyocr_reader, tesseract_reader
from ipl_extractors.ocr.dark_letters import as_on_pages
from PIL import Image, ImageDraw, ImageFont

from ipl.errors import InputError
from ipl.records import Reading

LINES = [
    "He walked along the coast.",
    "It's 5 o'clock, Mr. Smith!",
    "WHAT DO YOU WANT?",
    "A",
    "to be or not to be; that is it",
]


def picture(*lines: str, size: int = 32, width: int = 640, height: int | None = None) -> np.ndarray:
    image = Image.new("RGB", (width, height or len(lines) * size * 3 // 2), (40, 60, 90))
    font = ImageFont.load_default(size=size)
    for number, line in enumerate(lines):
        place = (20, number * size * 3 // 2 + size // 8)
        ImageDraw.Draw(image).text(place, line, font=font, fill="white", stroke_width=2, stroke_fill="black")
    return np.asarray(image)


def cropped(line: str) -> np.ndarray:
    width = int(ImageFont.load_default(size=32).getlength(line)) + 40
    return picture(line)[:, :width]


def test_rapidocr_reads_lines_in_the_order_given() -> None:
    found = RapidOcr().read_text([cropped(line) for line in LINES], True)
    assert [[reading.text for reading in readings] for readings in found] == [[line] for line in LINES]
    assert all(0.8 < readings[0].score <= 1 for readings in found)
    assert found[3][0].box == (0, 0, cropped("A").shape[1], 48)


def test_rapidocr_finds_lines_top_to_bottom() -> None:
    (readings,) = RapidOcr().read_text([picture("Second to none", "Bottom line", height=300)], False)
    assert [reading.text for reading in readings] == ["Second to none", "Bottom line"]
    left, top, right, bottom = readings[0].box
    assert left == pytest.approx(20, abs=12)
    assert right > 200
    assert top < 20
    assert bottom == pytest.approx(38, abs=12)


def test_rapidocr_finds_lines_without_reading_them() -> None:
    two = picture("Second to none", "Bottom line", height=300)
    (found,), (read,) = (RapidOcr().read_text([two], lines) for lines in (None, False))
    assert [each.text for each in found] == ["", ""]
    assert [each.box for each in found] == [each.box for each in read]
    assert all(0 < each.score <= 1 for each in found)
    assert RapidOcr().read_text([np.full((60, 300, 3), 90, np.uint8)], None) == [[]]


def test_rapidocr_reads_nothing_where_nothing_is_written() -> None:
    blank = np.full((60, 300, 3), 90, np.uint8)
    assert RapidOcr().read_text([blank], False) == [[]]
    assert RapidOcr().read_text([blank, cropped("A")], True)[0] == []
    assert RapidOcr().read_text([], True) == []


def test_rapidocr_takes_colours_as_they_are(capfd: pytest.CaptureFixture[str]) -> None:
    red_on_blue = np.where(cropped("Colourful") > 128, 255, 0).astype(np.uint8)
    red_on_blue[..., 2] = 255 - red_on_blue[..., 2]
    assert RapidOcr().read_text([red_on_blue], True)[0][0].text == "Colourful"
    assert capfd.readouterr() == ("", "")  # its engine logs nothing


@pytest.mark.parametrize(
    ("language", "missing"),
    [
        ("vie", "ạ"),
        ("ru", "any letter"),
        ("ko", "any letter"),
        ("fr", ""),
        ("sr-Latn", ""),
        ("mdw", ""),
        ("az-Cyrl", "any letter"),
        ("-", ""),
    ],
)
def test_rapidocr_says_what_it_cannot_read(language: str, missing: str) -> None:
    said = RapidOcr().cannot_read(language)
    assert (f"does not know {missing}" in said) if said else not missing
    assert RapidOcr(recognition_model="another.onnx").cannot_read(language) is None


def test_a_reader_that_is_told_to_read_another_language_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tesseract_reader, "_program", lambda language: "tesseract")
    monkeypatch.setitem(sys.modules, "easyocr", types.ModuleType("easyocr"))
    russian = Tesseract(language="rus+eng")
    assert russian.cannot_read("ru") is None
    assert russian.cannot_read("en-GB") is None
    assert "set text_reader={use: tesseract, language: vie}" in (russian.cannot_read("vi") or "")
    assert Tesseract(language="script/Cyrillic").cannot_read("bg") is None
    assert russian.cannot_read("mdw") is None, "there is no model of it: another language's has to do"
    assert "languages: [ch_sim]" in (EasyOcr(languages=("ru", "en")).cannot_read("zh") or "")
    assert EasyOcr(languages=("ru", "en")).cannot_read("rus") is None


def test_what_rapidocr_says_that_it_cannot_read_its_model_has_not() -> None:
    from ipl_extractors.ocr.rapidocr_reader import UNREAD, _engine

    known = set(_engine(1, 640, 0.5, 0.01, None).text_rec.postprocess_op.characters)
    told = {letter for missing in UNREAD.values() for letter in missing.split(", ") if len(letter) == 1}
    assert told
    assert not told & known
    assert set("éàüßñçøåæœłżśćąęőűčšřěůğışțșāēīūķļņģėįųõãâêîôûÿíóúýþðħġ") <= known


def test_rapidocr_names_a_model_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"recognition_model none\.onnx: no such file"):
        RapidOcr(recognition_model="none.onnx").read_text([cropped("A")], True)


def test_easyocr_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    easyocr_reader._reader.cache_clear()
    monkeypatch.setitem(sys.modules, "easyocr", None)
    with pytest.raises(InputError, match=r'pip install "ipl\[easyocr\]"'):
        EasyOcr().read_text([cropped("A")], True)


class _Reader:
    """Stands in for `easyocr.Reader`, with the signatures of its version 1.7."""

    def __init__(self, lang_list: list[str], gpu: bool = True, model_storage_directory: str | None = None,
                 download_enabled: bool = True, verbose: bool = True) -> None:  # fmt: skip
        if not download_enabled and model_storage_directory == "empty":
            raise FileNotFoundError("Missing weights and downloads disabled")
        if "xx" in lang_list:
            raise ValueError("({'xx'}, 'is not supported')")

    def recognize(self, img_cv_grey: np.ndarray, horizontal_list: Any = None, free_list: Any = None,
                  decoder: str = "greedy", beamWidth: int = 5, batch_size: int = 1) -> list[Any]:  # fmt: skip
        height, width = img_cv_grey.shape[:2]
        return [([[0, 0], [width, 0], [width, height], [0, height]], "line", np.float64(0.5))]

    def readtext(
        self, image: np.ndarray, decoder: str = "greedy", beamWidth: int = 5, batch_size: int = 1
    ) -> list[Any]:
        return [([[-2, 50], [9, 52], [9, 60], [0, 60]], "low", 0.9), ([[5, 4], [9, 4], [9, 8], [5, 8]], "high", 0.8)]


def test_easyocr_results_become_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    easyocr_reader._reader.cache_clear()
    monkeypatch.setitem(sys.modules, "easyocr", types.SimpleNamespace(Reader=_Reader))
    ((line,),) = EasyOcr().read_text([np.zeros((20, 90, 3), np.uint8)], True)
    assert (line.text, line.score, line.box) == ("line", 0.5, (0, 0, 90, 20))
    (readings,) = EasyOcr().read_text([np.zeros((80, 90, 3), np.uint8)], False)
    assert [(reading.text, reading.box) for reading in readings] == [("high", (5, 4, 9, 8)), ("low", (0, 50, 9, 60))]
    with pytest.raises(InputError, match=r"weights for en are missing .*download: true"):
        EasyOcr(model_dir="empty").read_text([cropped("A")], True)
    with pytest.raises(InputError, match="languages xx"):
        EasyOcr(languages=("xx",)).read_text([cropped("A")], True)
    easyocr_reader._reader.cache_clear()


HEAD = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
TSV = "\n".join(
    [
        HEAD,
        "1\t1\t0\t0\t0\t0\t0\t0\t640\t80\t-1\t",
        "5\t1\t2\t1\t1\t1\t30\t50\t40\t20\t90\t你",
        "5\t1\t2\t1\t1\t2\t72\t50\t40\t20\t80\t好",
        "5\t1\t1\t1\t1\t1\t10\t5\t50\t20\t96\tHello",
        "5\t1\t1\t1\t1\t2\t70\t7\t60\t20\t94\tthere",
        "5\t1\t1\t1\t2\t1\t70\t7\t60\t20\t10\t ",
    ]
)


def test_tesseracts_table_of_words_becomes_lines() -> None:
    first, second = tesseract_reader.parse_tsv(TSV)
    assert (first.text, first.box, first.score) == ("Hello there", (10, 5, 130, 27), pytest.approx(0.95))
    assert (second.text, second.box) == ("你好", (30, 50, 112, 70))
    assert first.centres == (15, 25, 35, 45, 55, 70, 76, 88, 100, 112, 124)
    assert second.scores == (0.9, 0.8)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["谁", "?", "Go!"], "谁？ Go!"),
        (["我", "?"], "我？"),
        (["鸟...", "x."], "鸟... x."),
        (["Go!", "谁"], "Go! 谁"),
        (["1.5", "米,"], "1.5 米，"),
    ],
)
def test_marks_after_chinese_letters_are_as_wide_as_these(words: list[str], text: str) -> None:
    rows = [f"5\t1\t1\t1\t1\t{n}\t{50 * n}\t5\t40\t20\t90\t{word}" for n, word in enumerate(words)]
    (reading,) = tesseract_reader.parse_tsv("\n".join([HEAD, *rows]))
    assert reading.text == text
    assert len(reading.centres) == len(reading.scores) == len(text)
    assert list(reading.centres) == sorted(reading.centres)


def test_what_tesseract_is_not_sure_of_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([[], [Reading("Hm", 0.45, (0, 0, 20, 20), (5, 15), (0.45, 0.45))], [], []])
    monkeypatch.setattr(tesseract_reader, "_program", lambda language: "tesseract")
    monkeypatch.setattr(tesseract_reader, "_read", lambda *_: next(found))
    assert [each.text for each in Tesseract().read_text([cropped("Hm")], True)[0]] == ["Hm"]


def test_of_two_pages_the_one_with_more_of_the_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = ("o", 0.84), ("Who goes", 0.7)
    part, whole = (Reading(text, score, (0, 0, 20, 20), (), (score,) * len(text)) for text, score in told)
    found = iter([[part], [whole], [], []])
    monkeypatch.setattr(tesseract_reader, "_program", lambda language: "tesseract")
    monkeypatch.setattr(tesseract_reader, "_read", lambda *_: next(found))
    assert [each.text for each in Tesseract().read_text([cropped("Hm")], True)[0]] == ["Who goes"]


@pytest.mark.parametrize(
    ("words", "text"),
    [(["ஆம்\u200c."], "ஆம்."), (["র\u200d্যাব"], "র\u200d্যাব"), (["ก", "ิ", "น", "ข"], "กิน ข"), (["\u00b5ή"], "μή")],
)
def test_marks_of_other_scripts_are_as_people_write_them(words: list[str], text: str) -> None:
    rows = [f"5\t1\t1\t1\t1\t{n}\t{50 * n}\t5\t40\t20\t90\t{word}" for n, word in enumerate(words)]
    (reading,) = tesseract_reader.parse_tsv("\n".join([HEAD, *rows]), text)
    assert reading.text == text
    assert len(reading.centres) == len(reading.scores) == len(text)


def test_of_arabic_the_marks_are_arabic_and_no_place_is_told() -> None:
    rows = [
        f"5\t1\t1\t1\t1\t{n}\t{500 - 90 * n}\t5\t80\t20\t90\t{word}" for n, word in enumerate(["نعم,", "كيف؟", "1,5"])
    ]
    (reading,) = tesseract_reader.parse_tsv("\n".join([HEAD, *rows]))
    assert reading.text == "نعم، كيف؟ 1,5"
    assert reading.centres == (), "they are told from left to right"
    assert len(reading.scores) == len(reading.text)


@pytest.mark.parametrize("size", [24, 40])
def test_a_page_has_all_dots_of_a_line(size: int) -> None:
    import cv2

    image = Image.new("L", (12 * size, size * 3 // 2), 0)
    ImageDraw.Draw(image).text((size, size // 6), "iiiijj", 255, ImageFont.load_default(size))
    blurred = cv2.GaussianBlur(np.asarray(image), (0, 0), size / 30)
    page = next(as_on_pages(np.repeat(blurred[:, :, None], 3, axis=2)))
    number, _ = cv2.connectedComponents((page.luma < 110).astype(np.uint8))
    assert number - 1 == 12, "six letters, and their dots"


def test_tesseract_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tesseract_reader._program.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no program of that name on PATH; install it"):
        Tesseract().read_text([cropped("A")], True)
    program = tmp_path / "tesseract"
    table = TSV.replace("\n", "\\n").replace("\t", "\\t")
    program.write_text(
        '#!/bin/sh\nif [ "$1" = --list-langs ]; then printf "List of available languages (1):\\neng\\n"; exit; fi\n'
        f'while read -r _; do :; done\n: > "$2.txt"\nprintf "{table}" > "$2.tsv"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(InputError, match=r"language xyz is not installed; known: eng; .*tesseract-ocr-xyz"):
        Tesseract(language="eng+xyz").read_text([cropped("A")], True)
    assert [reading.text for reading in Tesseract().read_text([cropped("A")], True)[0]] == ["Hello there", "你好"]
    tesseract_reader._program.cache_clear()


def test_tesseract_itself_reads() -> None:
    tesseract_reader._program.cache_clear()
    try:
        tesseract_reader._program("eng")
    except InputError as error:
        pytest.skip(str(error))
    assert Tesseract().read_text([cropped("Hello there")], True)[0][0].text == "Hello there"


@pytest.mark.parametrize(
    ("fill", "outline"), [("white", "black"), ("#f0e020", "black"), ("#e01010", "black"), ("#101010", "white")]
)
def test_tesseract_reads_letters_over_a_scene(fill: str, outline: str) -> None:
    try:
        tesseract_reader._program("eng")
    except InputError as error:
        pytest.skip(str(error))
    random = np.random.default_rng(5)
    scene = np.kron(random.integers(60, 200, (5, 48, 3)), np.ones((12, 12, 1))).astype(np.uint8)
    picture = Image.fromarray(scene)
    font = ImageFont.load_default(34)
    ImageDraw.Draw(picture).text((14, 8), "Every bird waited there", fill, font, stroke_width=3, stroke_fill=outline)
    ((line,),) = Tesseract().read_text([np.asarray(picture)], True)
    assert line.text == "Every bird waited there"
    assert abs(line.centres[0] - 24) < 12, "of the E"
