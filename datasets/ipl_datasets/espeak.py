"""espeak-ng, the speech synthesiser that the wheel `espeakng-loader` carries, by ctypes.

Its C interface is `speak_lib.h` of https://github.com/espeak-ng/espeak-ng. The library keeps state from one
utterance to the next (flutter, noise) and has no call that resets it, so each utterance loads the library afresh
and unloads it: 4 ms, and the result is a pure function of the arguments.
"""

from __future__ import annotations

import _ctypes
import ctypes
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from ipl.errors import InputError, StageError

__all__ = ["synthesize"]

Samples = npt.NDArray[np.float32]

_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: AUDIO_OUTPUT_SYNCHRONOUS, samples go to the callback
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: an error is a return value, not the end of the process
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_UTF8 = 1  # espeakCHARS_UTF8
_OK = 0
_LONGEST_DATA_PATH = 140
"""espeak-ng cuts the path of its data at 160 bytes, file name included, and then finds nothing."""

_one_at_a_time = Lock()
_OnSamples = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def synthesize(
    text: str, voice: str = "en-us", speed_wpm: int = 160, pitch: int = 50, pitch_range: int = 50
) -> tuple[Samples, int]:
    """Speaks `text`; returns float32 [N] in -1..1 and the sample rate in Hz (22050).

    `voice` is a voice of espeak-ng with an optional variant (`en-us`, `en+f3`, `sw`), `speed_wpm` 80 to 450,
    `pitch` and `pitch_range` 0 to 99. Equal arguments give equal samples, in any order and any process.
    Raises InputError where espeak-ng has no such voice.
    """
    blocks: list[npt.NDArray[np.int16]] = []

    def keep(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    on_samples = _OnSamples(keep)  # must outlive the calls into the library
    with _fresh_library() as (library, sample_rate_hz):
        library.espeak_SetSynthCallback(on_samples)
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # some voices breathe; seeded by the clock otherwise
        if library.espeak_SetVoiceByName(voice.encode()) != _OK:
            raise InputError(f"espeak-ng has no voice {voice!r}; voices are named like 'en-us', 'en+f3', 'cmn'")
        for parameter, value in ((_RATE, speed_wpm), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        if library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 0, 0, _UTF8, None, None) != _OK:
            raise StageError(f"espeak-ng could not speak {text!r} with voice {voice!r}")
    joined = np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
    samples: Samples = joined.astype(np.float32) / np.float32(32768)
    return samples, sample_rate_hz


@contextmanager
def _fresh_library() -> Iterator[tuple[ctypes.CDLL, int]]:
    import espeakng_loader

    with _one_at_a_time:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        try:
            data = str(_data_path())
            sample_rate_hz = int(library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DONT_EXIT))
            if sample_rate_hz <= 0:
                raise StageError(f"espeak-ng cannot read its data in {data}; install espeakng-loader again")
            yield library, sample_rate_hz
            library.espeak_Terminate()
        finally:
            _ctypes.dlclose(library._handle)


@cache
def _data_path() -> Path:
    """The folder of espeak-ng's data, by a shorter name where its own is too long for espeak-ng."""
    import espeakng_loader

    data = Path(espeakng_loader.get_data_path())
    if len(str(data).encode()) <= _LONGEST_DATA_PATH:
        return data
    link = Path(_short_folder().name) / data.name
    link.symlink_to(data)
    return link


@cache
def _short_folder() -> tempfile.TemporaryDirectory[str]:
    """Held until the process ends, which removes it."""
    return tempfile.TemporaryDirectory(prefix="ipl-espeak-")
