"""The operators' pages, on a port of their own."""

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from werkzeug.exceptions import HTTPException


def create_operators_app(registry: CollectorRegistry = REGISTRY) -> Flask:
    """Build the application that shows `registry` at /metrics."""
    app = Flask("bpx.operators", static_folder=None)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> tuple[dict[str, object], int]:
        return {"code": -1000, "msg": error.name}, error.code or 500

    return app
