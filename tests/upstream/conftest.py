from collections.abc import Callable, Iterator
from typing import Any

import pytest
from urllib3 import BaseHTTPResponse

from bpx.state.clock import ExchangeClock
from bpx.upstream.bounds import Bounds
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.call import Call
from bpx.upstream.connection import Attempt, Connecting
from bpx.upstream.raw import RawSession
from bpx.upstream.upstream import Upstream
from tests.runtime import ThreadRuntime
from tests.upstream.wire_server import WireServer

MakeUpstream = Callable[..., Upstream]
RUNTIME = ThreadRuntime()
TIMEOUT = (10.0, 20.0)


def deliver(session: RawSession, call: Call, attempt: Attempt | None = None) -> BaseHTTPResponse:
    response = session.deliver(call, attempt or Attempt(call.target), TIMEOUT)
    response.data  # noqa: B018 - reading gives the connection back
    return response


@pytest.fixture
def make_upstream() -> Iterator[MakeUpstream]:
    made: list[Upstream] = []

    def make(urls: str | list[str], **changes: Any) -> Upstream:
        settings: dict[str, Any] = {
            "runtime": ThreadRuntime(),
            "clock": ExchangeClock(),
            "bucket": LeakyBucket(100_000, 1000),
            "weight_per_minute": 1_000_000,
            "bounds": Bounds(total_s=20.0, connect_s=10.0, pool_wait_s=0.2),
        }
        made.append(
            Upstream("spot", [urls] if isinstance(urls, str) else urls, **settings | changes)
        )
        return made[-1]

    yield make
    for upstream in made:
        upstream.close()


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer() as server:
        yield server


@pytest.fixture
def session(server: WireServer) -> Iterator[RawSession]:
    connecting = Connecting(RUNTIME.now, RUNTIME.deadline, RUNTIME.has_come)
    with RawSession(server.url, 2, connecting) as session:
        yield session
