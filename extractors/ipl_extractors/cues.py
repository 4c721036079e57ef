"""Built-in cue extractors."""

from ipl_extractors.subtitle_files import SubtitleFile

__all__ = ["SubtitleFile"]
