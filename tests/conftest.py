import logging
import resource
from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from tests.faults.scale import IS_FULL
from tests.leaks import held
from tests.waiting import eventually

# The same examples each time, so that a change is what makes a test fail; others with all numbers.
hypothesis.settings.register_profile(
    "bpx",
    derandomize=not IS_FULL,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("bpx")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute tests by what they share."""
    from tests.sharing import Sharing

    config.option.loadscopereorder = False
    return Sharing(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, if there are several processes."""
    if hasattr(config, "workerinput"):
        from tests.sharing import turn

        items.sort(key=lambda item: turn(item.nodeid))


@pytest.fixture(scope="session", autouse=True)
def _nothing_left() -> Iterator[None]:
    """After the last test there are no more threads, files, sockets and greenlets than before."""
    before = held()
    yield
    left = Counter[str]()

    def is_as_before() -> bool:
        left.clear()
        left.update(held() - before)
        return not left

    try:
        eventually(is_as_before, within_s=20)
    except AssertionError:
        raise AssertionError(f"left by the tests: {dict(left)}") from None


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
