"""Real clips as they are, with what is written in them: seen and typed by us, to the frame, in `real/truth.json`.

Frames count from 0; a cue is on display from frame `first` up to, not including, frame `end`. The clips themselves
are no part of the project: they are looked for in `../shared/data/video`, and where that is missing, it is said.
Title cards and things with letters on them are in the pictures, but no subtitles, and so in no cue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ipl_datasets.factory.scene import frame_ms
from ipl_datasets.factory.truth import Displayed, Truth
from suite import Made

from ipl.progress import progress

SAMPLE_RATE_HZ = 16_000
CLIPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "video"
TRUTH = Path(__file__).with_name("real") / "truth.json"


def real_clips(folder: Path, only: Collection[int] = ()) -> Iterator[Made]:
    """Yields the real clips, or those of some numbers; none where they are missing. Writes nothing to `folder`."""
    known: dict[str, Any] = json.loads(TRUTH.read_text(encoding="utf-8"))
    if are_there(CLIPS):
        for number, (name, seen) in enumerate(known.items()):
            if not only or number in only:
                rows = tuple(seen["rows"]) if seen["rows"] else None
                yield Made(CLIPS / name, {"clip": Path(name).stem}, _truth(seen), rows)


class Named(Protocol):
    """A film that is made of the clips."""

    @property
    def name(self) -> str:
        """What its file is called."""


T = TypeVar("T", bound=Named)


def films_of_clips(
    films: Sequence[T], folder: Path, only: Collection[int], make: Callable[[T, Path], Made], *others: Path
) -> Iterator[Made]:
    """Makes what is not there yet, and yields all films, or those of some numbers.

    None where the clips are missing, or one of the other folders that they are made from.
    """
    if not are_there(CLIPS, *others):
        return
    chosen = [film for number, film in enumerate(films) if not only or number in only]
    with progress("making films", len(chosen), "films") as advance:
        for film in chosen:
            path = folder / f"{film.name}.mp4"
            made = make(film, path)
            advance(1, path.name)
            yield made


def encoding(crf: int, seconds: float) -> dict[str, Any]:
    """ffmpeg's options for a film of so many seconds."""
    video = {"vcodec": "libx264", "preset": "veryfast", "crf": crf, "pix_fmt": "yuv420p"}
    sound = {"acodec": "aac", "audio_bitrate": "96k", "ac": 1}
    # A fixed number of threads, as the bytes depend on it.
    return {**video, **sound, "t": seconds, "threads": 2, "fflags": "+bitexact"}


def are_there(*folders: Path) -> bool:
    """Whether folders of real recordings are on this machine; those that are not are printed."""
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        print(f"skipped: no folder of that name: {', '.join(missing)}")
    return not missing


def _truth(seen: dict[str, Any]) -> Truth:
    rate = Fraction(seen["frame_rate"])
    cues = [Displayed(frame_ms(cue["first"], rate), frame_ms(cue["end"], rate), cue["text"]) for cue in seen["cues"]]
    return Truth(
        burned_in=bool(cues),
        frame_rate=seen["frame_rate"],
        frames=seen["frames"],
        sample_rate_hz=SAMPLE_RATE_HZ,
        num_samples=int(seen["frames"] / rate * SAMPLE_RATE_HZ),
        cues=tuple(cues),
        speech=(),
        recipe={},
    )
