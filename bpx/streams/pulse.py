"""The signs of life of one link: when to ping it, and what its answers prove. Pure."""

from math import inf

from bpx.streams.tap import Line
from bpx.streams.wire import Wire

MOST_PINGS = 32  # that are waited for


class Pulse:
    """Whether a link lives, and up to when it has brought everything.

    Once it was silent for too long, what comes may be what has waited on the way: it lives again
    when a ping is answered that was sent after that has begun to come.

    Args:
        wire: how long it may be silent.
        opened_at: when it was opened, in monotonic seconds.
        pause_s: between two messages of ours: of those at most every other one is a ping.
    """

    def __init__(self, wire: Wire, opened_at: float, pause_s: float) -> None:
        self.line = Line()
        self.line.alive_until = opened_at + wire.alive_s
        self.complete_until = -inf  # all that the exchange had sent until then has been read
        self._wire = wire
        self._ping_after_s = max(wire.alive_s / 2, 2 * pause_s)
        self._heard_at = self._pinged_at = opened_at
        self._pings = 0
        self._unanswered: dict[bytes, float] = {}  # when each ping was sent, by its payload
        self._prove_at = -inf
        self._revive_at: float | None = None  # only what was sent since proves that it lives
        self._is_over = False

    def hear(self, now: float) -> bool:
        """Take note that something came; return whether a ping has become due by that."""
        was_silent = now >= self._heard_at + self._wire.alive_s
        self._heard_at = now
        if was_silent:
            self._revive_at = now
            return self.prove(now)
        if self._revive_at is None and not self._is_over:
            self.line.alive_until = now + self._wire.alive_s
        return False

    def hear_pong(self, payload: bytes, now: float) -> float | None:
        """Take note of the answer to a ping: all that was sent before it has been read by now.

        One may answer for those before it (RFC 6455, 5.5.3).

        Returns:
            The seconds that it took; None if it answers nothing.
        """
        sent_at = self._unanswered.get(payload)
        if sent_at is None:
            return None
        self.complete_until = max(self.complete_until, sent_at)
        for ping, at in list(self._unanswered.items()):
            if at <= sent_at:
                del self._unanswered[ping]
        if self._revive_at is not None and sent_at >= self._revive_at:
            self._revive(now, lag_s=now - sent_at)
        return now - sent_at

    def ping(self, now: float) -> bytes:
        """Take note that a ping goes out; return its payload."""
        self._pinged_at = now
        self._pings += 1
        payload = b"%d" % self._pings
        self._unanswered[payload] = now
        if len(self._unanswered) > MOST_PINGS:
            del self._unanswered[next(iter(self._unanswered))]
        return payload

    def prove(self, at: float) -> bool:
        """Ask for a ping not before `at`; return whether that is news."""
        is_news = at > self._prove_at
        self._prove_at = max(at, self._prove_at)
        return is_news

    def is_ping_due(self, now: float) -> bool:
        """Whether it has to be pinged now."""
        if max([self.complete_until, *list(self._unanswered.values())]) < self._prove_at:
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
        self._is_over = True
        self.line.alive_until = 0.0
        if is_complete:
            self.complete_until = now

    def _revive(self, now: float, lag_s: float) -> None:
        if lag_s < self._wire.alive_s:
            self._revive_at = None
            self.hear(now)
        else:  # what was sent since may be old, too
            self._revive_at = now
            self.prove(now)
