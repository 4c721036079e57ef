"""Built-in cue extractors."""

from ipl_extractors.burned_in import BurnedIn
from ipl_extractors.subtitle_files import SubtitleFile

__all__ = ["BurnedIn", "SubtitleFile"]
