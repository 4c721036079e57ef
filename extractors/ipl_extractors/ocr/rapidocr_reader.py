"""The `rapidocr` text reader: PP-OCRv6 small on onnxruntime; its models come with its wheel.

Shapes: H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import ipl
from ipl.errors import InputError
from ipl.records import Reading
from ipl_extractors.languages import tag_of, tesseract_code
from ipl_extractors.ocr.line_decoder import DecodedLine, LineDecoder

__all__ = ["RapidOcr"]

Picture = npt.NDArray[np.uint8]
READ = ("Latn", "Hans", "Hant", "Hani", "Jpan")
UNREAD = {
    "vi": "ạ, ả, ấ ...",
    "yo": "ẹ, ọ, ṣ",
    "ig": "ị, ọ, ụ",
    "gn": "ẽ, ỹ",
    "ve": "ḓ, ṋ, ṱ",
    "kab": "ḥ, ṛ, ẓ",
}
"""What its model lacks of some languages in these scripts. Of those that wordfreq has lists of it lacks letters of
Vietnamese alone, in a third of the 5,000 most frequent words."""


@ipl.plugin("rapidocr")
class RapidOcr:
    """Reads Latin, Chinese and Japanese text with PP-OCRv6 on onnxruntime; works out of the box."""

    LANGUAGES: ClassVar[str] = (
        "Chinese, Japanese, and most of what has Latin letters (not all of Vietnamese, Yoruba, Igbo); for "
        "others name a recognition_model"
    )
    COST: ClassVar[str] = (
        "167 ms of a processor for a line as wide as a 720p picture, 253 ms for all of it (benchmarks/text_readers.py)"
    )

    threads: int = 1
    "threads of one process; 1 is best where several processes read"
    detector_side: int = 640
    "the detector sees pictures no wider or higher than this, in pixels"
    min_score: float = 0.5
    "readings of a whole picture that score lower are left out, 0 to 1"
    least_space: float = 0.01
    """a space is read between two letters where the recogniser gives it more than this probability, 0 to 1; it was
    trained on text without spaces and thinks little of them"""
    recognition_model: str | None = None
    "path of another PP-OCR recognition model (.onnx, its characters inside), for other scripts"

    def cannot_read(self, language: str) -> str | None:
        """Says which letters of a language (BCP 47) the model that comes with it does not know; None where all are."""
        tag = tag_of(language)
        if self.recognition_model is not None or tag is None:
            return None
        is_read = tag.script in (None, "Zzzz", *READ)
        missing = UNREAD.get(tag.language or "") if is_read else "any letter"
        if missing is None:
            return None
        code = tesseract_code(language)
        instead = f"set text_reader={{use: tesseract, language: {code}}}, or " if code else ""
        return (
            f"its model does not know {missing} that {language} is written with: burned-in subtitles will be read "
            f"wrongly, or not at all; {instead}name another model of PP-OCR (option recognition_model)"
        )

    @ipl.hookimpl
    def read_text(self, pictures: Sequence[Picture], lines: bool | None) -> list[list[Reading]]:
        """Reads each picture (uint8 [H, W, 3], RGB), or all as single lines, without the detector.

        With None for `lines` they are found, but not read.
        """
        if not pictures:
            return []
        engine = _engine(self.threads, self.detector_side, self.min_score, self.least_space, self.recognition_model)
        # PP-OCR was trained on BGR.
        flipped = [np.ascontiguousarray(picture[:, :, ::-1]) for picture in pictures]
        if lines:
            return _read_lines(engine, flipped)
        look = _find_lines if lines is None else _read_picture
        return [look(engine, picture) for picture in flipped]


def _read_lines(engine: Any, pictures: list[Picture]) -> list[list[Reading]]:
    from rapidocr.ch_ppocr_rec import TextRecInput

    found = engine.text_rec(TextRecInput(img=pictures, return_word_box=True))
    return [
        [_reading(line, float(score), picture)] if line.text.strip() else []
        for picture, score, line in zip(pictures, found.scores, found.word_results, strict=True)
    ]


def _reading(line: DecodedLine, score: float, picture: Picture) -> Reading:
    height, width = picture.shape[:2]
    centres = tuple(place * width for place in line.places)
    whole = Reading(line.text, score, (0, 0, width, height), centres, line.scores, line.alternatives)
    return whole.part(0, len(line.text))


def _read_picture(engine: Any, picture: Picture) -> list[Reading]:
    found = engine(picture, use_det=True, use_cls=False, use_rec=True)
    if found.txts is None:
        return []
    return _sorted(
        Reading(text.strip(), float(score), _box(corners))
        for text, score, corners in zip(found.txts, found.scores, found.boxes, strict=True)
        if text.strip()
    )


def _find_lines(engine: Any, picture: Picture) -> list[Reading]:
    found = engine(picture, use_det=True, use_cls=False, use_rec=False)
    if found.boxes is None:
        return []
    return _sorted(
        Reading("", float(score), _box(corners)) for score, corners in zip(found.scores, found.boxes, strict=True)
    )


def _box(corners: npt.NDArray[np.float32]) -> tuple[int, int, int, int]:
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return int(left), int(top), round(right), round(bottom)


def _sorted(readings: Iterable[Reading]) -> list[Reading]:
    return sorted(readings, key=lambda each: (each.box[1], each.box[0]))


@cache
def _engine(threads: int, side: int, min_score: float, least_space: float, recognition_model: str | None) -> Any:
    """One engine for a process and its options, loaded in about a second."""
    from rapidocr import RapidOCR

    params: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.text_score": min_score,
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        # By default the shorter side is blown up to 736: a wide strip then takes 13 times as long.
        "Det.limit_type": "max",
        "Det.limit_side_len": side,
        # In a batch lines are padded to the widest: that takes longer than one by one, and blurs what is read.
        "Rec.rec_batch_num": 1,
    }
    if recognition_model is not None:
        if not Path(recognition_model).is_file():
            raise InputError(f"rapidocr: recognition_model {recognition_model}: no such file; give a PP-OCR .onnx file")
        params["Rec.model_path"] = recognition_model
    engine: Any = RapidOCR(params=params)
    engine(np.zeros((48, 96, 3), np.uint8), use_det=False, use_cls=False)  # it loads the recogniser when first used
    engine.text_rec.postprocess_op = LineDecoder(engine.text_rec.postprocess_op.character, least_space)
    return engine
