"""Lines are read in a thread of its own while the video is decoded, before anybody asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b

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

    def expect(self, pictures: Sequence[Picture]) -> None:
        """Has pictures of single lines, uint8 [H, W, 3], read one by one from now on."""
        for picture in pictures:
            if (key := _key(picture)) not in self._expected:
                self._expected[key] = self._thread.submit(self._read_text, [picture], True)
        while len(self._expected) > MOST_EXPECTED:
            self._expected.pop(next(iter(self._expected))).cancel()

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
