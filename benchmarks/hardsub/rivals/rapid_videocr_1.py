"""Runs rapid_videocr 1.1 (PyPI) on a film, in its own environment: `rapid_videocr_1.py FILM SRT LANGUAGE TOP BOTTOM`.

It asks for the subtitles' rows with the mouse, and for the brightness that tells text from picture with a slider.
In place of both it is told the true rows (TOP to BOTTOM) and the best brightness that we found.
"""

import sys
import types

import numpy as np

BRIGHTNESS = 200


def main(film: str, srt: str, top: int, bottom: int) -> None:
    sys.modules.setdefault("tkinter", types.ModuleType("tkinter"))  # only asked for the size of the screen
    from rapid_videocr import rapid_videocr, utils

    rapid_videocr.get_screen_w_h = lambda: (1280, 720)

    class Told(rapid_videocr.RapidVideOCR):
        def _select_roi(self, selected_frames: np.ndarray) -> np.ndarray:
            return np.array([[0, top, selected_frames.shape[2], bottom - top]])

        def _select_threshold(self, *_: object) -> int:
            return BRIGHTNESS

    reader = Told()
    reader.export_res = lambda *_: None
    cues = reader(film)
    utils.ExportResult.save_file(srt, utils.ExportResult().get_srt_content(cues))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[4]), int(sys.argv[5]))
