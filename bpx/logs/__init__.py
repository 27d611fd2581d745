"""The log: levels, looks, limits, files. No line holds a query string, a signature or a key."""

from bpx.logs.configuring import Logging, configure, quiet_others
from bpx.logs.flood import Rate
from bpx.logs.levels import LEVELS, TRACE
from bpx.logs.redaction import redact
from bpx.logs.requests import log, log_forward, log_request
from bpx.logs.retention import Retention
from bpx.logs.tally import TALLY

__all__ = [
    "LEVELS",
    "TALLY",
    "TRACE",
    "Logging",
    "Rate",
    "Retention",
    "configure",
    "log",
    "log_forward",
    "log_request",
    "quiet_others",
    "redact",
]
