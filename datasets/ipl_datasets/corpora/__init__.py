"""Built-in corpora: outside data sets to utterances."""

from ipl_datasets.corpora.folders import AudioFolder, LibriSpeech
from ipl_datasets.corpora.kaldi import Kaldi
from ipl_datasets.corpora.manifest import Manifest
from ipl_datasets.corpora.spoken_sentences import SpokenSentences

__all__ = ["AudioFolder", "Kaldi", "LibriSpeech", "Manifest", "SpokenSentences"]
