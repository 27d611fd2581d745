"""Where log lines go and how they look. No line holds a query string, a signature or a key."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from types import MappingProxyType
from urllib.parse import unquote

TRACE = 5
LEVELS = MappingProxyType({
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
})  # fmt: skip
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
log = logging.getLogger("bpx")
_FORWARDS = logging.getLogger("bpx.forwards")

# Redaction is on the finished line: tracebacks and other libraries' messages hold URLs too.
_QUERY = re.compile(r"\?(?:[^\s?]*=[^\s]*|[^\s?]{16,})")
_SECRET = re.compile(
    r"(?i)(signature|api[-_]?key|listen[-_]?key|secret|authorization)"
    r"(['\"]?\s*[=:,]\s*b?['\"]?|(?<=x-mbx-apikey)\s+)[^\s'\"&,;)}\]]+"
)
_TOKEN = re.compile(r"[A-Za-z0-9]{60,}")  # keys, signatures and listen keys are 60 or longer
_ENCODED = re.compile(r"[^\s%]*%[0-9A-Fa-f]{2}\S*")


def redact(line: str) -> str:
    """Return `line` without query strings, signatures and keys, percent-encoded ones too."""
    line = _SECRET.sub(r"\1\2***", _QUERY.sub("?***", line))
    line = _TOKEN.sub("***", line)
    return _ENCODED.sub(_without_encoded_secrets, line) if "%" in line else line


def _without_encoded_secrets(found: re.Match[str]) -> str:
    word = found[0]
    decoded = word
    while (further := unquote(decoded)) != decoded:
        decoded = further
    return word if redact(decoded) == decoded else word.partition("%")[0] + "***"


class TextLines(logging.Formatter):
    """A line of text, and the traceback if there is one. Times are UTC."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return when the record was made."""
        return _time(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the finished, redacted text."""
        return redact(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the finished, redacted object."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line)


def _time(record: logging.LogRecord) -> str:
    made = datetime.fromtimestamp(record.created, UTC)
    return made.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def configure(level: str, as_json: bool, output: str, are_forwards_shown: bool) -> None:
    """Send every log line of this process to `output`: stdout, stderr, or a file's path.

    May be called again; the last call counts. A file that was moved away is opened anew.

    Raises:
        OSError: the file cannot be written.
    """
    logging.raiseExceptions = False  # a full disk must not take requests down with it
    logging.addLevelName(TRACE, "TRACE")
    logging.addLevelName(logging.WARNING, "WARN")
    handler = _handler(output)
    handler.setFormatter(JsonLines() if as_json else TextLines(_TEXT))
    root = logging.getLogger()
    for older in list(root.handlers):
        if getattr(older, "is_of_bpx", False):
            root.removeHandler(older)
            older.close()
    handler.is_of_bpx = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(LEVELS[level])
    # urllib3 logs the targets of requests, and at debug level every one of them.
    for name in ("urllib3", "werkzeug", "websocket"):
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))
    _FORWARDS.setLevel(logging.INFO if are_forwards_shown else logging.NOTSET)


def _handler(output: str) -> logging.Handler:
    if output in ("stdout", "stderr"):
        return logging.StreamHandler(getattr(sys, output))
    return WatchedFileHandler(output, encoding="utf-8")


def log_forward(market: str, method: str, path: str, status: int, took_s: float) -> None:
    """Log a forwarded request: at debug level, or always if the operator wants to see them."""
    level = logging.INFO if _FORWARDS.level else logging.DEBUG
    if _FORWARDS.isEnabledFor(level):
        path = path.partition("?")[0]
        _FORWARDS.log(level, "%s %s %s -> %s in %.0f ms", market, method, path, status,
                      took_s * 1000)  # fmt: skip
