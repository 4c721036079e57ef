"""Built-in ocr."""
