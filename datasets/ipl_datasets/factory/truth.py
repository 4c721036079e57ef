"""What is really in a synthetic video, kept as JSON in `truth/` beside it: for measuring, never for mining."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ipl.errors import InputError
from ipl.files import read_json, write_json
from ipl_datasets.factory.soundtrack import Line

__all__ = ["Displayed", "Truth", "read_truth", "truth_path", "write_truth"]


@dataclass(frozen=True, slots=True)
class Displayed:
    """A text on display: from the first frame that shows it to the first that no longer does."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth of one video. `cues` hold display time, `speech` holds samples of the sound track.

    `burned_in` says whether the cues are in the pictures, or in a subtitle file. `recipe` holds all that the video
    was made from.
    """

    burned_in: bool
    frame_rate: str
    frames: int
    sample_rate_hz: int
    num_samples: int
    cues: tuple[Displayed, ...]
    speech: tuple[Line, ...]
    recipe: dict[str, Any]


def truth_path(video: Path) -> Path:
    """Where the truth of a video lies: `truth/<stem>.truth.json` beside it."""
    return video.parent / "truth" / f"{video.stem}.truth.json"


def write_truth(video: Path, truth: Truth) -> None:
    """Writes the truth of a video to its place."""
    write_json(truth_path(video), asdict(truth))


def read_truth(video: Path) -> Truth:
    """Reads the truth of a video; InputError where there is none, or something else."""
    path = truth_path(video)
    found = read_json(path)
    try:
        found["cues"] = tuple(Displayed(**cue) for cue in found["cues"])
        found["speech"] = tuple(Line(**line) for line in found["speech"])
        return Truth(**found)
    except (TypeError, KeyError) as error:
        raise InputError(f"{path}: not the truth of a synthetic video ({error}); make the videos again") from error
