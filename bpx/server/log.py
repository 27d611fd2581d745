"""gunicorn's own log lines, in our format and with our redaction."""

from typing import Any

from gunicorn.glogging import Logger


class GunicornLog(Logger):  # type: ignore[misc]
    """Hands every line to the root logger that `bpx.logs` has set up."""

    def setup(self, cfg: Any) -> None:
        """Take over gunicorn's levels, and none of its destinations."""
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
        self.error_log.setLevel("NOTSET")
