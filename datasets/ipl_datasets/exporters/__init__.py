"""Built-in exporters: utterances to outside formats."""

from ipl_datasets.exporters.huggingface import HuggingFaceExporter
from ipl_datasets.exporters.kaldi import KaldiExporter
from ipl_datasets.exporters.lhotse import LhotseExporter
from ipl_datasets.exporters.manifest import ManifestExporter, NemoExporter
from ipl_datasets.exporters.tfrecord import TfRecordExporter

__all__ = [
    "HuggingFaceExporter",
    "KaldiExporter",
    "LhotseExporter",
    "ManifestExporter",
    "NemoExporter",
    "TfRecordExporter",
]
