"""What a cached answer is measured against: an empty Flask view with the exporter."""

from gevent import monkey

monkey.patch_all()

from flask import Flask, Response
from prometheus_client import CollectorRegistry
from prometheus_flask_exporter import PrometheusMetrics

app = Flask("reference", static_folder=None)
PrometheusMetrics(app, path=None, group_by="url_rule", registry=CollectorRegistry())


@app.get("/empty")
def empty() -> Response:
    """Answer nothing."""
    return Response(b"")


@app.get("/bytes/<int:size>")
def constant(size: int) -> Response:
    """Answer as many bytes, made once: what sending alone costs."""
    return Response(_bodies.setdefault(size, b"x" * size), content_type="application/json")


_bodies: dict[int, bytes] = {}
