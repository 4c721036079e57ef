"""Lines are read in a thread of its own while the video is decoded, before anybody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b
from threading import Lock

import numpy as np
import numpy.typing as npt

from ipl.hookspecs import ReadText
from ipl.records import Reading

__all__ = ["ReadAhead", "reading_ahead"]

Picture = npt.NDArray[np.uint8]

MOST_EXPECTED = 256
"""So many lines that nobody asked for are kept: what a line was taken to look like may turn out to be wrong."""


class ReadAhead:
    """A text reader that may be told which lines it will be asked for; it is used by one thread at a time."""

    def __init__(self, read_text: ReadText, thread: ThreadPoolExecutor) -> None:
        self._read_text = read_text
        self._thread = thread
        self._expected: dict[bytes, Future[list[list[Reading]]]] = {}
        self._lock = Lock()
        """held by who expects: the thread itself does, too"""

    def expect(self, pictures: Sequence[Picture], will_do: Callable[[list[Reading]], bool]) -> None:
        """Has pictures of one line, uint8 [H, W, 3], read from now on: each if what the one before gave won't do."""
        key = _key(pictures[0])
        with self._lock:
            if key not in self._expected:
                self._expected[key] = self._thread.submit(self._read_in_turn, pictures, will_do)
            while len(self._expected) > MOST_EXPECTED:
                self._expected.pop(next(iter(self._expected))).cancel()

    def _read_in_turn(
        self, pictures: Sequence[Picture], will_do: Callable[[list[Reading]], bool]
    ) -> list[list[Reading]]:
        found = self._read_text(pictures[:1], True)
        if len(pictures) > 1 and not will_do(found[0]):
            self.expect(pictures[1:], will_do)
        return found

    def __call__(self, pictures: Sequence[Picture], lines: bool | None) -> list[list[Reading]]:
        """Reads the pictures, as the text reader does; raises what it raises."""
        expected = {}
        if lines:
            known = ((number, self._expected.pop(_key(picture), None)) for number, picture in enumerate(pictures))
            expected = {number: future for number, future in known if future}
        others = [picture for number, picture in enumerate(pictures) if number not in expected]
        read = iter(self._thread.submit(self._read_text, others, lines).result() if others else [])
        return [expected[number].result()[0] if number in expected else next(read) for number in range(len(pictures))]


@contextmanager
def reading_ahead(read_text: ReadText) -> Iterator[ReadAhead]:
    """A text reader that reads ahead until the block ends."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        yield ReadAhead(read_text, thread)
    finally:
        thread.shutdown(cancel_futures=True)


def _key(picture: Picture) -> bytes:
    return repr(picture.shape).encode() + blake2b(picture.tobytes(), digest_size=16).digest()
