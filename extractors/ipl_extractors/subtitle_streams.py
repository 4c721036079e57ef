"""Cues from subtitles that are a stream within the media file: text, or pictures of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import ipl
from ipl.errors import MediaError
from ipl.hookspecs import ReadText
from ipl.mining.probe import SubtitleStream, read_streams
from ipl.mining.subtitle_streams import stream_text
from ipl.records import Cue, MediaInfo, Reject
from ipl_extractors.languages import is_same_language
from ipl_extractors.subtitle_files import cues_of
from ipl_extractors.subtitle_pictures import picture_cues

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
    min_score: float = 0.7
    "of pictures, readings that score lower are no cue, 0 to 1"

    @ipl.hookimpl
    def extract_cues(
        self, media: MediaInfo, language: str | None, read_text: ReadText, work_dir: Path
    ) -> Iterator[Cue | Reject]:
        """Yields the stream's cues, or nothing where there is none; rejects are those of `subtitle_file`.

        Where no language is asked for, it is that of the sound, if the file tells: a translation is not what is said.
        """
        streams = read_streams(media.path)
        stream = choose_stream(streams.subtitles, language or streams.audio_language)
        if stream is None:
            return
        damage: list[str] = []
        try:
            if stream.codec in PICTURES:
                yield from picture_cues(
                    media, stream, read_text, work_dir, damage.append, sounds=self.sounds, min_score=self.min_score
                )
            else:
                text = stream_text(media.path, stream, "ass" if stream.codec in ASS else "srt", damage.append)
                name = f"subtitle stream {stream.index}"
                if "-->" in text or "Dialogue:" in text:
                    track = f"subtitle-stream:{stream.index}"
                    yield from cues_of(text, f"{media.path}: {name}", media, track, name, self.sounds)
        except MediaError as error:  # of this stream: the video may have other subtitles
            damage.append(str(error))
        for line in damage:
            yield Reject(media.path.name, media.duration_ms, media.duration_ms, "media", "damaged", None, line)


def choose_stream(streams: Sequence[SubtitleStream], language: str | None) -> SubtitleStream | None:
    """Returns the stream to read, None where there is none of a known codec.

    One in the asked language comes first, then one that does not say its own, and streams of other languages are left
    alone; with none asked the file's default comes first. Then text comes before pictures. Forced subtitles, which are
    a few lines alone, come last.
    """

    def rank(stream: SubtitleStream) -> tuple[bool, bool, bool, bool, int]:
        unlike = stream.language is None if language is not None else not stream.is_default
        return stream.is_forced, unlike, stream.codec in PICTURES, not stream.is_default, stream.index

    fitting = [
        each
        for each in streams
        if each.codec in TEXT | PICTURES
        and (language is None or each.language is None or is_same_language(each.language, language))
    ]
    return min(fitting, key=rank, default=None)
