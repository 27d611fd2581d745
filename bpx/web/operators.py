"""The operators' pages, on a port of their own."""

from collections.abc import Sequence

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from werkzeug.exceptions import HTTPException

from bpx.web.together import Together


def create_operators_app(registries: Sequence[CollectorRegistry] = ()) -> Flask:
    """Build the application that shows metrics at /metrics: the process's, and `registries`."""
    app = Flask("bpx.operators", static_folder=None)
    together = Together([REGISTRY, *registries])

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(together), content_type=CONTENT_TYPE_LATEST)

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> tuple[dict[str, object], int]:
        return {"code": -1000, "msg": error.name}, error.code or 500

    return app
