"""The level of the log, while the process runs."""

import logging
from collections.abc import Callable
from typing import Any

from bpx.logs import LEVELS, log, quiet_others
from bpx.logs.levels import level_of

LONGEST_S = 86_400.0


class BadLevel(ValueError):
    """What was asked for is no level, or for no time there is."""


class LogLevel:
    """Sets the level, for a while or until the process ends.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._before: str | None = None  # what it goes back to
        self._until: float | None = None

    def shown(self) -> dict[str, Any]:
        """Return the level, and what it will be."""
        left_s = None if self._until is None else round(max(0.0, self._until - self._now()), 1)
        return {"level": _current(), "for_s": left_s, "then": self._before}

    def set(self, level: object, for_s: object) -> None:
        """Set a level; if `for_s` is not None it goes back after as many seconds.

        Raises:
            BadLevel: there is no such level, or time.
        """
        if not isinstance(level, str) or level not in LEVELS:
            raise BadLevel(f"level: one of {', '.join(LEVELS)}")
        is_time = isinstance(for_s, (int, float)) and not isinstance(for_s, bool)
        if for_s is not None and not (is_time and 0 < for_s <= LONGEST_S):  # type: ignore[operator]
            raise BadLevel(f"for_s: seconds, at most {LONGEST_S:.0f}")
        before = self._before or _current()
        self._before, self._until = None, None
        if for_s is not None:
            self._before, self._until = before, self._now() + float(for_s)  # type: ignore[arg-type]
        _use(level)

    def take(self) -> None:
        """Go back, if it is time."""
        if self._before is not None and self._until is not None and self._now() >= self._until:
            level, self._before, self._until = self._before, None, None
            _use(level)


def _current() -> str:
    return level_of(logging.getLogger().level)


def _use(level: str) -> None:
    log.warning("the log's level is %s now, it was %s", level, _current())
    logging.getLogger().setLevel(LEVELS[level])
    quiet_others(LEVELS[level])
