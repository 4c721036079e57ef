"""The `rapidocr` text reader: PP-OCRv6 small on onnxruntime; its models come with its wheel.

Shapes: B pictures, T time steps of the recogniser, V characters; H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

import ipl
from ipl.errors import InputError
from ipl.records import Reading

__all__ = ["RapidOcr"]

SPACE_WEIGHT = 20
"""How many times likelier a space is than the recogniser thinks, when it stands against another character."""

CLOSE_UP = frozenset(".,…")
"""No language puts a space before these."""

Picture = npt.NDArray[np.uint8]


@ipl.plugin("rapidocr")
class RapidOcr:
    """Reads Latin, Chinese and Japanese text with PP-OCRv6 on onnxruntime; works out of the box."""

    LANGUAGES: ClassVar[str] = (
        "Chinese, Japanese, English and others in Latin letters; for other scripts name a recognition_model"
    )
    COST: ClassVar[str] = (
        "86 ms of a processor for a line as wide as a 720p picture, 296 ms for all of it (benchmarks/text_readers.py)"
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
    readings: list[list[Reading]] = []
    for picture, text, score, signs in zip(pictures, found.txts, found.scores, found.word_results, strict=True):
        height, width = picture.shape[:2]
        lead, kept = len(text) - len(text.lstrip()), text.strip()
        own = signs[lead : lead + len(kept)]
        centres, scores = tuple(sign.place * width for sign in own), tuple(sign.score for sign in own)
        readings.append([Reading(kept, float(score), (0, 0, width, height), centres, scores)] if kept else [])
    return readings


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
    engine.text_rec.postprocess_op = _Decode(engine.text_rec.postprocess_op.character, least_space)
    return engine


class _Sign(NamedTuple):
    """Where in a line a character stands, and how sure it is, both 0 to 1."""

    place: float
    score: float


class _Decode:
    """Greedy CTC decoding, in place of the engine's own, that hears spaces and tells of each character.

    The recogniser was trained on text without spaces: between words it gives the space second place behind CTC's
    blank. But it does give it something there, a hundred times more than within words. So spaces are not decoded
    like other characters: one is put between two characters where the space's probability ever exceeds `least_space`.
    """

    def __init__(self, characters: Sequence[str], least_space: float) -> None:
        self._characters = characters
        self._space = characters.index(" ") if " " in characters else None
        self._least_space = least_space

    def __call__(
        self,
        probs: npt.NDArray[np.float32],
        return_word_box: bool,
        wh_ratio_list: Sequence[float],
        max_wh_ratio: float,
    ) -> tuple[list[tuple[str, float]], list[list[_Sign]]]:
        """Decodes probs [B, T, V] to texts with mean scores, and tells of each text's characters."""
        spaces = np.zeros(probs.shape[:2], np.float32)
        if self._space is not None:
            spaces = probs[:, :, self._space].copy()
            probs = probs.copy()
            probs[:, :, self._space] = np.minimum(SPACE_WEIGHT * spaces, 1.0)
        # Lines of a batch are padded on the right to the widest.
        widths = [probs.shape[1] * ratio / max_wh_ratio for ratio in wh_ratio_list]
        lines = [
            self._line(*line) for line in zip(probs.argmax(axis=2), probs.max(axis=2), spaces, widths, strict=True)
        ]
        return [(text, score) for text, score, _ in lines], [signs for _, _, signs in lines]

    def _line(
        self,
        best: npt.NDArray[np.int64],
        scores: npt.NDArray[np.float32],
        spaces: npt.NDArray[np.float32],
        width: float,
    ) -> tuple[str, float, list[_Sign]]:
        starts = np.flatnonzero((best != 0) & np.diff(best, prepend=0).astype(bool))  # 0 is CTC's blank
        text: list[str] = []
        signs: list[_Sign] = []
        for number, start in enumerate(starts):
            letters = self._characters[best[start]]  # one, or a few
            between = spaces[starts[number - 1] + 1 : start] if number else spaces[:0]
            parted = self._space in (best[start], best[starts[number - 1]]) or letters[0] in CLOSE_UP
            space = float(between.max(initial=0.0))
            if space > self._least_space and not parted:
                text.append(" ")
                signs.append(_Sign(signs[-1].place, min(1.0, SPACE_WEIGHT * space)))
            after = np.flatnonzero(best[start:] != best[start])
            end = start + int(after[0]) if len(after) else len(best)
            text.append(letters)
            sign = _Sign(min(1.0, (int(start) + end) / 2 / width), float(scores[start:end].max()))
            signs += [sign] * len(letters)
        return "".join(text), float(scores[starts].mean()) if len(starts) else 0.0, signs
