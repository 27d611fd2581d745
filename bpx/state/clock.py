"""The exchange's time, told from what it sends."""

WINDOW_S = 30.0  # how long an observation is sure to count
LEAP_MS = 65_000  # by which one observation may be ahead: a minute, and what a Date leaves open


class ExchangeClock:
    """Exchange time on top of the monotonic clock.

    Whatever bears a time of the exchange (the `E` of a message, the `Date` of a reply) was made
    before it got here, so each observation is a lower bound and the highest one is the best. It
    is kept for one to two windows, so that a clock that was set back is followed, too. The host's
    wall clock has no say: replayed years and fast simulators work alike.

    One message that is wrong must not move the time of everything, so one that is far ahead of
    all others counts only as far as the next one is ahead as well. That one tells another time:
    a copy of the first, come over another connection, tells the same.

    Assignments are single, so several greenlets may observe and read without a lock.
    """

    def __init__(self) -> None:
        self._offset_ms: float | None = None  # best of this window
        self._previous_ms: float | None = None  # best of the window before
        self._leap: tuple[int, float] | None = None  # the newest time, if far ahead, its offset
        self._window_began = 0.0

    def observe(self, exchange_ms: int, now: float) -> None:
        """Take note that the exchange's time was at least `exchange_ms` at monotonic `now`."""
        offset_ms = self._believed_ms(exchange_ms, now)
        if offset_ms is None:
            return
        if now - self._window_began > WINDOW_S:
            self._previous_ms, self._offset_ms = self._offset_ms, offset_ms
            self._window_began = now
        elif self._offset_ms is None or offset_ms > self._offset_ms:
            self._offset_ms = offset_ms

    def at(self, now: float) -> int | None:
        """Return the exchange's time in ms at monotonic `now`; None before it was ever observed."""
        best_ms, previous_ms = self._offset_ms, self._previous_ms  # asked with every answer
        if best_ms is None:
            return None
        if previous_ms is not None and previous_ms > best_ms:
            best_ms = previous_ms
        return int(best_ms + now * 1000)

    def _best_ms(self) -> float | None:
        offset_ms, previous_ms = self._offset_ms, self._previous_ms
        if offset_ms is None or previous_ms is None:
            return offset_ms
        return max(offset_ms, previous_ms)

    def _believed_ms(self, exchange_ms: int, now: float) -> float | None:
        """Return the offset that counts for an observation; None for the first far ahead."""
        offset_ms = exchange_ms - now * 1000
        best_ms, leap = self._best_ms(), self._leap
        if best_ms is None or offset_ms - best_ms <= LEAP_MS:
            self._leap = None
            return offset_ms
        self._leap = exchange_ms, offset_ms
        if leap is None or leap[0] == exchange_ms:
            return None
        return min(leap[1], offset_ms)
