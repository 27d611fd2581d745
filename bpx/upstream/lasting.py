"""A hold that a new worker takes over from the one before: it knows nothing, and would ask."""

from bpx.runtime import Memory
from bpx.upstream.hold import Hold
from bpx.upstream.refusal import Refusal


class LastingHold(Hold):
    """A hold that is kept in memory.

    Args:
        limit_message: what a 429 says that Binance gave no words for.
        memory: where it is kept.
        market: whose hold it is.
        now: monotonic seconds.
    """

    def __init__(self, limit_message: str, memory: Memory, market: str, now: float) -> None:
        super().__init__(limit_message)
        self._memory = memory
        self._name = f"hold {market}"
        kept = memory.recall(self._name)
        if kept is not None and kept[-1] > now:
            status, code, message, until = kept
            super().start(Refusal(status, code, message, until - now), now)

    def start(self, refusal: Refusal, now: float) -> None:
        """Begin a hold, or prolong one, and keep it."""
        super().start(refusal, now)
        left = self.left(now)
        if left is not None:
            kept = [left.status, left.code, left.message, now + left.seconds]
            self._memory.keep(self._name, kept)
