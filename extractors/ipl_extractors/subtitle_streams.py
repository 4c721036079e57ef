"""Cues from the subtitles that a media file carries as text: SubRip, SubStation Alpha, WebVTT or MPEG-4 timed text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ipl
from ipl.mining.media import subtitle_stream
from ipl.mining.probe import SubtitleStream, read_streams
from ipl.records import Cue, MediaInfo, Reject
from ipl_extractors.subtitle_files import cues_of, is_same_language

__all__ = ["SubtitleStreams", "choose_stream"]

ASS = frozenset({"ass", "ssa"})
TEXT = ASS | {"subrip", "srt", "webvtt", "mov_text", "text"}
"""Codecs of text; those of pictures, of discs and of broadcasts, are not read."""


@ipl.plugin("subtitle_stream")
class SubtitleStreams:
    """Cues from subtitles that are a stream of text within the media file, as of .mkv and .mp4."""

    sounds: bool = False
    "keep what is not spoken: [MUSIC], (laughs), JOHN:, and lines that ♪ marks as sung"

    @ipl.hookimpl
    def extract_cues(self, media: MediaInfo, language: str | None) -> Iterator[Cue | Reject]:
        """Yields the stream's cues, or nothing where there is none; rejects are those of `subtitle_file`."""
        stream = choose_stream(read_streams(media.path).subtitles, language)
        if stream is None:
            return
        damage: list[str] = []
        text = subtitle_stream(media.path, stream.index, "ass" if stream.codec in ASS else "srt", damage.append)
        if text.strip():
            where = f"{media.path}: subtitle stream {stream.index}"
            yield from cues_of(text, where, media, f"subtitle-stream:{stream.index}", self.sounds)
        for line in damage:
            yield Reject(media.path.name, media.duration_ms, media.duration_ms, "media", "damaged", None, line)


def choose_stream(streams: Sequence[SubtitleStream], language: str | None) -> SubtitleStream | None:
    """Returns the stream to read, None where none is text.

    One in the asked language comes first, then one that does not say its own, and streams of other languages are left
    alone; with none asked the file's default comes first. Forced subtitles hold only a few lines: last.
    """

    def rank(stream: SubtitleStream) -> tuple[bool, bool, bool, int]:
        return stream.is_forced, language is not None and stream.language is None, not stream.is_default, stream.index

    fitting = [
        each
        for each in streams
        if each.codec in TEXT
        and (language is None or each.language is None or is_same_language(each.language, language))
    ]
    return min(fitting, key=rank, default=None)
