"""The signs of life of one link: when to ping it, and what its answers prove. Pure."""

from math import inf

from bpx.streams.tap import Line
from bpx.streams.wire import Wire


class Pulse:
    """Whether a link lives, and up to when it has brought everything.

    Args:
        wire: how long it may be silent.
        opened_at: when it was opened, in monotonic seconds.
        pause_s: between two messages of ours: of those at most every other one is a ping.
    """

    def __init__(self, wire: Wire, opened_at: float, pause_s: float) -> None:
        self.line = Line()
        self.complete_until = -inf  # all that the exchange had sent until then has been read
        self._wire = wire
        self._ping_after_s = max(wire.alive_s / 2, 2 * pause_s)
        self._pinged_at = opened_at
        self._asked_at: float | None = None  # the oldest ping without an answer
        self._prove_at = -inf
        self.hear(opened_at)

    def hear(self, now: float) -> None:
        """Take note that something came."""
        self._heard_at = now
        self.line.alive_until = now + self._wire.alive_s

    def hear_pong(self) -> None:
        """Take note of an answer to a ping: what was sent before it has been read before it."""
        if self._asked_at is not None:
            self.complete_until, self._asked_at = self._asked_at, None

    def ping(self, now: float) -> None:
        """Take note that a ping goes out."""
        self._pinged_at = now
        if self._asked_at is None:
            self._asked_at = now

    def prove(self, at: float) -> bool:
        """Ask for a ping after `at`; return whether that is news."""
        is_news = at > self._prove_at
        self._prove_at = max(at, self._prove_at)
        return is_news

    def is_ping_due(self, now: float) -> bool:
        """Whether it has to be pinged now."""
        if self._asked_at is None and self.complete_until < self._prove_at:
            return True
        since_ping_s = now - self._pinged_at
        silent_s = min(now - self._heard_at, since_ping_s)
        return silent_s >= self._ping_after_s or since_ping_s >= self._wire.ping_interval_s

    def is_silent(self, now: float) -> bool:
        """Whether it has been taken for dead for so long that another is to be tried."""
        return now >= self.line.alive_until + self._wire.alive_s

    def is_lost(self, now: float) -> bool:
        """Whether it has been silent for too long."""
        return now - self._heard_at > self._wire.alive_s / 2 + self._wire.pong_timeout_s

    def end(self, now: float, *, is_complete: bool) -> None:
        """Take note that the link is gone, and whether it has brought everything."""
        self.line.alive_until = 0.0
        if is_complete:
            self.complete_until = now
