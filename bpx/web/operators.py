"""The operators' pages, on a port of their own. None of them asks Binance anything."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from werkzeug.exceptions import HTTPException

import bpx
from bpx.web.health import Vitals, judge, shown, worst
from bpx.web.together import Together

Page = tuple[dict[str, Any], int]


def create_operators_app(
    registries: Sequence[CollectorRegistry] = (),
    vitals: Callable[[], Sequence[Vitals]] = tuple,
    tasks: Callable[[], int] = lambda: 0,
    pages: Sequence[Blueprint] = (),
) -> Flask:
    """Build the application of /metrics, /live, /ready and /health.

    Args:
        registries: shown at /metrics, with the process's.
        vitals: of every market, at the moment.
        tasks: how many there are at the moment.
        pages: further ones.
    """
    app = Flask("bpx.operators", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    together = Together([REGISTRY, *registries])

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(together), content_type=CONTENT_TYPE_LATEST)

    @app.get("/live")
    def live() -> Page:
        return {"status": "live"}, 200  # else there is no answer: the event loop is stuck

    @app.get("/ready")
    def ready() -> Page:
        verdicts = {one.market: judge(one) for one in vitals()}
        reasons = {market: list(verdict.reasons) for market, verdict in verdicts.items()}
        is_ready = all(verdict.is_ready for verdict in verdicts.values())
        page = {"status": worst(list(verdicts.values())), "reasons": reasons}
        return page, 200 if is_ready else 503

    @app.get("/health")
    def health() -> Page:
        verdicts = [(one, judge(one)) for one in vitals()]
        page = {
            "status": worst([verdict for _, verdict in verdicts]),
            "version": bpx.__version__,
            "tasks": tasks(),
            "markets": {one.market: shown(one, verdict) for one, verdict in verdicts},
        }
        return page, 200

    for page in pages:
        app.register_blueprint(page)

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Page:
        return {"code": -1000, "msg": error.name}, error.code or 500

    return app
