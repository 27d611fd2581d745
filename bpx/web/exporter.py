"""What prometheus-flask-exporter tells of Flask's routes, counted where we count.

Its own hooks find each counter anew by its labels, through Flask's proxies: that alone takes longer
than what an answer from a cache may cost.
"""

from typing import Any

from prometheus_client import Counter, Histogram
from prometheus_flask_exporter import PrometheusMetrics

_LABELS = ("method", "url_rule", "status", "market")


class Exporter(PrometheusMetrics):  # type: ignore[misc]
    """The exporter, without hooks.

    Attributes:
        seconds: how long requests took, by method, rule, status and market.
        total: how many there were, by method, status and market.
    """

    seconds: Histogram
    total: Counter

    def export_defaults(self, *args: Any, **more: Any) -> None:
        """Declare its default metrics, under its names."""
        self.info("flask_exporter_info", "Version of the exporter", version=self.version)
        self.seconds = Histogram(
            "flask_http_request_duration_seconds",
            "Flask HTTP request duration in seconds",
            _LABELS,
            registry=self.registry,
        )
        self.total = Counter(
            "flask_http_request_total",
            "Total number of HTTP requests",
            ("method", "status", "market"),
            registry=self.registry,
        )
