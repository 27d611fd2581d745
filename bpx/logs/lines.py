"""How a log line looks. An event is one line, whatever it says, but for tracebacks."""

import json
import logging
import re
from datetime import UTC, datetime

from bpx.logs.redaction import redact

# What a line may tell apart from its message: `log.info("...", extra={"market": "spot"})`.
FIELDS = ("market", "endpoint", "symbol", "source", "status", "duration_ms", "weight")

_MARGIN = "    "  # before the lines of a traceback, so that none of them passes for an event
# A terminal would obey them, and a reader take what follows for another event.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class TextLines(logging.Formatter):
    """Time (UTC), level, logger and message; the traceback below.

    Args:
        has_fields: whether fields follow as key=value.
    """

    def __init__(self, has_fields: bool = False) -> None:
        super().__init__()
        self._has_fields = has_fields

    def format(self, record: logging.LogRecord) -> str:
        """Return the finished, redacted text."""
        line = _escaped(f"{record.levelname} {record.name}: {record.getMessage()}")
        if self._has_fields:
            line += "".join(f" {name}={_word(value)}" for name, value in _fields(record).items())
        text = redact(f"{_time(record)} {line}")
        for below in filter(None, (_traceback(self, record), record.stack_info)):
            text += "".join(f"\n{_MARGIN}{_escaped(one)}" for one in redact(below).split("\n"))
        return text


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the finished, redacted object."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        } | {
            name: redact(value) if isinstance(value, str) else value
            for name, value in _fields(record).items()
        }
        traceback = _traceback(self, record)
        if traceback:
            line["traceback"] = redact(traceback)
        return json.dumps(line)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    given = record.__dict__
    return {name: given[name] for name in FIELDS if given.get(name) is not None}


def _word(value: object) -> str:
    text = _escaped(str(value))
    return json.dumps(text) if re.search(r'[\s"=]', text) or not text else text


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""


def _escaped(text: str) -> str:
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _time(record: logging.LogRecord) -> str:
    made = datetime.fromtimestamp(record.created, UTC)
    return made.isoformat(timespec="milliseconds").replace("+00:00", "Z")
