from collections.abc import Iterator

import pytest

from tests.proxy import TRACEBACK, Proxy, running_proxy

EXAMPLE = "tests.server.example:app"


@pytest.fixture(scope="module")
def impatient() -> Iterator[Proxy]:
    """A server that waits for no client longer than a second and a half."""
    with running_proxy(
        EXAMPLE,
        env={
            "BPX_SERVER_READ_TIMEOUT": "1500ms",
            "BPX_SERVER_WRITE_TIMEOUT": "1500ms",
            "BPX_SERVER_IDLE_TIMEOUT": "1500ms",
        },
        may_log=[TRACEBACK],  # the example raises when it is asked to
    ) as proxy:
        yield proxy
