"""Runs videocr 0.1 (PyPI) on a film, in its own environment: `videocr_tesseract.py FILM SRT LANGUAGE TOP BOTTOM`.

As it comes, it stops at the first word that Tesseract 5 reads: it takes confidences for whole numbers. So they are
rounded for it. It also fetches language data from the network; the system's are laid where it looks for them.
"""

import os
import sys
import tempfile
from pathlib import Path

LANGUAGES = {"en": "eng", "cmn": "chi_sim", "both": "chi_sim+eng"}
DATA = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata")


def main(film: str, srt: str, language: str) -> None:
    os.environ["OMP_THREAD_LIMIT"] = "1"  # it starts a process a core; threads on top of them cost time
    import pytesseract
    from videocr import api, constants

    image_to_data = pytesseract.image_to_data
    pytesseract.image_to_data = lambda *args, **options: rounded(image_to_data(*args, **options))
    with tempfile.TemporaryDirectory(prefix="tessdata-") as folder:
        constants.TESSDATA_DIR = Path(folder)
        for data in Path(next(each for each in DATA if Path(each).is_dir())).iterdir():
            (constants.TESSDATA_DIR / data.name).symlink_to(data)
        # Its defaults: words of at least 65 % confidence, merged where 90 % alike, in the lower half of the picture.
        api.save_subtitles_to_file(film, srt, LANGUAGES[language])


def rounded(table: str) -> str:
    """Rounds the confidences in a table of Tesseract's."""
    rows = [row.split("\t") for row in table.splitlines()]
    for row in rows[1:]:
        row[10] = str(round(float(row[10])))
    return "\n".join("\t".join(row) for row in rows)


if __name__ == "__main__":
    main(*sys.argv[1:4])
