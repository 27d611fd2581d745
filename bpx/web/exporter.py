"""prometheus-flask-exporter, which tells of routes; what it tells is counted where we count.

Its own hooks find each counter anew by its labels, through Flask's proxies: that alone takes longer
than counting may.
"""

from typing import Any

from prometheus_flask_exporter import PrometheusMetrics

from bpx.metrics import FAST_S, Reading, Spread

ROUTE_SECONDS = Spread(
    "flask_http_request_duration_seconds",
    "Flask HTTP request duration in seconds",
    ("market", "method", "url_rule", "status"),
    FAST_S,
)
ROUTES = Reading(
    "flask_http_request_total",
    "Total number of HTTP requests",
    ("market", "method", "status"),
    "counter",
)


class Exporter(PrometheusMetrics):  # type: ignore[misc]
    """The exporter, without hooks."""

    def export_defaults(self, *args: Any, **more: Any) -> None:
        """Tell of itself alone."""
        self.info("flask_exporter_info", "Version of the exporter", version=self.version)
