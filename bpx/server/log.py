"""gunicorn's own log lines, in our format and with our redaction."""

import logging
from typing import Any

from gunicorn.glogging import Logger

# What we say ourselves, and better: see `hooks` and `greeting`.
_SAID_BY_US = (
    "Starting gunicorn %s",
    "Listening at: %s (%s)",
    "Using worker: %s",
)
_STUCK = "WORKER TIMEOUT (pid:%s)"
_KILLED = "Worker (pid:%s) was sent %s! Perhaps out of memory?"


class GunicornLog(Logger):  # type: ignore[misc]
    """Hands lines to the root logger that `bpx.logs` has set up."""

    def __init__(self, cfg: Any) -> None:
        self._stuck: set[int] = set()  # workers that gunicorn kills itself
        super().__init__(cfg)

    def setup(self, cfg: Any) -> None:
        """Take over gunicorn's levels, and none of its destinations.

        Debug messages are bpx's own: gunicorn's, of its settings and of every connection that
        ends, are for those who want to see everything.
        """
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
        wanted = logging.getLogger().level
        self.error_log.setLevel(wanted if wanted < logging.DEBUG else max(wanted, logging.INFO))

    def info(self, msg: str, *args: Any, **more: Any) -> None:
        """Log what is not told by us."""
        is_said = msg in _SAID_BY_US or (msg == "Handling signal: %s" and args == ("term",))
        if not is_said:
            super().info(msg, *args, **more)

    def critical(self, msg: str, *args: Any, **more: Any) -> None:
        """Log, and remember whose event loop is stuck."""
        if msg == _STUCK:
            self._stuck.update(args)
        super().critical(msg, *args, **more)

    def error(self, msg: str, *args: Any, **more: Any) -> None:
        """Log; nobody is to look for memory when a worker was killed as it was stuck."""
        if msg == _KILLED and args[0] in self._stuck:
            msg = "Worker (pid:%s) was sent %s, as it was stuck."
        super().error(msg, *args, **more)
