from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from bpx.web.operators import create_operators_app


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
