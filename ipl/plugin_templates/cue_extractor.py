"""A cue extractor: what is displayed, and when."""

from collections.abc import Iterator

import ipl
from ipl.records import Cue, MediaInfo


@ipl.plugin("my_cue_extractor")
class MyCueExtractor:
    """Takes the text file beside a video for one cue that is displayed throughout."""

    suffix: str = ".txt"
    """how the text file's name ends: talk.txt for talk.mp4"""

    @ipl.hookimpl
    def extract_cues(self, media: MediaInfo) -> Iterator[Cue]:
        """Yields the cues in order of start, or none where the source has none of this kind."""
        file = media.path.with_suffix(self.suffix)
        text = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
        if text:
            yield Cue(media.path.name, 0, media.duration_ms, text, f"text-file:{file.name}")
