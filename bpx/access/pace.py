"""How often each of many may do something. Pure: it is told the time.

One number for each says when its next would be due if it had asked at an even pace; see ITU-T
I.371, the generic cell rate algorithm.
"""

from collections import OrderedDict

MOST = 10_000  # that are told apart; of more, whoever was away longest is forgotten


class Pace:
    """Lets each of many pass so often, and a burst at once.

    Args:
        per_s: over time.
        burst: at once, after a pause.
        most: that are told apart.
    """

    def __init__(self, per_s: float, burst: int, most: int = MOST) -> None:
        self._every_s = 1 / per_s
        self._leeway_s = (burst - 1) / per_s
        self._most = most
        self._due: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._due)

    def wait_s(self, who: str, now: float) -> float:
        """Return the seconds until somebody may pass; 0.0 if it is now. Nothing is counted."""
        return max(0.0, self._due.get(who, now) - self._leeway_s - now)

    def take(self, who: str, now: float) -> float:
        """Let somebody pass, and count it; or return the seconds until it may."""
        due = self._due.get(who, now)
        if due < now:
            due = now
        wait_s = due - self._leeway_s - now
        if wait_s > 1e-9:  # what rounding leaves is no wait
            return wait_s
        self._due[who] = due + self._every_s
        self._due.move_to_end(who)
        if len(self._due) > self._most:
            self._due.popitem(last=False)
        return 0.0
