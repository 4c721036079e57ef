"""Cues from subtitles that are part of the picture.

The bands in which text changes are found on a few frames; then only these are followed, in every frame, by the
strokes of their text, and the text reader is asked when a text has changed. Boundaries are presentation time stamps
of frames.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path

import ipl
from ipl.hookspecs import ReadText
from ipl.mining.media import Box, every_frame
from ipl.mining.scripts import are_bilingual, by_script, script_of
from ipl.mining.timeline import length_ms
from ipl.progress import say
from ipl.records import Cue, CueReading, MediaInfo, Reject, Span
from ipl.worker import report
from ipl_extractors.band import Band
from ipl_extractors.band_frame import Look
from ipl_extractors.band_search import BandSearch
from ipl_extractors.band_track import BandTrack
from ipl_extractors.evidence import crop_name, readings_of, save_crop, write_readings
from ipl_extractors.outlines import Closed
from ipl_extractors.read_ahead import reading_ahead
from ipl_extractors.readings import Text, Vote
from ipl_extractors.rolling import Unrolled, unrolled
from ipl_extractors.rows import is_same_text
from ipl_extractors.signs import are_signs, are_slides, are_stripes, intrudes, is_logo, on_plates
from ipl_extractors.snapshots import Snapshots
from ipl_extractors.typography import with_apostrophes

__all__ = ["BurnedIn"]

SNAPSHOT = ".burned_in"
"""A hidden file of the folder of evidence; the engine removes those when the source is done."""

FEWEST_LINES = 3
"""Where another band has so many texts, one whose texts stand for longer than subtitles do shows slides."""
STRAY = 0.3
"""Of a band whose rows are known less than this share of the time is off them."""

SAME_WORD = 75
"""A word that is shown again is read the same from this rapidfuzz ratio on."""

LETTERS_PX = 44
"""Higher lines are scaled down to this height: text readers scale them to about as much."""


@dataclass(frozen=True)
class _Shown:
    """What is kept of a text while the rest of the video is read."""

    start_ms: int
    end_ms: int
    text: str
    score: float
    readings: tuple[Vote, ...]
    crop: str
    band: Band
    closed: Closed
    """as of a text"""
    on_a_row: bool

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)

    def with_new(self, new: Unrolled) -> _Shown:
        """The same with what is new of its text alone, which is then its one reading."""
        if (new.span, new.text) == (self.span, self.text):
            return self
        reading = Vote(new.text, self.score, length_ms(new.span))
        return replace(self, end_ms=new.span.end_ms, text=new.text, readings=(reading,))

    def with_apostrophes(self, apostrophe: str) -> _Shown:
        """The same with one kind of apostrophe."""
        readings = tuple(vote._replace(text=with_apostrophes(vote.text, apostrophe)) for vote in self.readings)
        return replace(self, text=with_apostrophes(self.text, apostrophe), readings=readings)


@dataclass
class _Pass:
    """A pass over the video with some of its bands, and how far it has come: all that another process needs."""

    bands: list[Band]
    tracks: list[BandTrack]
    shown: list[_Shown] = field(default_factory=list)
    apostrophes: list[str] = field(default_factory=list)
    """the kind that each band's text has, once it is done; what is shown has straight ones"""
    last_ms: float | None = None
    """the time of the last frame taken"""
    is_done: bool = False
    damage: str | None = None
    """what was told first of pictures that could not be read"""


