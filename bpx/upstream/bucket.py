"""A leaky bucket that meters requests."""


class LeakyBucket:
    """Requests made lately: each is poured in, and they leak out at a steady rate.

    Args:
        capacity: requests that may be made at once.
        leak_per_s: requests that become free again each second.

    Every method takes `now`, in monotonic seconds, and none of them waits: the caller does.
    """

    def __init__(self, capacity: float, leak_per_s: float) -> None:
        self.capacity = capacity
        self.leak_per_s = leak_per_s
        self._level = 0.0
        self._poured_at = 0.0

    def level(self, now: float) -> float:
        """Return the requests that have not leaked out yet."""
        return max(0.0, self._level - (now - self._poured_at) * self.leak_per_s)

    def wait_for(self, share: float, now: float) -> float:
        """Return the seconds until one more request fits under `share` of the capacity."""
        return max(0.0, (self.level(now) + 1 - self.capacity * share) / self.leak_per_s)

    def pour(self, now: float) -> None:
        """Spend one request, whether it fits or not: whoever pours early waits its turn."""
        self._level = self.level(now) + 1
        self._poured_at = now

    def take_back(self, now: float) -> None:
        """Undo a `pour`: its request was not made."""
        self._level = max(0.0, self.level(now) - 1)
        self._poured_at = now
