"""The dashboard asks for what there is, and shows what an operator looks for."""

import re

import yaml

from tests.deploy.dashboard import SOURCE, dashboard, panels, queries
from tests.deploy.queries import known_names, names_in

WANTED = {  # what has to be on it -> what a panel asks for
    "requests by source": "bpx_replies_total",
    "freshness": "bpx_reply_age_seconds_bucket",
    "weight": "bpx_upstream_weight_used",
    "its limit": "bpx_upstream_weight_limit",
    "streams": "websocket_connections_active",
    "holds": "bpx_upstream_hold_seconds",
    "latency": "bpx_request_seconds_bucket",
    "memory": "process_resident_memory_bytes",
    "errors": "http_request_errors_total",
}


def test_every_panel_asks_for_something_that_exists() -> None:
    assert all(panel["targets"] for panel in panels())
    for title, query in queries():
        names = names_in(query)
        assert names, title
        assert names - known_names() == set(), title


def test_it_shows_what_an_operator_looks_for() -> None:
    asked = {name for _, query in queries() for name in names_in(query)}
    assert set(WANTED.values()) <= asked


def test_every_panel_says_what_it_shows_and_in_which_unit() -> None:
    for panel in panels():
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"])


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    numbers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(numbers)) == len(numbers)
    squares = [
        (place["x"] + across, place["y"] + down)
        for place in (panel["gridPos"] for panel in dashboard()["panels"])
        for across in range(place["w"])
        for down in range(place["h"])
    ]
    assert len(set(squares)) == len(squares)
    assert max(across for across, _ in squares) < 24


def test_variables_that_are_used_are_declared() -> None:
    used = {name for _, query in queries() for name in re.findall(r"\$(\w+)", query)}
    declared = {variable["name"] for variable in dashboard()["templating"]["list"]}
    assert used - {"__rate_interval"} == declared


def test_the_source_is_the_one_that_is_provided() -> None:
    (source,) = yaml.safe_load(SOURCE.read_text())["datasources"]
    targets = [target for panel in panels() for target in panel["targets"]]
    for one in [*panels(), *targets, *dashboard()["templating"]["list"]]:
        assert one["datasource"] == {"type": "prometheus", "uid": source["uid"]}
