"""Which metrics a query of Prometheus asks for, and which there are."""

import re

from prometheus_client.metrics import MetricWrapperBase

from bpx import metrics
from bpx.metrics import Counted, Reading, Spread, Tallied

# What Prometheus itself adds, and what its client library tells of any process.
OF_OTHERS = {
    "up",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_open_fds",
}
_WORDS = {"by", "on", "and", "or", "unless", "offset", "without", "ignoring", "group_left", "bool"}
_LISTS = re.compile(r"\b(?:by|on|without|ignoring|group_left)\s*\([^)]*\)")
_QUOTED = re.compile(r'"[^"]*"')
_BRACES = re.compile(r"\{[^}]*\}")
_RANGES = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_NAME = re.compile(r"\b[a-z_][a-z0-9_]*\b(?!\s*\()", re.IGNORECASE)


def names_in(query: str) -> set[str]:
    """Return the metrics that a query asks for."""
    for what in (_QUOTED, _BRACES, _RANGES, _LISTS):
        query = what.sub(" ", query)
    return set(_NAME.findall(query)) - _WORDS


def known_names() -> set[str]:
    """Return every name that /metrics may have, as Prometheus stores it."""
    names = set(OF_OTHERS)
    for found in vars(metrics).values():
        one = found.declared if isinstance(found, (Counted, Tallied)) else found
        if isinstance(one, MetricWrapperBase):
            names |= _stored(one._name, one._type)
        elif isinstance(one, Spread):
            names |= _stored(one.name, "histogram")
        elif isinstance(one, Reading):
            names.add(one.name)
    return names


def _stored(name: str, kind: str) -> set[str]:
    if kind == "histogram":
        return {f"{name}_{part}" for part in ("bucket", "count", "sum")}
    return {f"{name}_total" if kind == "counter" else name}
