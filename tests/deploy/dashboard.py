"""The dashboard of deploy/grafana, and what it asks Prometheus."""

import json
from typing import Any

from tests.proxy import ROOT

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "bpx.json"
SOURCE = ROOT / "deploy" / "grafana" / "provisioning" / "datasources" / "prometheus.yml"


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    made: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return made


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> list[tuple[str, str]]:
    """Return the title of a panel and a query, for each query."""
    return [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def asked(query: str, interval: str) -> str:
    """Return a query as Grafana asks it, of all markets and instances."""
    for name, value in (("$__rate_interval", interval), ("$market", ".+"), ("$instance", ".+")):
        query = query.replace(name, value)
    return query
