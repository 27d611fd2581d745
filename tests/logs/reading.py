"""What a log holds, once everything that was logged is in it."""

import logging
from pathlib import Path

from bpx.logs.writer import Flushed, Writer

WITHIN_S = 30.0  # a flush of its own would wait for a second, however busy the machine is


def written(path: Path) -> str:
    """Return what a log has when all that was logged before has been written."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Writer):
            flushed = Flushed()
            handler._waiting.put(flushed)
            flushed.get(timeout=WITHIN_S)
    return path.read_text()
