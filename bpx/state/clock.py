"""The exchange's time, told from what it sends."""

WINDOW_S = 30.0  # how long an observation is sure to count


class ExchangeClock:
    """Exchange time on top of the monotonic clock.

    Whatever bears a time of the exchange (the `E` of a message, the `Date` of a reply) was made
    before it got here, so each observation is a lower bound and the highest one is the best. It
    is kept for one to two windows, so that a clock that was set back is followed, too. The host's
    wall clock has no say: replayed years and fast simulators work alike.

    Assignments are single, so several greenlets may observe and read without a lock.
    """

    def __init__(self) -> None:
        self._offset_ms: float | None = None  # best of this window
        self._previous_ms: float | None = None  # best of the window before
        self._window_began = 0.0

    def observe(self, exchange_ms: int, now: float) -> None:
        """Take note that the exchange's time was at least `exchange_ms` at monotonic `now`."""
        offset_ms = exchange_ms - now * 1000
        if now - self._window_began > WINDOW_S:
            self._previous_ms, self._offset_ms = self._offset_ms, offset_ms
            self._window_began = now
        elif self._offset_ms is None or offset_ms > self._offset_ms:
            self._offset_ms = offset_ms

    def at(self, now: float) -> int | None:
        """Return the exchange's time in ms at monotonic `now`; None before it was ever observed."""
        if self._offset_ms is None:
            return None
        best_ms = self._offset_ms
        if self._previous_ms is not None and self._previous_ms > best_ms:
            best_ms = self._previous_ms
        return int(best_ms + now * 1000)
