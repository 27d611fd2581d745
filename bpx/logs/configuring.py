"""Sets up the log of a process as its options want it."""

import logging
from _thread import start_new_thread
from dataclasses import dataclass, field

from bpx.logs.flood import Flood, Rate
from bpx.logs.levels import LEVELS, name_levels
from bpx.logs.lines import JsonLines, TextLines
from bpx.logs.outputs import output_to
from bpx.logs.requests import FORWARDS
from bpx.logs.retention import Retention
from bpx.logs.writer import StartThread, Writer

# They log the targets of requests, and at debug level every one of them.
_TALKATIVE = ("urllib3", "werkzeug", "websocket")


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """What is logged, how, and where to.

    Args:
        level: a name in `LEVELS`.
        is_json: whether a line is a JSON object.
        has_fields: whether lines of text end with fields.
        output: stdout, stderr, or the path of a file.
        retention: what is kept of a file.
        rate: of lines below info level; None if there is no limit.
        is_sampled: whether repeats are left out.
        are_forwards_shown: whether forwarded requests are logged at any level.
    """

    level: str = "info"
    is_json: bool = False
    has_fields: bool = False
    output: str = "stdout"
    retention: Retention = field(default_factory=Retention)
    rate: Rate | None = None
    is_sampled: bool = True
    are_forwards_shown: bool = False


def configure(wanted: Logging, start_thread: StartThread = start_new_thread) -> None:
    """Send every log line of this process where it is wanted.

    May be called again; the last call counts.

    Args:
        wanted: everything there is to choose.
        start_thread: starts a real thread, whatever has been patched.

    Raises:
        OSError: the file cannot be written; then all stays as it was.
    """
    output = output_to(wanted.output, wanted.retention)
    logging.raiseExceptions = False  # a full disk must not take requests down with it
    name_levels()
    flood = Flood(wanted.rate, wanted.is_sampled)
    writer = Writer(output, flood, wanted.retention.interval_s, start_thread)
    writer.setFormatter(JsonLines() if wanted.is_json else TextLines(wanted.has_fields))
    level = LEVELS[wanted.level]
    _use(writer, level)
    quiet_others(level)
    FORWARDS.setLevel(logging.INFO if wanted.are_forwards_shown else logging.NOTSET)


def quiet_others(level: int) -> None:
    """Let libraries say no more than warnings, whatever else is logged."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _use(writer: Writer, level: int) -> None:
    root = logging.getLogger()
    before = [handler for handler in root.handlers if isinstance(handler, Writer)]
    root.addHandler(writer)
    root.setLevel(level)
    for older in before:
        root.removeHandler(older)
        older.close()
