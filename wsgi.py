"""The WSGI entry points: `spot`, `futures` and `both`, each made when it is asked for."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket is imported

import os

from bpx.app import create_app
from bpx.server.configuration import MARKETS, markets_of
from bpx.server.ports import ByPort
from bpx.server.runtime import GeventRuntime
from bpx.settings import load
from bpx.web.operators import create_operators_app


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
    apps = [create_app(market, settings, runtime) for market in markets]
    operators = None
    if settings.metrics_enabled:
        operators = create_operators_app([app.extensions["bpx.registry"] for app in apps])
    return ByPort(apps, [ports[market] for market in markets], operators)
