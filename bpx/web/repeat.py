"""Answers that may be given again, byte for byte, to whoever asks the very same.

What the application makes of a request depends on its head, on where it came from, on the keys and
limits of the moment, and on one cell. Of two that are equal, head and all, only the last two can
make a difference: a `Repeat` looks at just these, and is what a server may ask instead of the
application.
"""

from collections.abc import Callable
from typing import NamedTuple

from bpx.metrics import Count
from bpx.web.answer import Again, Answer, Part, headers_of
from bpx.web.counting import Sort

AGAIN = "bpx.again"  # in a request's environment: what answers it again, if it was from a cell
REMEMBER = "bpx.remember"  # where a server puts what takes a Repeat, if it can


class Ticket(NamedTuple):
    """By what a request came in.

    Args:
        admits_again: whether one that is equal may come in now (monotonic seconds), and counts it.
        headers: that answers have for it.
    """

    admits_again: Callable[[float], bool]
    headers: tuple[tuple[str, str], ...]


class Repeat:
    """The answer to one request, as it is whenever it is called.

    Args:
        now: returns monotonic seconds.
        again: answers it, from its cell.
        ticket: by what it came in.
        sort_of: returns where answers of a `Data-Source` are counted.
        counts: two that grow with each answer.
    """

    _sort: Sort

    __slots__ = (
        "_admits_again",
        "_again",
        "_age_ms",
        "_counts",
        "_headers",
        "_is_synthetic",
        "_length",
        "_lines",
        "_now",
        "_said",
        "_sort",
        "_sort_of",
        "_source",
    )

    def __init__(
        self,
        now: Callable[[], float],
        again: Again,
        ticket: Ticket,
        sort_of: Callable[[str], Sort],
        counts: tuple[Count, Count],
    ) -> None:
        self._now = now
        self._again = again
        self._admits_again, self._headers = ticket
        self._sort_of = sort_of
        self._counts = counts
        self._source, self._is_synthetic, self._length = "", False, 0  # of the answer that has
        self._lines = b""  # these, with a place for its age in milliseconds
        self._age_ms: int | None = None  # the last time, with what was said
        self._said = b""

    def __call__(self, now: float) -> tuple[bytes, tuple[Part, ...], int] | None:
        """Answer it again: return header lines with their end, the body's parts, their length.

        None if the application has to be asked; then nothing has been counted.
        """
        given = self._again(now)
        if given is None or not self._admits_again(now):
            return None
        answer, feed = given
        parts, source, confirmed_at, is_synthetic, _, _ = answer
        if feed is not None:
            feed.asked_at = now
        length = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
        if (
            source != self._source
            or length != self._length
            or is_synthetic is not self._is_synthetic
        ):
            self._say(answer, length)
        age_ms = int((now - confirmed_at) * 1000)
        if age_ms != self._age_ms:
            self._age_ms = age_ms
            self._said = self._lines % max(0, age_ms)
        hits, repeated = self._counts
        hits.value += 1
        repeated.value += 1
        self._sort.count(self._now() - now, length, age_ms, is_synthetic)
        return self._said, parts, length

    def _say(self, answer: Answer, length: int) -> None:
        """Take note of how such an answer is told, and where it is counted."""
        named = [*headers_of(answer, "\0", str(length)), *self._headers]
        lines = "".join(f"{name}: {text}\r\n" for name, text in named) + "\r\n"
        self._lines = lines.replace("%", "%%").replace("\0", "%d").encode("latin-1")
        self._age_ms = None
        self._sort = self._sort_of(answer.source)
        self._source, self._is_synthetic = answer.source, answer.is_synthetic
        self._length = length
