"""The WSGI entry points: `spot`, `futures` and `both`, each made when it is asked for."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket is imported

import os
from typing import Any

from bpx.app import create_app
from bpx.memory.monitor import Monitor
from bpx.server.configuration import MARKETS, markets_of
from bpx.server.ports import ByPort
from bpx.server.profiling import Profiling, rest
from bpx.server.runtime import GeventRuntime
from bpx.server.shared import KEEPSAKE
from bpx.server.stopping import Stopping
from bpx.settings import load
from bpx.streams.connects import Connects
from bpx.web.memory import memory_blueprint
from bpx.web.operators import create_operators_app
from bpx.web.profiles import profiles_blueprint


def __getattr__(name: str) -> ByPort:
    """Make an application, once: asking for one market never starts the other."""
    if name not in MARKETS:
        raise AttributeError(name)
    application = _create(name)
    globals()[name] = application
    return application


def _create(name: str) -> ByPort:
    settings, runtime = load([], os.environ), GeventRuntime()
    markets = markets_of(name, settings)
    ports = {"spot": settings.port_spot, "futures": settings.port_futures}
    pages = [profiles_blueprint(Profiling(runtime), runtime)] if settings.pprof_enabled else []
    connects = Connects(memory=KEEPSAKE)  # what Binance counts, it counts for our address
    apps = [create_app(market, settings, runtime, connects, KEEPSAKE) for market in markets]
    houses = [app.extensions["bpx.house"] for app in apps]
    ending: list[Any] = [*houses]
    if settings.memory_monitored:
        caches = {house.market.name: house.belongings() for house in houses}
        monitor = Monitor(caches, runtime, rest)
        runtime.spawn(monitor.follow)
        pages.append(memory_blueprint(monitor, caches))
        ending.append(monitor)
    operators = None
    if settings.metrics_enabled:
        operators = create_operators_app(
            [app.extensions["bpx.registry"] for app in apps],
            lambda: [house.vitals() for house in houses],
            lambda: runtime.tasks,
            pages,
        )
    stopping = Stopping(ending, runtime)
    return ByPort(apps, [ports[market] for market in markets], operators, stopping)
