"""All that is done to one band: follow its text, read its displays some at a time, join their pieces."""

from __future__ import annotations

from collections.abc import Iterator

from ipl.hookspecs import ReadText
from ipl_extractors.band_frame import Look, Picture
from ipl_extractors.following import Display, Follower
from ipl_extractors.reading import BATCH, BandReader
from ipl_extractors.readings import Merger, Text

__all__ = ["BandTrack"]


class BandTrack:
    """Takes the frames of a band one by one, and gives its texts in order, each when it is read and whole."""

    def __init__(
        self, look: Look, read_text: ReadText, *, min_score: float, sure_score: float, same_text: float
    ) -> None:
        self._follower = Follower(look)
        self._reader = BandReader(look, read_text, min_score, sure_score)
        self._merger = Merger(same_text, sure_score)
        self._unread: list[Display] = []

    def push(self, time_ms: float, picture: Picture) -> Iterator[Text]:
        """Takes a frame, and yields the texts that are whole since the last one."""
        self._unread += self._follower.push(time_ms, picture)
        if len(self._unread) >= BATCH:
            yield from self._read()

    def end(self) -> Iterator[Text]:
        """Yields the last texts."""
        self._unread += self._follower.end()
        yield from self._read()
        yield from self._merger.end()

    def _read(self) -> Iterator[Text]:
        displays, self._unread = self._unread, []
        for text in self._reader.read(displays, self._follower.always_on):
            yield from self._merger.push(text)
