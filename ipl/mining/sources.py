"""From what a user names (files, folders, globs) to sources, each with an id of its own."""

from __future__ import annotations

import glob
import hashlib
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ipl.errors import InputError

__all__ = ["MEDIA_SUFFIXES", "Source", "beside", "find_sources"]

# fmt: off
MEDIA_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
    ".mxf", ".ogm", ".ogv", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv",
    ".aac", ".aif", ".aiff", ".flac", ".m4a", ".mka", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma",
})
# fmt: on
"""What is taken from a folder or a glob. A file named by itself is taken whatever it is called."""

LONGEST_ID = 100
"""Bytes of UTF-8; file systems allow names of 255, and suffixes follow."""


@dataclass(frozen=True)
class Source:
    """A media file, and the name that it goes by in tables and file names."""

    source_id: str
    path: Path


def find_sources(named: Sequence[str | Path]) -> list[Source]:
    """Returns the sources that files, folders (with all below them) and globs name, each once, in order of path.

    What several links lead to counts once, by the first of their names.

    A source's id is its file's stem, made safe for file names. Those that would share one get a hash of their
    path below the folder that they have in common: ids depend neither on the order of sources nor on where
    their tree lies. Raises InputError for all that names nothing.
    """
    problems: list[str] = []
    files: dict[Path, Path] = {}
    for name in named:
        found = list(_files(Path(name).expanduser(), problems))
        for file in found:
            place = file.parent.resolve() / file.name  # a link's own name and neighbours count, not its target's
            files[file.resolve()] = min(files.get(file.resolve(), place), place)
    if problems:
        raise InputError("; ".join(problems))
    paths = sorted(files.values(), key=os.fsencode)
    return [Source(source_id, path) for source_id, path in zip(_ids(paths), paths, strict=True)]


def beside(path: Path) -> list[Path]:
    """Returns what lies beside a media file under its stem, such as `film.srt` or `film.en.vtt`, in order of name."""
    found = (each for each in path.parent.iterdir() if each.name.startswith(f"{path.stem}."))
    return sorted(each for each in found if each.suffix.lower() not in MEDIA_SUFFIXES and each.is_file())


def _files(path: Path, problems: list[str]) -> Iterator[Path]:
    if path.is_dir():
        found = sorted(_media(Path(folder) / name for folder, _, names in os.walk(path) for name in names))
        if not found:
            problems.append(f"{path}: no media files in this folder; expected files such as .mp4, .mkv, .webm, .mp3")
        yield from found
    elif path.exists() or path.is_symlink():
        yield path
    elif glob.has_magic(str(path)):
        found = sorted(_media(Path(each) for each in glob.iglob(str(path), recursive=True)))  # noqa: PTH207
        if not found:
            problems.append(f"{path}: no media file matches this pattern; quote it and check the folder")
        yield from found
    else:
        problems.append(f"{path}: no such file or folder; check the path")


def _media(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.suffix.lower() in MEDIA_SUFFIXES and not path.name.startswith(".") and not path.is_dir():
            yield path


def _ids(paths: Sequence[Path]) -> list[str]:
    names = [_safe(path.stem) for path in paths]
    twins: dict[str, list[Path]] = {}
    for name, path in zip(names, paths, strict=True):
        twins.setdefault(name.casefold(), []).append(path)  # some file systems do not tell cases apart
    tops = {key: os.path.commonpath([path.parent for path in group]) for key, group in twins.items()}
    return [
        name if len(twins[key := name.casefold()]) == 1 else f"{name}-{_hash(path.relative_to(tops[key]))}"
        for name, path in zip(names, paths, strict=True)
    ]


def _safe(stem: str) -> str:
    """Keeps letters, marks and digits of any script, `.`, `-` and `_`; anything else becomes `_`.

    >>> _safe("Ep. 3: What/now?"), _safe("映画 ①"), _safe("..")
    ('Ep._3__What_now_', '映画_①', 'source')
    """
    text = unicodedata.normalize("NFC", stem)
    kept = "".join(each if each in "._-" or unicodedata.category(each)[0] in "LMN" else "_" for each in text)
    short = kept.encode()[:LONGEST_ID].decode("utf-8", "ignore")
    return short.lstrip(".-") or "source"


def _hash(path: Path) -> str:
    return hashlib.blake2b(os.fsencode(path.as_posix()), digest_size=4).hexdigest()
