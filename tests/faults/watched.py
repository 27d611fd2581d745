"""The real application under the real server, watched closely, and with a place to leak."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from bpx.app import create_app
from bpx.memory.guard import Guard
from bpx.memory.limit import Limit
from bpx.memory.monitor import Monitor, Pace
from bpx.memory.room import Room
from bpx.operators.app import create_operators_app
from bpx.operators.memory import memory_blueprint
from bpx.server.ports import ByPort
from bpx.server.profiling import rest
from bpx.server.runtime import GeventRuntime
from bpx.server.stopping import Stopping
from bpx.settings import load

PACE = Pace(sample_s=0.1, census_s=0.7, window_s=60.0, warm_up_s=3.0, recount_s=5.0)
LEAKED_BYTES = 50_000


class Forgotten:
    """What a bug keeps."""

    def __init__(self) -> None:
        self.body = bytearray(LEAKED_BYTES)


kept: list[Forgotten] = []
settings, runtime = load([], os.environ), GeventRuntime()
market = create_app("spot", settings, runtime)
house = market.extensions["bpx.house"]
caches = {"spot": house.belongings()}
guard = Guard(Limit(settings.max_memory_mb * 2**20), caches, Room(), runtime)
monitor = Monitor(caches, runtime, rest, PACE)
runtime.spawn(monitor.follow)


def leaking(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve a request; one path forgets to let go of something."""
    if environ["PATH_INFO"] == "/leak":
        kept.append(Forgotten())
        start_response("204 No Content", [])
        return []
    return market(environ, start_response)


app = ByPort(
    [leaking],
    [],
    create_operators_app(pages=[memory_blueprint(monitor, caches, guard)]),
    Stopping([house, monitor, guard], runtime),
)
