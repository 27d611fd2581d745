"""What is asked again, how often, and when: everything that is not said here is asked once."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import uniform

RETRY_STATUSES = frozenset({502, 503, 504})  # of a public read
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.05, 0.25  # before the one more try of a public read
RECONNECT_S = 1.0  # how long after its start an order may connect once more

SHARE = 0.1  # of the calls, that may be made once more
SPAN_S = 10
FREE = 3  # retries in the span, however few calls there are


@dataclass(frozen=True, slots=True)
class Recovery:
    """How persistent we are.

    Args:
        max_retries: tries after the first one, of what we fetch for ourselves.
        base_delay_s: longest wait before the first of them; it doubles.
        max_delay_s: longest wait before any.
        failure_threshold: failures that open a breaker; None if there are no breakers.
    """

    max_retries: int = 3
    base_delay_s: float = 1.0
    max_delay_s: float = 60.0
    failure_threshold: int | None = None

    def delays(self) -> Iterator[float]:
        """Yield the waits before each retry, with full jitter.

        https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
        """
        return islice(_delays(self.base_delay_s, self.max_delay_s), self.max_retries)


def short_wait_s() -> float:
    """Return how long a public read of a client waits before it is tried once more."""
    return uniform(SHORTEST_WAIT_S, LONGEST_WAIT_S)


class RetryBudget:
    """Keeps retries to a share of the calls, so that they cannot make a bad hour worse.

    Every method takes `now`, in monotonic seconds.
    """

    def __init__(self) -> None:
        self._seconds: deque[list[int]] = deque()  # [second, calls, retries]

    def count(self, now: float) -> None:
        """Count a first try."""
        self._second(now)[1] += 1

    def take(self, now: float) -> bool:
        """Return whether one more try is within the budget, and count it if so."""
        second = self._second(now)
        calls = sum(row[1] for row in self._seconds)
        retries = sum(row[2] for row in self._seconds)
        if retries + 1 > max(FREE, SHARE * calls):
            return False
        second[2] += 1
        return True

    def _second(self, now: float) -> list[int]:
        second = int(now)
        while self._seconds and self._seconds[0][0] <= second - SPAN_S:
            self._seconds.popleft()
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        return self._seconds[-1]


def _delays(first_s: float, longest_s: float) -> Iterator[float]:
    top_s = min(first_s, longest_s)
    while True:
        yield uniform(0, top_s)
        top_s = min(top_s * 2, longest_s)
