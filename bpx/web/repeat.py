"""Answers that may be given again, byte for byte, to whoever asks the very same.

What the application makes of a request depends on its head, on where it came from, on the keys and
limits of the moment, and on one cell. Of two that are equal, head and all, only the last two can
make a difference: a `Repeat` looks at just these, and is what a server may ask instead of the
application.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bpx.metrics import Count
from bpx.web.answer import Again, Answer, Part, headers_of
from bpx.web.counting import Sort

AGAIN = "bpx.again"  # in a request's environment: what answers it again, if it was from a cell
REMEMBER = "bpx.remember"  # where a server puts what takes a Repeat, if it can


class Ticket(NamedTuple):
    """By what a request came in.

    Args:
        admits_again: whether one that is equal may come in now; then it is counted.
        headers: that answers have for it.
    """

    admits_again: Callable[[], bool]
    headers: tuple[tuple[str, str], ...]


class Repeat:
    """The answer to one request, as it is whenever it is called.

    Args:
        now: returns monotonic seconds.
        again: answers it, from its cell.
        ticket: by what it came in.
        sort_of: returns where answers of a `Data-Source` are counted.
        counts: grow with each answer.
    """

    def __init__(
        self,
        now: Callable[[], float],
        again: Again,
        ticket: Ticket,
        sort_of: Callable[[str], Sort],
        counts: Sequence[Count],
    ) -> None:
        self._now = now
        self._again = again
        self._admits_again = ticket.admits_again
        self._headers = ticket.headers
        self._sort_of = sort_of
        self._counts = counts
        self._said: dict[tuple[str, bool], tuple[bytes, Sort]] = {}

    def __call__(self) -> tuple[bytes, tuple[Part, ...], int] | None:
        """Answer it again: return header lines with their end, the body's parts, their length.

        None if the application has to be asked; then nothing has been counted.
        """
        began = self._now()
        answer = self._again(began)
        if answer is None or not self._admits_again():
            return None
        said, sort = self._said.get((answer.source, answer.is_synthetic)) or self._say(answer)
        length = sum(map(len, answer.parts))
        age_ms = max(0, int((began - answer.confirmed_at) * 1000))
        for count in self._counts:
            count.value += 1
        sort.count(self._now() - began, length, age_ms, is_synthetic=answer.is_synthetic)
        return said % (age_ms, length), answer.parts, length

    def _say(self, answer: Answer) -> tuple[bytes, Sort]:
        """Return header lines with places for age and length, and where it is counted."""
        named = [*headers_of(answer, "\0", "\0"), *self._headers]
        lines = "".join(f"{name}: {text}\r\n" for name, text in named) + "\r\n"
        said = lines.replace("%", "%%").replace("\0", "%d").encode("latin-1")
        self._said[answer.source, answer.is_synthetic] = said, self._sort_of(answer.source)
        return self._said[answer.source, answer.is_synthetic]
