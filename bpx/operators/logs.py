"""What the log takes and what has become of its lines."""

import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bpx.logs import TALLY
from bpx.logs.levels import level_of
from bpx.logs.outputs import STREAMS
from bpx.logs.retention import Retention, files_of

OVER = 13  # moments: a minute's worth, as they are taken every 5 s


class _Moment(NamedTuple):
    at: float
    lines: int
    size: int


class LogReport:
    """Tells of the log.

    Args:
        output: stdout, stderr, or the path of a file.
        retention: what is kept of a file.
        now: monotonic seconds, by which rates are told.
    """

    def __init__(self, output: str, retention: Retention, now: Callable[[], float]) -> None:
        self._output = output
        self._retention = retention
        self._now = now
        self._moments: deque[_Moment] = deque(maxlen=OVER)
        self.take()

    def take(self) -> None:
        """Remember the moment: rates are told since the oldest of those that are remembered."""
        self._moments.append(_Moment(self._now(), TALLY.written.total(), TALLY.written_bytes))

    def shown(self) -> dict[str, Any]:
        """Return everything there is to tell."""
        return {
            "output": self._output,
            "level": level_of(logging.getLogger().level),
            "fault": TALLY.fault,
            "lines": {
                "written": dict(TALLY.written),
                "left_out": _by_reason(),
                "lost": dict(TALLY.lost),
            },
            "written_bytes": TALLY.written_bytes,
            "rate": self._rate(),
            **self._disk(),
        }

    def _rate(self) -> dict[str, float]:
        oldest, seconds = self._moments[0], max(1e-3, self._now() - self._moments[0].at)
        return {
            "lines_per_s": round((TALLY.written.total() - oldest.lines) / seconds, 3),
            "bytes_per_s": round((TALLY.written_bytes - oldest.size) / seconds, 1),
            "over_s": round(seconds, 1),
        }

    def _disk(self) -> dict[str, Any]:
        if self._output in STREAMS:
            return {"files": [], "disk": None}
        try:
            files = files_of(Path(self._output))
        except OSError as error:
            return {"files": [], "disk": None, "fault": str(error)}
        used = sum(file.size for file in files)
        limit = self._retention.max_total_bytes
        return {
            "files": [
                {
                    "path": str(file.path),
                    "bytes": file.size,
                    "modified": datetime.fromtimestamp(file.modified_at, UTC).isoformat(),
                }
                for file in files
            ],
            "disk": {"used_bytes": used, "limit_bytes": limit, "backups": self._retention.backups},
        }


def _by_reason() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (reason, level), count in TALLY.left_out.items():
        found.setdefault(reason, {})[level] = count
    return found
