"""The application of one market, put together: every part is built here and handed on.

Nothing is global: whoever needs a part is given it.
"""

from flask import Flask
from prometheus_client import CollectorRegistry
from prometheus_flask_exporter import PrometheusMetrics
from werkzeug.exceptions import HTTPException

from bpx.errors import RequestFailed, TooLarge
from bpx.house import House, local
from bpx.memory.room import Room
from bpx.runtime import Memory, Runtime
from bpx.settings import Settings
from bpx.streams.connects import Connects
from bpx.web.blueprint import market_blueprint
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
    app = Flask("bpx", static_folder=None)
    app.url_map.merge_slashes = False  # a target goes on as it came
    app.url_map.converters["anything"] = Anything
    app.wsgi_app = Gate(app.wsgi_app)  # type: ignore[method-assign]
    app.config["MAX_CONTENT_LENGTH"] = TooLarge.limit_bytes
    app.register_blueprint(market_blueprint(house.parts()))
    app.register_error_handler(RequestFailed, explaining(runtime.now))
    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(Exception, explain_bug)
    Watch(house.market, runtime.now).over(app)
    registry = app.extensions["bpx.registry"] = CollectorRegistry()
    PrometheusMetrics(
        app,
        path=None,
        group_by="url_rule",
        default_labels={"market": name},
        registry=registry,
    )
    app.extensions["bpx.house"] = house
    runtime.spawn(house.listing.follow)
    if settings.health_check_enabled:
        runtime.spawn(house.health.follow)
    return app
