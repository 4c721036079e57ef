"""Languages by their tags and codes: which are the same, and what text readers call them."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

__all__ = ["easyocr_code", "is_same_language", "tag_of", "tesseract_code"]

CHINESE = frozenset({"zh", "cmn", "yue", "wuu", "nan", "hak"})
NORWEGIAN = frozenset({"no", "nb", "nn"})
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


def is_same_language(tag: str, language: str | None) -> bool:
    """Whether a tag is of a language, of whichever country, by any of its codes.

    >>> is_same_language("ger", "de-AT"), is_same_language("yue", "zh"), is_same_language("nob", "no")
    (True, True, True)
    >>> is_same_language("pt_br", "pl"), is_same_language("pt_br", None)
    (False, False)
    """
    return language is not None and _family(tag) == _family(language)


def _family(language: str) -> str:
    first = re.split(r"[-_]", language.lower())[0]
    tag = tag_of(first)
    if tag is None:
        return first
    if tag.language in CHINESE:
        return "zh"
    return "no" if tag.language in NORWEGIAN else str(tag.prefer_macrolanguage().language)


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
    if tag.language in NORWEGIAN:
        return "no"
    return {"fil": "tl", "tg": "tjk", "ce": "che", "av": "ava"}.get(tag.language, str(tag.language))