@ipl.plugin("burned_in")
class BurnedIn:
    """Cues from subtitles that are part of the picture, read by the plan's text reader."""

    min_score: float = 0.7
    "readings that score lower are no cue, 0 to 1"
    sure_score: float = 0.95
    "a line that scores lower, or has a letter that is unsure, is read again, once or twice, from other pictures of it"
    same_text: float = 88.0
    "neighbouring texts that are this alike are one cue, 0 to 100 (rapidfuzz ratio, spaces left out)"

    @ipl.hookimpl
    def extract_cues(
        self, media: MediaInfo, language: str | None, read_text: ReadText, work_dir: Path
    ) -> Iterator[Cue | Reject]:
        """Yields the subtitles in order; nothing where the video has none. Leaves evidence (`ipl_extractors.evidence`).

        Each band is a track, and where two languages are displayed at once, each script of a band.
        """
        if media.has_video:
            with reading_ahead(read_text) as reader:
                yield from self._read(media, language, reader, work_dir)

    def _read(
        self, media: MediaInfo, language: str | None, read_text: ReadText, work_dir: Path
    ) -> Iterator[Cue | Reject]:
        search = BandSearch(media, read_text)
        bands = search.bands()
        if not bands:
            return
        snapshots = Snapshots(work_dir / SNAPSHOT, read_text)
        passes: list[_Pass] = snapshots.load() or []
        shown: list[_Shown] = []
        known: list[Band] = []
        for number in count():
            if number == len(passes):
                passes.append(self._new_pass(bands, search, read_text, language))
            if not passes[number].is_done:
                self._go_through(media, passes, work_dir, snapshots)
            known += bands
            shown += passes[number].shown
            bands = search.more_bands(known, [each.span for each in shown])
            if not bands:
                break
        apostrophes = {band: mark for each in passes for band, mark in zip(each.bands, each.apostrophes, strict=True)}
        cues = list(_cues(media, [each.with_apostrophes(apostrophes[each.band]) for each in shown]))
        write_readings((row for _, rows in cues for row in rows), work_dir)
        yield from (cue for cue, _ in cues)
        for line in dict.fromkeys(each.damage for each in passes if each.damage):
            if cues:
                yield Reject("", media.duration_ms, media.duration_ms, "media", "damaged", None, line)
            else:
                say(line)

    def _new_pass(self, bands: list[Band], search: BandSearch, read_text: ReadText, language: str | None) -> _Pass:
        scores = {"min_score": self.min_score, "sure_score": self.sure_score, "same_text": self.same_text}
        scale = _scale(bands)
        seen = [[each.within(band.box, scale) for each in search.sightings(band)] for band in bands]
        looks = [replace(_look(band, scale), weaves=search.weaves(band)) for band in bands]
        pairs = zip(looks, seen, strict=True)
        return _Pass(bands, [BandTrack(look, own, read_text, language, **scores) for look, own in pairs])

    def _go_through(self, media: MediaInfo, passes: list[_Pass], work_dir: Path, snapshots: Snapshots) -> None:
        """Reads each text that stands still in one of the last pass's bands, from where that pass has come to."""
        now = passes[-1]
        earlier_ms = now.last_ms or 0.0
        crops = {each.crop for each in chain.from_iterable(each.shown for each in passes)}

        def keep(band: Band, texts: Iterable[Text]) -> None:
            for text in texts:
                crop = crop_name(text.start_ms, crops)
                crops.add(crop)
                save_crop(text.picture, work_dir / crop)
                end_ms = min(text.end_ms, media.duration_ms)
                best, score = text.best()
                shown = _Shown(
                    text.start_ms, end_ms, best, score, text.readings, crop, band, text.closed, text.on_a_row
                )
                now.shown.append(shown)

        def tell(damage: str) -> None:
            now.damage = now.damage or damage

        frames = every_frame(
            media.path,
            [band.box for band in now.bands],
            _scale(now.bands),
            colourful=any(band.lettering.colourful for band in now.bands),
            after_ms=now.last_ms,
            on_damage=tell,
        )
        with closing(frames):
            for time_ms, lumas in frames:
                for band, track, luma in zip(now.bands, now.tracks, lumas, strict=True):
                    keep(band, track.push(time_ms, luma))
                now.last_ms = time_ms
                report(time_ms, media.duration_ms, earlier_ms)
                snapshots.save_now_and_then(passes)
        for band, track in zip(now.bands, now.tracks, strict=True):
            keep(band, track.end())
        now.apostrophes = [track.apostrophe for track in now.tracks]
        now.is_done, now.tracks = True, []
        snapshots.save(passes)


def _scale(bands: Sequence[Band]) -> float:
    return min(1.0, LETTERS_PX / min(band.line_height for band in bands))


def _look(band: Band, scale: float) -> Look:
    marks = tuple(
        Box(*(round(side * scale) for side in (left, top - band.box.top, right, bottom - band.box.top)))
        for left, top, right, bottom in band.marks
    )
    rows = tuple((row - band.box.top) * scale for row in band.rows)
    line_height, letters = max(8, round(band.line_height * scale)), band.lettering
    return Look(line_height, band.anchor.scaled(scale), marks, letters.dark, rows, letters.bare)


