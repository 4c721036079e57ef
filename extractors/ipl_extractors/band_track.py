"""All that is done to one band: follow its text, join pieces of displays, read these some at a time, make texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ipl.hookspecs import ReadText
from ipl_extractors.band_frame import Look, Picture
from ipl_extractors.display import Display
from ipl_extractors.following import Follower
from ipl_extractors.pieces import are_pieces, grown, grows, join
from ipl_extractors.reading import BATCH, BandReader
from ipl_extractors.readings import Merger, Text
from ipl_extractors.sightings import Sighting
from ipl_extractors.weave import put_upon

__all__ = ["BandTrack"]


class BandTrack:
    """Takes the frames of a band one by one, and gives its texts in order, each when it is read and whole."""

    def __init__(
        self,
        look: Look,
        sightings: Sequence[Sighting],
        read_text: ReadText,
        language: str | None = None,
        *,
        min_score: float,
        sure_score: float,
        same_text: float,
    ) -> None:
        self._look = look
        self._follower = Follower(look)
        self._reader = BandReader(look, read_text, min_score, sure_score, sightings, language)
        self._merger = Merger(same_text, sure_score)
        self._unread: list[Display] = []

    @property
    def apostrophe(self) -> str:
        """The kind of apostrophe that its texts have, which are given with straight ones; known at the end."""
        return self._reader.apostrophe

    def push(self, time_ms: float, picture: Picture) -> Iterator[Text]:
        """Takes a frame, and yields the texts that are whole since the last one."""
        self._add(self._follower.push(time_ms, picture))
        if len(self._unread) > BATCH:
            *whole, last = self._unread
            self._unread = [last]  # it may go on
            yield from self._read(whole)

    def end(self) -> Iterator[Text]:
        """Yields the last texts."""
        self._add(self._follower.end())
        yield from self._read(self._unread)
        self._unread = []
        yield from self._merger.end()

    def _add(self, displays: Iterable[Display]) -> None:
        for display in displays:
            if self._unread and self._look.weaves:
                display = put_upon(display, self._unread[-1], self._look)
            if self._unread and are_pieces(self._unread[-1], display, self._look):
                self._unread[-1] = join(self._unread[-1], display, self._look.dark)
            elif self._unread and grows(self._unread[-1], display, self._look):
                self._unread[-1] = grown(self._unread[-1], display)
            else:
                self._unread.append(display)

    def _read(self, displays: Sequence[Display]) -> Iterator[Text]:
        for text in self._reader.read(displays, self._follower.always_on):
            yield from self._merger.push(text)
