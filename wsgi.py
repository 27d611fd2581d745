"""The WSGI entry points: `spot`, `futures` and `both`, each made when it is asked for."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket is imported

import os

from bpx.access.addresses import Proxies
from bpx.access.keyfile import KeyFile
from bpx.access.sites import Hosts
from bpx.app import create_app
from bpx.memory.room import Room
from bpx.operators.access import Access, Doors
from bpx.operators.desk import Desk, Parts
from bpx.operators.memory import memory_blueprint
from bpx.operators.profiles import profiles_blueprint
from bpx.server.cautions import cautions
from bpx.server.configuration import MARKETS, logging_of, markets_of
from bpx.server.ports import ByPort
from bpx.server.profiling import Profiling
from bpx.server.runtime import GeventRuntime
from bpx.server.shared import KEEPSAKE
from bpx.server.stopping import Stopping
from bpx.server.upkeep import Upkeep
from bpx.settings import load
from bpx.settings.reading import shown
from bpx.streams.connects import Connects


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
    has_profiles = settings.metrics_enabled and settings.pprof_enabled
    # First: it takes note of greenlets as they are started.
    profiling = Profiling(runtime) if has_profiles else None
    room = Room()
    connects = Connects(memory=KEEPSAKE)  # what Binance counts, it counts for our address
    apps = [create_app(market, settings, runtime, connects, KEEPSAKE, room) for market in markets]
    houses = [app.extensions["bpx.house"] for app in apps]
    caches = {house.market.name: house.belongings() for house in houses}
    upkeep = Upkeep(settings, caches, room, runtime)
    parts = [*houses, *upkeep.parts]
    parts += [app.extensions["bpx.keys"] for app in apps]
    desk = None
    if settings.metrics_enabled:
        pages = [] if profiling is None else [profiles_blueprint(profiling, runtime)]
        if upkeep.monitor is not None:
            pages.append(memory_blueprint(upkeep.monitor, caches, upkeep.guard))
        doors = Doors(
            settings.operator_networks,
            Proxies(settings.proxy_hops, settings.proxy_networks),
            Hosts(settings.hosts),
        )
        access = Access(doors, runtime.now)
        keys = KeyFile(settings.keys_file, settings.keys, access.use, runtime)
        runtime.spawn(keys.follow)
        parts.append(keys)
        desk = Desk(
            Parts(
                houses,
                [app.extensions["bpx.registry"] for app in apps],
                runtime,
                tasks=lambda: runtime.tasks,
                clients=lambda: served.clients(),
                heads=lambda: served.heads(),
                options=shown(settings),
                logging=logging_of(settings),
                pages=pages,
                access=access,
                cautions=cautions(settings),
            )
        )
        parts.append(desk)
    stopping = Stopping(parts, runtime)
    operators = None if desk is None else desk.app
    served = ByPort(apps, [ports[market] for market in markets], operators, stopping)
    return served