def _cues(media: MediaInfo, shown: list[_Shown]) -> Iterator[tuple[Cue, list[CueReading]]]:
    """Yields a cue for each text in order, or for each script of one where its band shows two languages at once."""
    of_band: dict[Band, list[_Shown]] = defaultdict(list)
    for each in shown:
        of_band[each.band].append(each)
    signs = {band for band, own in of_band.items() if _is_scenery(own, media.duration_ms)}
    slides = {band for band, own in of_band.items() if are_slides([length_ms(each.span) for each in own])}
    if any(len(own) >= FEWEST_LINES for band, own in of_band.items() if band not in signs | slides):
        signs |= slides
    signs |= {band for band in slides if not band.rows}  # where texts stand anywhere, slides do, too
    for band, own in of_band.items():
        others = [each.span for each in shown if each.band not in {band, *signs} and each.on_a_row]
        of_band[band] = _without_repeats(_without_strays(own, others))
    of_band = _told_once({band: own for band, own in of_band.items() if band not in signs})
    texts = {band: [each.text.split("\n") for each in own] for band, own in of_band.items()}
    bilingual = {band: are_bilingual(of) for band, of in texts.items()}
    script = {band: script_of(" ".join(chain.from_iterable(of))) for band, of in texts.items()}
    kept = [each for band, own in of_band.items() for each in own if not are_stripes(each.text, script[band])]
    for each in sorted(kept, key=lambda each: (each.start_ms, each.band.box.top)):
        parts = _by_script(each.text) if bilingual[each.band] else {script[each.band]: each.text}
        for name, text in parts.items():
            track = f"burned-in:{each.band.box.top}-{each.band.box.bottom}:{name}"
            cue = Cue(media.path.name, each.start_ms, each.end_ms, text, track, each.score)
            votes = list(each.readings)
            if bilingual[each.band]:
                read = [(vote, _by_script(vote.text).get(name)) for vote in votes]
                votes = [vote._replace(text=words) for vote, words in read if words]
            yield cue, readings_of(cue, votes, each.crop)


def _without_strays(shown: list[_Shown], others: Sequence[Span]) -> list[_Shown]:
    """What was read in a band without what is off the rows of its lines, of a sign beside them.

    If much is off them, not all rows may be known: then only what comes and goes while another band has a text is
    left out. Neither is kept what has dark letters on a plate, where the others have outlines.
    """
    plates = on_plates([each.text for each in shown], [each.closed for each in shown])
    shown = [each for each, is_board in zip(shown, plates, strict=True) if not is_board]
    off_ms = sum(length_ms(each.span) for each in shown if not each.on_a_row)
    is_little = off_ms < STRAY * sum(length_ms(each.span) for each in shown)
    return [each for each in shown if each.on_a_row or not (is_little or intrudes(each.span, others))]


def _without_repeats(shown: Sequence[_Shown]) -> list[_Shown]:
    """What was read in a band without the lines of a text that the one before it showed, where all roll up."""
    new = unrolled([each.span for each in shown], [each.text for each in shown], SAME_WORD)
    return [shown[each.number].with_new(each) for each in new]


def _told_once(of_band: Mapping[Band, list[_Shown]]) -> dict[Band, list[_Shown]]:
    """The texts of each band without those that another one on the same rows has too, with more letters, or surer.

    Bands whose lines stand at other places of the same rows may both take a long line for theirs.
    """
    bands = list(of_band)

    def is_told_better(band: Band, one: _Shown) -> bool:
        return any(
            _is_same(one, better)
            and (len(better.text), better.score, -bands.index(other)) > (len(one.text), one.score, -bands.index(band))
            for other, texts in of_band.items()
            if other != band and other.box == band.box
            for better in texts
        )

    return {band: [each for each in texts if not is_told_better(band, each)] for band, texts in of_band.items()}


def _is_same(one: _Shown, other: _Shown) -> bool:
    """Whether two texts that are displayed together, most of the time of the shorter one, are the same."""
    together_ms = min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms)
    is_together = 2 * together_ms > min(length_ms(one.span), length_ms(other.span))
    has_letters = any(map(str.isalpha, one.text + other.text))
    texts = one.text.replace("\n", " "), other.text.replace("\n", " ")
    return is_together and (is_same_text(*texts) if has_letters else texts[0] == texts[1])


def _is_scenery(shown: Sequence[_Shown], duration_ms: int) -> bool:
    """Whether what was read in a band is a sign or a logo."""
    texts = [each.text.replace("\n", " ") for each in shown]
    return are_signs(texts) or is_logo(texts, [length_ms(each.span) for each in shown], duration_ms)


def _by_script(text: str) -> dict[str, str]:
    return {name: "\n".join(lines) for name, lines in by_script(text.split("\n")).items()}
