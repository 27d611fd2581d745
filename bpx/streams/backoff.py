"""How long to wait before connecting again. Pure, apart from the dice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import uniform
from types import MappingProxyType

from bpx.errors import Loss, StreamLost

MOST_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How one kind of loss is waited out.

    Args:
        factor: of the first wait's top.
        least_s: a wait is never shorter, unless the exchange says itself how long.
    """

    factor: float
    least_s: float = 0.0


PACES: Mapping[Loss, Pace] = MappingProxyType(
    {
        Loss.CLOSED: Pace(0.25),
        Loss.LOST: Pace(0.5),
        Loss.PROTOCOL: Pace(0.5),
        Loss.UNREACHABLE: Pace(1.0),
        Loss.REFUSED: Pace(1.0),
        Loss.BANNED: Pace(1.0, least_s=120.0),
    }
)


def delays(first_s: float, longest_s: float) -> Iterator[float]:
    """Yield waits with full jitter: each is random up to a top that doubles up to `longest_s`.

    https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
    """
    top_s = first_s
    while True:
        yield uniform(0, top_s)
        top_s = min(top_s * 2, longest_s)


class Backoff:
    """The waits of one connection, by what has happened to it.

    Args:
        first_s: top of the first wait, before the factor of the loss.
        longest_s: top of any wait.
        most_failures: as many in a row, and the breaker is open: the longest waits follow.
    """

    def __init__(self, first_s: float, longest_s: float, most_failures: int) -> None:
        self.failures = 0  # in a row
        self._first_s = first_s
        self._longest_s = longest_s
        self._most_failures = most_failures

    @property
    def is_open(self) -> bool:
        """Whether the breaker is: so many have failed that this will not be over soon."""
        return self.failures >= self._most_failures

    def after(self, lost: StreamLost) -> float:
        """Count a loss, and return how long to wait now."""
        self.failures += 1
        pace = PACES[lost.loss]
        least_s = pace.least_s if lost.retry_after_s is None else lost.retry_after_s
        return least_s + uniform(0, self._top_s(pace.factor))

    def start_afresh(self) -> None:
        """Forget the failures: a connection was stable."""
        self.failures = 0

    def _top_s(self, factor: float) -> float:
        if self.is_open:
            return self._longest_s
        doublings = min(self.failures - 1, MOST_DOUBLINGS)
        return min(self._first_s * factor * 2.0**doublings, self._longest_s)
