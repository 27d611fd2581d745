"""The operators' pages, on a port of their own."""

from collections.abc import Iterable, Sequence

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from werkzeug.exceptions import HTTPException


class _Together(Collector):
    """Several registries as one: a metric that two of them have is told once, with all samples."""

    def __init__(self, registries: Iterable[CollectorRegistry]) -> None:
        self._registries = list(registries)

    def collect(self) -> Iterable[Metric]:
        """Return every metric, by name."""
        together: dict[str, Metric] = {}
        for registry in self._registries:
            for metric in registry.collect():
                known = together.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                known.samples += metric.samples
        return together.values()


def create_operators_app(registries: Sequence[CollectorRegistry] = ()) -> Flask:
    """Build the application that shows metrics at /metrics: the process's, and `registries`."""
    app = Flask("bpx.operators", static_folder=None)
    together = CollectorRegistry()
    together.register(_Together([REGISTRY, *registries]))

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(together), content_type=CONTENT_TYPE_LATEST)

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> tuple[dict[str, object], int]:
        return {"code": -1000, "msg": error.name}, error.code or 500

    return app
