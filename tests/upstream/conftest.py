from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bpx.state.clock import ExchangeClock
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.upstream import Upstream
from bpx.upstream.wire import Bounds
from tests.runtime import ThreadRuntime

MakeUpstream = Callable[..., Upstream]


@pytest.fixture
def make_upstream() -> Iterator[MakeUpstream]:
    made: list[Upstream] = []

    def make(url: str, **changes: Any) -> Upstream:
        settings: dict[str, Any] = {
            "runtime": ThreadRuntime(),
            "clock": ExchangeClock(),
            "bucket": LeakyBucket(100_000, 1000),
            "weight_per_minute": 1_000_000,
            "bounds": Bounds(total_s=2.0, connect_s=1.0, pool_wait_s=0.2),
        }
        made.append(Upstream("spot", url, **settings | changes))
        return made[-1]

    yield make
    for upstream in made:
        upstream.close()
