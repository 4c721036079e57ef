"""Built-in text readers: OCR engines behind one small interface, loaded when first used."""

from ipl_extractors.ocr.easyocr_reader import EasyOcr
from ipl_extractors.ocr.rapidocr_reader import RapidOcr
from ipl_extractors.ocr.tesseract_reader import Tesseract

__all__ = ["EasyOcr", "RapidOcr", "Tesseract"]
