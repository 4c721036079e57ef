"""Built-in corpora: outside data sets to utterances."""

from ipl_datasets.corpora.spoken_sentences import SpokenSentences

__all__ = ["SpokenSentences"]
