"""All that is done to one band: follow its text, join pieces of displays, read these some at a time, make texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ipl.hookspecs import ReadText
from ipl_extractors.band_frame import Look, Picture
from ipl_extractors.display import Display
from ipl_extractors.following import Follower
from ipl_extractors.pieces import are_pieces, grown, grows, join
from ipl_extractors.reading import BandReader
from ipl_extractors.readings import Merger, Text
from ipl_extractors.sightings import Sighting
from ipl_extractors.weave import put_upon

__all__ = ["BandTrack"]

BATCH = 24
"""Displays that are read together: so many are enough to know the band by, and some minutes of a film."""


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
        self._last: Display | None = None  # it may go on

    @property
    def apostrophe(self) -> str:
        """The kind of apostrophe that its texts have, which are given with straight ones; known at the end."""
        return self._reader.apostrophe

    def push(self, time_ms: float, picture: Picture) -> Iterator[Text]:
        """Takes a frame, and yields the texts that are whole since the last one."""
        self._add(self._follower.push(time_ms, picture))
        if self._reader.num_taken >= BATCH:
            yield from self._read()

    def end(self) -> Iterator[Text]:
        """Yields the last texts."""
        self._add(self._follower.end())
        if self._last is not None:
            self._reader.take(self._last, self._follower.always_on)
            self._last = None
        yield from self._read()
        yield from self._merger.end()

    def _add(self, displays: Iterable[Display]) -> None:
        for display in displays:
            last, self._last = self._last, display
            if last is None:
                continue
            if self._look.weaves:
                display = self._last = put_upon(display, last, self._look)
            if are_pieces(last, display, self._look):
                self._last = join(last, display, self._look.dark)
            elif grows(last, display, self._look):
                self._last = grown(last, display)
            else:
                self._reader.take(last, self._follower.always_on)

    def _read(self) -> Iterator[Text]:
        for text in self._reader.read(self._follower.always_on):
            yield from self._merger.push(text)
