"""What keeps a flood of lines out of the log; each that is left out is counted. Errors never are.

Seconds are those of the records.
"""

import logging
import re
from dataclasses import dataclass
from types import MappingProxyType

WINDOW_S = 10.0
FREE = 20  # lines that say the same, in a window, before some are left out
EVERY = MappingProxyType({"trace": 100, "debug": 50, "info": 20, "warn": 10})  # is written then
SORTS = 500  # that are told apart

_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Rate:
    """How many lines below info level there may be.

    Args:
        per_s: over time.
        burst: at once.
    """

    per_s: float
    burst: float


class Bucket:
    """Lets lines pass at a rate."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._level = 0.0
        self._at = 0.0

    def passes(self, now: float) -> bool:
        """Tell whether one more may pass, and count it if so."""
        leaked = max(0.0, now - self._at) * self._rate.per_s
        self._level, self._at = max(0.0, self._level - leaked), now
        if self._level + 1 > self._rate.burst:
            return False
        self._level += 1
        return True


class Sampling:
    """Of lines that say the same again and again, lets some pass. Numbers do not count."""

    def __init__(self) -> None:
        self._since = 0.0
        self._seen: dict[tuple[str, str], int] = {}

    def passes(self, level: str, text: str, now: float) -> bool:
        """Tell whether a line may pass, and count it.

        Args:
            level: by name.
            text: of the message.
            now: seconds.
        """
        if level not in EVERY:
            return True
        if not 0 <= now - self._since < WINDOW_S:
            self._since, self._seen = now, {}
        sort = level, _NUMBERS.sub("0", text)
        if sort not in self._seen and len(self._seen) >= SORTS:
            sort = level, ""
        seen = self._seen[sort] = self._seen.get(sort, 0) + 1
        return seen <= FREE or seen % EVERY[level] == 0


class Flood:
    """Decides about each line, and tells from time to time what was left out.

    Args:
        rate: of lines below info level; None if there is no limit.
        is_sampled: whether repeats are left out.
    """

    def __init__(self, rate: Rate | None, is_sampled: bool) -> None:
        self._bucket = None if rate is None else Bucket(rate)
        self._sampling = Sampling() if is_sampled else None
        self._untold: dict[str, int] = {}
        self._told_at = 0.0

    def reason_against(self, record: logging.LogRecord, level: str) -> str | None:
        """Return why a line is left out: `rate` or `repeat`; None if it is written.

        Args:
            record: of the line.
            level: of the record, by name.
        """
        if record.levelno >= logging.ERROR:
            return None
        reason = self._reason(record, level)
        if reason is not None:
            self._untold[level] = self._untold.get(level, 0) + 1
        return reason

    def summary(self, now: float) -> str | None:
        """Return what was left out since the last summary, if that is some time ago."""
        if not self._untold or 0 <= now - self._told_at < WINDOW_S:
            return None
        counts = ", ".join(f"{count} {level}" for level, count in self._untold.items())
        self._untold, self._told_at = {}, now
        return f"lines left out, as there were too many: {counts}"

    def _reason(self, record: logging.LogRecord, level: str) -> str | None:
        now = record.created
        if self._sampling is not None:
            text = record.getMessage()
            if not self._sampling.passes(level, f"{record.name} {text}", now):
                return "repeat"
        if self._bucket is not None and record.levelno < logging.INFO:
            return None if self._bucket.passes(now) else "rate"
        return None
