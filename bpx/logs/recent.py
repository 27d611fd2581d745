"""The newest events of the log, kept for a look at them."""

import logging
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from bpx.logs.levels import level_of
from bpx.logs.redaction import redact

MOST = 300
LONGEST = 500  # characters of one
_OF_REQUESTS = ("bpx.requests", "bpx.forwards")


@dataclass(slots=True)
class Event:
    """Something that was logged.

    Args:
        at: Unix seconds, of the last time.
        level: a name in `LEVELS`.
        text: without secrets.
        times: in a row.
    """

    at: float
    level: str
    text: str
    times: int = 1


class Recent(logging.Handler):
    """Keeps what was logged last; what repeats is one event.

    Lines about single requests are not events.
    """

    def __init__(self, most: int = MOST) -> None:
        super().__init__(logging.INFO)
        self._events: deque[Event] = deque(maxlen=most)
        self._last: object = None

    def createLock(self) -> None:  # noqa: N802
        """Make none: nothing in `emit` switches to another greenlet."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an event."""
        if record.name in _OF_REQUESTS:
            return
        said = record.name, record.levelno, record.msg, record.args
        if said == self._last and self._events:
            last = self._events[-1]
            last.at, last.times = record.created, last.times + 1
            return
        self._last = said
        self._events.append(Event(record.created, level_of(record.levelno), _text(record)))

    def shown(self) -> list[dict[str, Any]]:
        """Return all of them, the newest first."""
        return [asdict(event) for event in reversed(self._events)]


def _text(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except (TypeError, ValueError):
        text = str(record.msg)
    if record.exc_info and record.exc_info[1] is not None:
        text += f": {record.exc_info[1]!r}"
    return redact(text)[:LONGEST]
