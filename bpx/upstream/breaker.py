"""A breaker: where most calls fail, the next ones are refused at once instead of tried."""

from collections import deque
from dataclasses import dataclass
from enum import Enum

CALLS = 20  # of which the window is made, if they are young enough
WINDOW_S = 10.0
FIRST_OPEN_S = 5.0
LONGEST_OPEN_S = 30.0
LONGER = 1.5  # each time that the probes fail
PROBES = 3  # that must succeed, and the most that are out at a time


class State(Enum):
    """What a breaker does with calls."""

    CLOSED = "closed"  # lets all go
    OPEN = "open"  # refuses all
    HALF_OPEN = "half-open"  # lets some go, to see


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one call: to be ended by `Breaker.end`, once."""

    era: int
    is_probe: bool


class Breaker:
    """Whether calls of one class to one host are worth making.

    It opens when `threshold` of the last calls, and at least half of them, have failed. It holds
    no lock and is never asked during a call: every method takes `now`, in monotonic seconds.

    Args:
        threshold: failures in the window.
    """

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._calls: deque[tuple[float, bool]] = deque(maxlen=max(CALLS, 2 * threshold))
        self._open_s = FIRST_OPEN_S
        self._open_until: float | None = None
        self._era = 0  # ends with each change of the state: what is older does not count
        self._out = 0  # probes
        self._good = 0  # probes

    def state(self, now: float) -> State:
        """Return what it does at `now`."""
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if now < self._open_until else State.HALF_OPEN

    def wait_s(self, now: float) -> float:
        """Return the seconds until a call may go; 0.0 if one may go now."""
        if self._open_until is None:
            return 0.0
        if now < self._open_until:
            return self._open_until - now
        return 0.0 if self._out + self._good < PROBES else 1.0

    def admit(self, now: float, *, is_urgent: bool = False) -> Permit | None:
        """Let a call go, or return None.

        Args:
            now: monotonic seconds.
            is_urgent: it goes in any case, and shows how things are.
        """
        if self.wait_s(now) > 0 and not is_urgent:
            return None
        is_probe = self._open_until is not None
        self._out += is_probe
        return Permit(self._era, is_probe)

    def end(self, permit: Permit, now: float, has_failed: bool | None) -> None:
        """Take note of what became of a call; None if it tells nothing about the host."""
        if permit.era != self._era:
            return
        if permit.is_probe:
            self._end_probe(now, has_failed)
        elif has_failed is not None:
            self._calls.append((now, has_failed))
            if has_failed and self._is_bad(now):
                self._open(now)

    def _end_probe(self, now: float, has_failed: bool | None) -> None:
        self._out -= 1
        if has_failed:
            # An urgent call that fails while it is open is no news: it does not grow worse.
            if self.state(now) is State.HALF_OPEN:
                self._open_s = min(self._open_s * LONGER, LONGEST_OPEN_S)
            self._open(now)
        elif has_failed is False:
            self._good += 1
            if self._good >= PROBES:
                self._close()

    def _is_bad(self, now: float) -> bool:
        while self._calls and self._calls[0][0] <= now - WINDOW_S:
            self._calls.popleft()
        failures = sum(has_failed for _, has_failed in self._calls)
        return failures >= self._threshold and 2 * failures >= len(self._calls)

    def _open(self, now: float) -> None:
        self._open_until = now + self._open_s
        self._begin_era()

    def _close(self) -> None:
        self._open_until = None
        self._open_s = FIRST_OPEN_S
        self._begin_era()

    def _begin_era(self) -> None:
        self._era += 1
        self._out = self._good = 0
        self._calls.clear()
