"""Lines for the log that would come again and again: one is written, the others are counted."""

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

INTERVAL_S = 10.0
KEYS = 50  # sorts of lines that are told apart

_OTHERS = "others"


@dataclass(slots=True)
class _Sort:
    text: str
    since: float
    more: int = 0


class Repeats:
    """Writes the first line of each sort, and then how many there were, at most once an interval.

    What was counted is written with the next line of any sort: nothing runs on its own.

    Args:
        log: where to.
        now: returns monotonic seconds.
        interval_s: for which lines of one sort are counted only.
    """

    def __init__(
        self, log: logging.Logger, now: Callable[[], float], interval_s: float = INTERVAL_S
    ) -> None:
        self._log = log
        self._now = now
        self._interval_s = interval_s
        self._sorts: dict[Hashable, _Sort] = {}
        self._lock = Lock()

    def warn(self, key: Hashable, text: str) -> None:
        """Write a warning, or count it.

        Args:
            key: of its sort.
            text: of the line; of the first one of its sort, if it is counted.
        """
        now = self._now()
        with self._lock:
            over = self._over(now)
            if key not in self._sorts and len(self._sorts) >= KEYS:
                key = _OTHERS
            sort = self._sorts.get(key)
            if sort is None:
                self._sorts[key] = _Sort(text, now)
            else:
                sort.more += 1
        for past in over:
            self._log.warning("%s more like: %s", past.more, past.text)
        if sort is None:
            self._log.warning("%s", text)

    def _over(self, now: float) -> list[_Sort]:
        """Begin afresh with what has been counted for long enough; return what is to be told."""
        over = {
            key: sort for key, sort in self._sorts.items() if now - sort.since >= self._interval_s
        }
        for key in over:
            del self._sorts[key]
        return [sort for sort in over.values() if sort.more]
