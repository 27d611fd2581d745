"""The slow calls of late: what they have waited for."""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from bpx.upstream.call import Call

SLOW_S = 1.0  # in all
MOST = 50


@dataclass(frozen=True, slots=True)
class SlowCall:
    """A call that took long.

    Args:
        at: when it ended, in Unix seconds.
        kind: of call.
        path: without the query.
        client: whose it was; "" if nobody's.
        waited_s: until it could go: for the budget, a hold, a probe, a first try.
        took_s: from then on: for a connection, and for Binance.
        outcome: the status, or the name of our own failure.
    """

    at: float
    kind: str
    path: str
    client: str
    waited_s: float
    took_s: float
    outcome: str


class SlowCalls:
    """Keeps the newest."""

    def __init__(self, most: int = MOST) -> None:
        self._calls: deque[SlowCall] = deque(maxlen=most)

    def note(self, call: Call, waited_s: float, took_s: float, outcome: str) -> None:
        """Take note of a call that has ended, if it was slow."""
        if waited_s + took_s >= SLOW_S:
            at, kind = datetime.now(UTC).timestamp(), call.kind.name.lower()
            self._calls.append(
                SlowCall(at, kind, call.path, call.client, waited_s, took_s, outcome)
            )

    def newest(self) -> list[SlowCall]:
        """Return all of them, the newest first."""
        return list(reversed(self._calls))
