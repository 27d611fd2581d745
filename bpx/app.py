"""The application of one market, put together: every part is built here and handed on.

Nothing is global: whoever needs a part is given it.
"""

from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.exceptions import HTTPException

from bpx.access.addresses import Filter, Proxies
from bpx.access.admission import Admission, Rules
from bpx.access.keyfile import KeyFile
from bpx.access.sites import Hosts, Origins
from bpx.access.targets import Policy
from bpx.errors import RequestFailed, TooLarge
from bpx.house import House, local
from bpx.memory.room import Room
from bpx.runtime import Memory, Runtime
from bpx.settings import Settings
from bpx.streams.connects import Connects
from bpx.web.blueprint import market_blueprint
from bpx.web.entrance import Entrance
from bpx.web.exporter import Exporter
from bpx.web.plain import PlainFlask
from bpx.web.refusals import explain_bug, explaining, refuse
from bpx.web.targets import Anything, Gate
from bpx.web.watch import Watch


def create_app(
    name: str,
    settings: Settings,
    runtime: Runtime,
    connects: Connects | None = None,
    memory: Memory | None = None,
    room: Room | None = None,
) -> Flask:
    """Build the application that serves the market `spot` or `futures`, and start its feeds.

    The markets of one process share `connects`, which counts their attempts to connect. What has
    to outlive the process is kept in `memory`. Nothing new is followed while `room` is full.

    Its request metrics are in a registry of its own, `app.extensions["bpx.registry"]`.
    """
    house = House(local(name, settings), settings, runtime, connects or Connects(), memory, room)
    app = PlainFlask("bpx", static_folder=None)
    app.url_map.merge_slashes = False  # a target goes on as it came
    app.url_map.converters["anything"] = Anything
    app.config["MAX_CONTENT_LENGTH"] = TooLarge.limit_bytes
    app.register_blueprint(market_blueprint(house.parts()))
    app.register_error_handler(RequestFailed, explaining(runtime.now))
    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(Exception, explain_bug)
    admission = Admission(rules_of(settings), runtime.now, house.answers)
    entrance = Entrance(name, admission, runtime.now)
    entrance.over(app)
    key_file = KeyFile(settings.keys_file, settings.keys, admission.use, runtime)
    registry = app.extensions["bpx.registry"] = CollectorRegistry()
    Exporter(app, path=None, registry=registry)
    watch = Watch(house.market, runtime.now, Gate(app.wsgi_app), entrance)
    app.wsgi_app = watch  # type: ignore[method-assign]
    registry.register(watch)
    app.extensions["bpx.house"] = house
    app.extensions["bpx.keys"] = key_file
    runtime.spawn(key_file.follow)
    runtime.spawn(house.listing.follow)
    if settings.health_check_enabled:
        runtime.spawn(house.health.follow)
    return app


def rules_of(settings: Settings) -> Rules:
    """Return what the settings let in."""
    return Rules(
        addresses=Filter(settings.allowed_networks, settings.denied_networks),
        proxies=Proxies(settings.proxy_hops, settings.proxy_networks),
        hosts=Hosts(settings.hosts, takes_all=not settings.hosts),
        origins=Origins(settings.cors_origins),
        policy=Policy(settings.paths),
        may_move_assets=settings.withdrawals_allowed,
        requests_per_s=settings.client_requests_per_s or None,
        burst=settings.client_burst,
    )
