"""How the work on one source goes: seconds of each phase, and what makes a source unusable."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ipl.errors import IplError
from ipl.mining.receipts import CannotWrite
from ipl.mining.sources import Source

__all__ = ["Course", "Unusable", "told"]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Unusable(Exception):  # noqa: N818 - a finding about a source, not an error of the program
    """All of a source is rejected. `final` says that the same file always will be: nobody need try again."""

    def __init__(self, stage: str, reason: str, detail: str, final: bool = False) -> None:
        super().__init__(f"{stage}: {reason}: {detail}")
        self.stage, self.reason, self.detail, self.final = stage, reason, detail, final


@dataclass
class Course:
    """What is known so far of a source that is being mined."""

    source: Source
    fingerprint: str = ""
    duration_ms: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str, reason: str) -> Iterator[None]:
        """Times a phase; whatever goes wrong in it makes the source unusable for `reason`, but for a full disk."""
        started = time.perf_counter()
        try:
            yield
        except (Unusable, CannotWrite):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                raise CannotWrite.to(self.source.path, error) from error
            raise Unusable(name, reason, told(error).removeprefix(f"{self.source.path}: ")) from error
        finally:
            self.spend(name, time.perf_counter() - started)

    def spend(self, phase: str, seconds: float) -> None:
        """Adds to the seconds of a phase."""
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds


def told(error: Exception) -> str:
    """An error in one line: ipl's own say all in their message, of others the type is half the news."""
    words = str(error) if isinstance(error, IplError) else f"{type(error).__name__}: {error}"
    return " ".join(words.split())
