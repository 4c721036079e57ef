"""The `easyocr` text reader: an extra, whose weights are fetched once, by hand or when asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import ipl
from ipl.errors import InputError
from ipl.records import Reading
from ipl_extractors.languages import easyocr_code

__all__ = ["EasyOcr"]

Picture = npt.NDArray[np.uint8]


@ipl.plugin("easyocr")
class EasyOcr:
    """Reads text in over 80 languages with EasyOCR (an extra; its weights are a download of their own)."""

    LANGUAGES: ClassVar[str] = "over 80, in groups that go together, such as [ch_sim, en] or [ru, en]"
    COST: ClassVar[str] = (
        "by others' reports some ten times rapidocr's on a processor (not measured here), less on a GPU"
    )

    languages: tuple[str, ...] = ("en",)
    "EasyOCR's codes of the languages to read, such as [en] or [ch_sim, en]"
    gpu: bool = False
    "read on the GPU"
    download: bool = False
    "fetch missing weights from the network; without it they must be there"
    model_dir: str | None = None
    "folder of the weights; null is EasyOCR's own, ~/.EasyOCR/model"
    batch_size: int = 8
    "lines recognised at once"

    def __post_init__(self) -> None:
        """Says before any work that the package is missing; whether its weights are there only loading them tells."""
        if sys.modules.get("easyocr") is None and find_spec("easyocr") is None:
            raise _missing("is not installed")

    def cannot_read(self, language: str) -> str | None:
        """Says that it was told to read other languages; None where it is to read this one."""
        code = easyocr_code(language)
        if code is None or code in self.languages:
            return None
        return (
            f"it is told to read {', '.join(self.languages)}, and {language} is {code}: what these do not share will "
            f"be read wrongly; if it knows that language, set text_reader={{use: easyocr, languages: [{code}]}}"
        )

    @ipl.hookimpl
    def read_text(self, pictures: Sequence[Picture], lines: bool | None) -> list[list[Reading]]:
        """Reads each picture (uint8 [H, W, 3], RGB)."""
        if not pictures:
            return []
        reader = _reader(self.languages, self.gpu, self.download, self.model_dir)
        return [self._read(reader, picture, lines) for picture in pictures]

    def _read(self, reader: Any, picture: Picture, lines: bool | None) -> list[Reading]:
        flipped = np.ascontiguousarray(picture[:, :, ::-1])  # an array is taken for BGR
        read = reader.recognize if lines else reader.readtext  # without boxes, recognize takes the whole picture
        found = read(flipped, batch_size=self.batch_size)
        readings = []
        for corners, text, score in found:
            points = np.asarray(corners, dtype=float)
            (left, top), (right, bottom) = points.min(axis=0).clip(0), points.max(axis=0)
            if text.strip():
                readings.append(Reading(text.strip(), float(score), (int(left), int(top), round(right), round(bottom))))
        return sorted(readings, key=lambda each: (each.box[1], each.box[0]))


def _missing(how: str) -> InputError:
    return InputError(
        f'text reader easyocr: the package {how}; install it with pip install "ipl[easyocr]", or use rapidocr'
    )


@cache
def _reader(languages: tuple[str, ...], gpu: bool, download: bool, model_dir: str | None) -> Any:
    """One reader for a process and its options."""
    try:
        import easyocr
    except ImportError as error:
        raise _missing(f"cannot be imported ({error})") from error
    try:
        return easyocr.Reader(
            list(languages), gpu=gpu, model_storage_directory=model_dir, download_enabled=download, verbose=False
        )
    except FileNotFoundError as error:
        raise InputError(
            f"text reader easyocr: weights for {', '.join(languages)} are missing ({error}); set download: true "
            f"to fetch them once, or put them into {model_dir or '~/.EasyOCR/model'}"
        ) from error
    except ValueError as error:
        raise InputError(f"text reader easyocr: languages {', '.join(languages)}: {error}") from error
