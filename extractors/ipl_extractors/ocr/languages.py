"""What text readers call a language, by its BCP 47 tag."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

__all__ = ["easyocr_code", "tag_of", "tesseract_code"]

CHINESE = frozenset({"zh", "cmn", "yue", "wuu", "nan", "hak"})
_TESSERACT = """
    afr amh ara asm aze aze_cyrl bel ben bod bos bre bul cat ceb ces chi_sim chi_tra chr cos cym dan deu div dzo ell
    eng epo est eus fao fas fil fin fra fry gla gle glg guj hat heb hin hrv hun hye iku ind isl ita jav jpn kan kat kaz
    khm kir kmr kor lao lat lav lit ltz mal mar mkd mlt mon mri msa mya nep nld nor oci ori pan pol por pus que ron rus
    san sin slk slv snd spa sqi srp srp_latn sun swa swe syr tam tat tel tgk tha tir ton tur uig ukr urd uzb uzb_cyrl
    vie yid yor
"""
"""The languages that there are models of (tessdata_fast 4.1)."""
OTHERWISE = MappingProxyType({"nob": "nor", "nno": "nor", "zsm": "msa", "kur": "kmr"})
"""What tesseract calls other than ISO 639-3 does."""
OTHER_SCRIPTS = MappingProxyType({("sr", "Latn"): "srp_latn", ("az", "Cyrl"): "aze_cyrl", ("uz", "Cyrl"): "uzb_cyrl"})


def tag_of(language: str) -> Any:
    """The tag (`langcodes.Language`) of a language with its likeliest script; None where that is no tag."""
    import langcodes

    return langcodes.Language.get(language).maximize() if langcodes.tag_is_valid(language) else None


def tesseract_code(language: str) -> str | None:
    """What tesseract calls a language; None where it has no model of it.

    >>> tesseract_code("ru"), tesseract_code("zh-TW"), tesseract_code("sr-Latn"), tesseract_code("mdw")
    ('rus', 'chi_tra', 'srp_latn', None)
    """
    tag = tag_of(language)
    if tag is None:
        return None
    if tag.language in CHINESE:
        return "chi_tra" if tag.script == "Hant" else "chi_sim"
    try:
        code = tag.to_alpha3()
    except LookupError:
        return None
    code = OTHER_SCRIPTS.get((tag.language, tag.script), OTHERWISE.get(code, code))
    return code if code in _TESSERACT.split() else None


def easyocr_code(language: str) -> str | None:
    """What EasyOCR calls a language; None where that is no tag.

    >>> easyocr_code("rus"), easyocr_code("zh-TW"), easyocr_code("sr")
    ('ru', 'ch_tra', 'rs_cyrillic')
    """
    tag = tag_of(language)
    if tag is None:
        return None
    if tag.language in CHINESE:
        return "ch_tra" if tag.script == "Hant" else "ch_sim"
    if tag.language == "sr":
        return "rs_latin" if tag.script == "Latn" else "rs_cyrillic"
    return {"nb": "no", "nn": "no", "fil": "tl"}.get(tag.language, str(tag.language))
