import logging
import resource
from collections.abc import Iterator

import pytest


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Undo what a test does to this process's logging, and to its limit of open files."""
    root, limits = logging.getLogger(), resource.getrlimit(resource.RLIMIT_NOFILE)
    before, level, raises = list(root.handlers), root.level, logging.raiseExceptions
    yield
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.raiseExceptions = raises
    logging.addLevelName(logging.WARNING, "WARNING")
    logging.getLogger("bpx.forwards").setLevel(logging.NOTSET)
    for name in ("urllib3", "werkzeug", "websocket"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
