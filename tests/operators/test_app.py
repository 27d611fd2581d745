from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

import bpx
from bpx.operators.app import create_operators_app
from bpx.operators.health import Vitals
from tests.operators.test_health import WELL

DRAINING = replace(WELL, is_draining=True)


def counted(market: str, number: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("seen", "Seen.", ["market"], registry=registry).labels(market).inc(number)
    return registry


def test_the_metrics_of_every_market_and_of_the_process_are_on_one_page() -> None:
    app = create_operators_app([counted("spot", 2), counted("futures", 3)])
    text = app.test_client().get("/metrics").text
    seen = {
        sample.labels["market"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "seen_total"
    }
    assert seen == {"spot": 2, "futures": 3}
    assert text.count("# TYPE seen_total counter") == 1
    assert "process_resident_memory_bytes" in text


def test_any_other_page_is_refused_as_json() -> None:
    client = create_operators_app().test_client()
    missing, wrong = client.get("/"), client.post("/metrics")
    assert (missing.status_code, missing.json) == (404, {"code": -1000, "msg": "Not Found"})
    assert (wrong.status_code, wrong.json) == (405, {"code": -1000, "msg": "Method Not Allowed"})


def asked(path: str, *vitals: Vitals) -> tuple[int, dict[str, Any]]:
    app = create_operators_app(vitals=lambda: vitals, tasks=lambda: 7)
    reply = app.test_client().get(path)
    assert reply.content_type == "application/json"
    return reply.status_code, reply.get_json()


def test_whoever_answers_is_live() -> None:
    assert asked("/live", DRAINING) == (200, {"status": "live"})


def test_all_markets_together_are_ready_or_not() -> None:
    assert asked("/ready", WELL) == (200, {"status": "ok", "reasons": {"futures": []}})
    spot = replace(DRAINING, market="spot")
    reasons = {"futures": [], "spot": ["the server has been told to stop"]}
    assert asked("/ready", WELL, spot) == (503, {"status": "draining", "reasons": reasons})


def test_the_health_page_is_there_whatever_the_health_is() -> None:
    status, page = asked("/health", DRAINING)
    assert (status, page["status"], page["tasks"]) == (200, "draining", 7)
    assert page["version"] == bpx.__version__
    assert page["markets"]["futures"]["reasons"] == ["the server has been told to stop"]


@pytest.mark.parametrize("path", ["/live", "/ready", "/health", "/metrics"])
def test_a_head_is_answered_without_a_body(path: str) -> None:
    reply = create_operators_app().test_client().head(path)
    assert (reply.status_code, reply.data) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 0
