"""Promises of the parts of `ipl.mining` that need no video: books, ids, cutting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ipl.mining.cutting import cut
from ipl.mining.sources import find_sources
from ipl.mining.timeline import union
from ipl.records import Span


@given(
    st.lists(st.tuples(st.integers(0, 7000), st.integers(0, 3000), st.sampled_from(["Some words.", "♪"])), max_size=8)
)
def test_the_books_balance_for_any_cues(cues: list[tuple[int, int, str]]) -> None:
    from ipl_extractors.aligners import VoiceSnapping

    from ipl.mining.course import Course
    from ipl.mining.sources import Source
    from ipl.mining.steps import Heard
    from ipl.mining.work import _books
    from ipl.records import Cue, MediaInfo

    shown = [Cue("s", start, start + length, text, "t") for start, length, text in cues]
    heard = Heard([Span(1000, 2000), Span(2500, 4600)], 5000, ["damaged"])
    media = MediaInfo(Path("s.mp4"), heard.end_ms, 0, has_audio=True, has_video=True)
    found = list(VoiceSnapping().align(media, shown, heard.voice))
    pairs = sorted((each for each in found if hasattr(each, "display")), key=lambda pair: pair.start_ms)
    rejects = [each for each in found if not hasattr(each, "display")]
    rows = list(_books(Course(Source("s", media.path), duration_ms=6000), heard, shown, pairs, rejects))  # type: ignore[arg-type]
    assert _exact([*rows, *pairs], 6000)
    assert sum(row.end_ms - row.start_ms for row in rows if row.reason == "no sound") <= 1000


def _exact(stretches: list[Any], duration_ms: int) -> bool:
    """Whether the stretches cover all of the source, no millisecond twice."""
    spans = [Span(each.start_ms, each.end_ms) for each in stretches if each.end_ms > each.start_ms]
    return union(spans) == [Span(0, duration_ms)] and sum(span.end_ms - span.start_ms for span in spans) == duration_ms


def test_ids_are_unique_safe_and_know_neither_order_nor_place(tmp_path: Path) -> None:
    def ids(place: Path, names: list[str]) -> dict[str, str]:
        for name in names:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(b"x")
        found = find_sources([place / name for name in names])
        return {str(source.path.relative_to(place.resolve())): source.source_id for source in found}

    names = [
        "a/Film.mp4",
        "b/film.mp4",
        "b/film.mkv",
        "c/été?.mp4",
        "c/été*.mp4",
        "한국 1.mp4",
        ".mp4x",
        "f" * 240 + ".mp4",
    ]
    here = ids(tmp_path / "here", names)
    there = ids(tmp_path / "there/and/deeper", names[::-1])
    assert here == there
    assert len({each.casefold() for each in here.values()}) == len(names)
    assert here["한국 1.mp4"] == "한국_1"
    assert all(len(each.encode()) < 120 and not set(each) & set("/\\?*:\0 ") for each in here.values())


@given(
    st.lists(st.integers(0, 700), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 90)), max_size=6),
)
def test_cutting_gives_what_slicing_gives(lengths: list[int], steps: list[tuple[int, int]]) -> None:
    sound = np.arange(sum(lengths), dtype=np.int16)
    blocks = np.split(sound, np.cumsum(lengths)[:-1])
    spans, now_ms = [], 0
    for gap_ms, length_ms in steps:
        spans.append(Span(now_ms + gap_ms, now_ms + gap_ms + length_ms))
        now_ms = spans[-1].end_ms
    found = list(cut(blocks, 8000, spans))
    for span, samples in zip(spans, found, strict=True):
        assert np.array_equal(samples, sound[span.start_ms * 8 : span.end_ms * 8])
