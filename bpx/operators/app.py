"""The application of the operators' port: what is for everybody, and further pages."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.registry import Collector
from werkzeug.exceptions import HTTPException

import bpx
from bpx.operators.access import Access, Doors
from bpx.operators.health import Vitals, judge, shown, worst
from bpx.operators.together import Together

Page = tuple[dict[str, Any], int]


def create_operators_app(
    registries: Sequence[CollectorRegistry] = (),
    vitals: Callable[[], Sequence[Vitals]] = tuple,
    tasks: Callable[[], int] = lambda: 0,
    readings: Collector | None = None,
    pages: Sequence[Blueprint] = (),
    access: Access | None = None,
    cautions: Sequence[str] = (),
) -> Flask:
    """Build the application of /metrics, /live, /ready and /health.

    Args:
        registries: shown at /metrics, with the process's.
        vitals: of every market, at the moment.
        tasks: how many there are at the moment.
        readings: what is read when somebody looks at /metrics.
        pages: further ones.
        access: who may see those; by default the machine itself.
        cautions: what an operator has been warned of at the start.
    """
    app = Flask("bpx.operators", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    (access or Access(Doors(), lambda: 0.0)).over(app)  # without keys it needs no time
    together = Together([REGISTRY, *registries], [readings] if readings else [])

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
            "warnings": list(cautions),
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
