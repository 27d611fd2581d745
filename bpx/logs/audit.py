"""Who did what: a file of its own, of lines of JSON, apart from the log."""

import json
import logging
from _thread import start_new_thread
from datetime import UTC, datetime
from pathlib import Path

from bpx.logs.flood import Flood
from bpx.logs.outputs import FileOutput
from bpx.logs.redaction import redact
from bpx.logs.retention import Retention
from bpx.logs.writer import StartThread, Writer

AUDIT = logging.getLogger("bpx.audit")
AUDIT.propagate = False
AUDIT.setLevel(logging.CRITICAL + 1)  # until there is a file

_FACTS = "bpx_facts"


class AuditLines(logging.Formatter):
    """One JSON object a line: time, event, and its facts, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the finished line."""
        made = datetime.fromtimestamp(record.created, UTC)
        time = made.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": time, "event": record.getMessage()}
        line |= {
            name: redact(value) if isinstance(value, str) else value
            for name, value in getattr(record, _FACTS, {}).items()
            if value is not None
        }
        return json.dumps(line)


def is_audited() -> bool:
    """Whether there is a file for events."""
    return AUDIT.isEnabledFor(logging.INFO)


def audit(event: str, **facts: str | int | None) -> None:
    """Note an event, if there is a file for it. Waits for nothing.

    Args:
        event: what it is: `refused`, `signed call`, `operator`.
        facts: of it; those that are None are left out. No secrets, and no query.
    """
    if is_audited():
        AUDIT.info(event, extra={_FACTS: facts})


def configure_audit(
    path: str, retention: Retention, start_thread: StartThread = start_new_thread
) -> None:
    """Write what is audited to a file from now on; to none if `path` is empty.

    Raises:
        OSError: it cannot be written; then all stays as it was.
    """
    before = list(AUDIT.handlers)
    if path:
        output = FileOutput(Path(path).absolute(), retention)
        writer = Writer(output, Flood(None, False), retention.interval_s, start_thread)
        writer.setFormatter(AuditLines())
        AUDIT.addHandler(writer)
    AUDIT.setLevel(logging.INFO if path else logging.CRITICAL + 1)
    for older in before:
        AUDIT.removeHandler(older)
        older.close()
