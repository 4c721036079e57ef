"""Cues from subtitles that are a stream within the media file: text, or pictures of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import ipl
from ipl.hookspecs import ReadText
from ipl.mining.probe import SubtitleStream, read_streams
from ipl.mining.subtitle_streams import stream_text
from ipl.records import Cue, MediaInfo, Reject
from ipl_extractors.subtitle_files import cues_of, is_same_language
from ipl_extractors.subtitle_pictures import picture_cues
from ipl_extractors.subtitle_text import spoken_text

__all__ = ["SubtitleStreams", "choose_stream"]

ASS = frozenset({"ass", "ssa"})
TEXT = ASS | {"subrip", "srt", "webvtt", "mov_text", "text"}
PICTURES = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"})
"""What ffmpeg calls the codecs of text, and those of Blu-rays, DVDs, broadcasts and DivX."""


@ipl.plugin("subtitle_stream")
class SubtitleStreams:
    """Cues from subtitles within the media file, as of .mkv, .mp4 and .ts: text, or pictures that the reader reads."""

    sounds: bool = False
    "keep what is not spoken: [MUSIC], (laughs), JOHN:, and lines that ♪ marks as sung"

    @ipl.hookimpl
    def extract_cues(
        self, media: MediaInfo, language: str | None, read_text: ReadText, work_dir: Path
    ) -> Iterator[Cue | Reject]:
        """Yields the stream's cues, or nothing where there is none; rejects are those of `subtitle_file`."""
        stream = choose_stream(read_streams(media.path).subtitles, language)
        if stream is None:
            return
        damage: list[str] = []
        if stream.codec in PICTURES:
            for cue in picture_cues(media, stream, read_text, work_dir, damage.append):
                text = cue.text if self.sounds else spoken_text(cue.text)
                if text:
                    yield replace(cue, text=text)
        else:
            text = stream_text(media.path, stream, "ass" if stream.codec in ASS else "srt", damage.append)
            if text.strip():
                where = f"{media.path}: subtitle stream {stream.index}"
                yield from cues_of(text, where, media, f"subtitle-stream:{stream.index}", self.sounds)
        for line in damage:
            yield Reject(media.path.name, media.duration_ms, media.duration_ms, "media", "damaged", None, line)


def choose_stream(streams: Sequence[SubtitleStream], language: str | None) -> SubtitleStream | None:
    """Returns the stream to read, None where there is none of a known codec.

    One in the asked language comes first, then one that does not say its own, and streams of other languages are left
    alone; with none asked the file's default comes first. Text comes before pictures, and forced subtitles, which are
    a few lines alone, last.
    """

    def rank(stream: SubtitleStream) -> tuple[bool, bool, bool, bool, int]:
        is_untold = language is not None and stream.language is None
        return stream.is_forced, is_untold, stream.codec in PICTURES, not stream.is_default, stream.index

    fitting = [
        each
        for each in streams
        if each.codec in TEXT | PICTURES
        and (language is None or each.language is None or is_same_language(each.language, language))
    ]
    return min(fitting, key=rank, default=None)
