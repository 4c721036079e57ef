"""The `rapidocr` text reader: PP-OCRv6 small on onnxruntime; its models come with its wheel.

Cost on one core: a line of text about 30 ms, a whole 720p picture about half a second.
Scripts: Latin, Chinese, Japanese; a recognition model for another script can be named.
Shapes: B pictures, T time steps of the recogniser, V characters; H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import ipl
from ipl.errors import InputError
from ipl.records import Reading

__all__ = ["RapidOcr"]

Picture = npt.NDArray[np.uint8]


@ipl.plugin("rapidocr")
class RapidOcr:
    """Reads Latin, Chinese and Japanese text with PP-OCRv6 on onnxruntime; works out of the box."""

    threads: int = 1
    "threads of one process; 1 is best where several processes read"
    detector_side: int = 640
    "the detector sees pictures no wider or higher than this, in pixels"
    min_score: float = 0.5
    "readings of a whole picture that score lower are left out, 0 to 1"
    space_weight: float = 20.0
    """how many times likelier a space is than the recogniser thinks: it was trained on text without spaces
    and swallows some"""
    batch_size: int = 8
    "lines recognised at once"
    recognition_model: str | None = None
    "path of another PP-OCR recognition model (.onnx, its characters inside), for other scripts"

    @ipl.hookimpl
    def read_text(self, pictures: Sequence[Picture], lines: bool) -> list[list[Reading]]:
        """Reads each picture (uint8 [H, W, 3], RGB), or all as single lines in batches, without the detector."""
        if not pictures:
            return []
        engine = _engine(
            self.threads, self.detector_side, self.min_score, self.space_weight, self.batch_size, self.recognition_model
        )
        # PP-OCR was trained on BGR.
        flipped = [np.ascontiguousarray(picture[:, :, ::-1]) for picture in pictures]
        if lines:
            return _read_lines(engine, flipped)
        return [_read_picture(engine, picture) for picture in flipped]


def _read_lines(engine: Any, pictures: list[Picture]) -> list[list[Reading]]:
    from rapidocr.ch_ppocr_rec import TextRecInput

    found = engine.text_rec(TextRecInput(img=pictures))
    return [
        [Reading(text.strip(), float(score), (0, 0, picture.shape[1], picture.shape[0]))] if text.strip() else []
        for picture, text, score in zip(pictures, found.txts, found.scores, strict=True)
    ]


def _read_picture(engine: Any, picture: Picture) -> list[Reading]:
    found = engine(picture, use_det=True, use_cls=False, use_rec=True)
    if found.txts is None:
        return []
    readings = []
    for text, score, corners in zip(found.txts, found.scores, found.boxes, strict=True):
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        if text.strip():
            readings.append(Reading(text.strip(), float(score), (int(left), int(top), round(right), round(bottom))))
    return sorted(readings, key=lambda each: (each.box[1], each.box[0]))


@cache
def _engine(
    threads: int, side: int, min_score: float, space_weight: float, batch_size: int, recognition_model: str | None
) -> Any:
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
        "Rec.rec_batch_num": batch_size,
    }
    if recognition_model is not None:
        if not Path(recognition_model).is_file():
            raise InputError(f"rapidocr: recognition_model {recognition_model}: no such file; give a PP-OCR .onnx file")
        params["Rec.model_path"] = recognition_model
    engine: Any = RapidOCR(params=params)
    engine(np.zeros((48, 96, 3), np.uint8), use_det=False, use_cls=False)  # it loads the recogniser when first used
    engine.text_rec.postprocess_op = _SpaceWeight(engine.text_rec.postprocess_op, space_weight)
    return engine


class _SpaceWeight:
    """Weighs the space up before the recogniser's output is decoded.

    Between words the recogniser often gives the space second place behind CTC's blank, by a factor of up to a
    few tens; within words it is thousands of times less likely.
    """

    def __init__(self, decode: Any, weight: float) -> None:
        self._decode = decode
        self._weight = weight
        self._space = decode.dict.get(" ")

    def __call__(self, probs: npt.NDArray[np.float32], *args: Any, **kwargs: Any) -> Any:
        """Decodes probs [B, T, V]; the scores of texts stay those of the recogniser for all but spaces."""
        if self._space is not None:
            probs = probs.copy()
            spaces = probs[:, :, self._space] * self._weight
            probs[:, :, self._space] = np.minimum(spaces, 1.0)
        return self._decode(probs, *args, **kwargs)
