"""When a connection may be attempted: the exchange counts the attempts of an address."""

from collections import deque
from collections.abc import Callable
from threading import Lock

from bpx.runtime import Memory, Oblivion

MOST = 60  # attempts of a process in a window; Binance allows an address 300
WINDOW_S = 300.0
_KEPT = "connects"


class Connects:
    """Counts the attempts of a process, of all its markets, in a sliding window.

    Args:
        most: attempts in any window.
        window_s: its length.
        memory: of the attempts of the process before this one.
    """

    def __init__(
        self, most: int = MOST, window_s: float = WINDOW_S, memory: Memory | None = None
    ) -> None:
        self._window_s = window_s
        self._lock = Lock()
        self._memory = memory or Oblivion()
        self._newest: deque[float] = deque(self._memory.recall(_KEPT) or (), maxlen=most)

    def take(self, now: float) -> float:
        """Take a place for an attempt at `now`; return 0.0, or how long none is free."""
        with self._lock:
            newest = self._newest
            if len(newest) == newest.maxlen:
                wait_s = newest[0] + self._window_s - now
                if wait_s > 0:
                    return wait_s
            newest.append(now)
            self._memory.keep(_KEPT, list(newest))
            return 0.0


class Gate:
    """Whether the connections of one market may be attempted.

    Args:
        connects: of the process.
        hold_s: how long the exchange wants no REST request: it wants no connection either.
    """

    def __init__(self, connects: Connects, hold_s: Callable[[], float]) -> None:
        self._connects = connects
        self._hold_s = hold_s
        self._banned_until = 0.0

    def enter(self, now: float) -> float:
        """Take a place for an attempt at `now`; return 0.0, or how long it has to wait."""
        wait_s = max(self._hold_s(), self._banned_until - now)
        return wait_s if wait_s > 0 else self._connects.take(now)

    def ban(self, until: float) -> None:
        """Let nobody pass before `until`: a handshake was answered with a ban."""
        self._banned_until = max(self._banned_until, until)
