"""The operators' pages, of a real application in front of a simulated exchange."""

import json
import logging
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bpx.feed.report import State
from bpx.logs import Logging
from bpx.operators.access import Access, Doors
from bpx.operators.desk import Desk, Parts
from bpx.simulator.faults import Refusal, RestFault
from bpx.simulator.simulator import Simulator
from tests.application import application
from tests.runtime import ThreadRuntime
from tests.waiting import eventually

KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5"
DEPTH = "/api/v3/depth?symbol=ETHUSDT&limit=5"
STRANGER = {"REMOTE_ADDR": "203.0.113.9"}
OPTIONS = {  # a connection that is lost is tried for again and again, and soon
    "BPX_FRESH_ALIVE": "60s",
    "BPX_WS_RECONNECT_DELAY": "50ms",
    "BPX_WS_MAX_RECONNECT_DELAY": "200ms",
    "BPX_WS_MAX_RECONNECTS": "1000",
}


class Once(ThreadRuntime):
    """Starts nothing of its own: the test takes the moments."""

    def spawn(self, function, *args):
        pass


class Here:
    def __init__(self, exchange: Simulator, app: Flask, desk: Desk) -> None:
        self.exchange, self.desk = exchange, desk
        self.bot: FlaskClient = app.test_client()
        self.operator: FlaskClient = desk.app.test_client()

    def follow(self, *targets: str) -> None:
        for target in targets:
            eventually(lambda one=target: self.bot.get(one).headers["Data-Source"] == "websocket")

    def status(self, query: str = "") -> dict[str, Any]:
        return self.operator.get(f"/status{query}").get_json()

    def spot(self, query: str = "") -> dict[str, Any]:
        return self.status(query)["markets"]["spot"]

    def until(
        self,
        holds: Callable[[dict[str, Any]], bool],
        ask: Callable[[], dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Return what is told, of the market by default, as soon as that is so."""
        seen = []

        def is_so() -> bool:
            seen.append((ask or self.spot)())
            return holds(seen[-1])

        eventually(is_so)
        return seen[-1]


def row_of(told: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what is told of one thing that is followed."""
    return next(row for row in told["followed"] if row["name"] == name)


@pytest.fixture(scope="module")
def whole() -> Iterator[Here]:
    with Simulator("spot") as exchange, application(exchange, **OPTIONS) as app:
        desk = Desk(
            Parts(
                [app.extensions["bpx.house"]],
                [app.extensions["bpx.registry"]],
                Once(),
                tasks=lambda: 7,
                clients=lambda: 3,
                heads=lambda: 4,
                options={"BPX_SERVER_HOST": "127.0.0.1"},
                logging=Logging(),
                access=Access(Doors((ip_network("10.0.0.0/8"),)), lambda: 0.0),
            )
        )
        yield Here(exchange, app, desk)
        desk.close()


@pytest.fixture
def here(whole: Here) -> Here:
    whole.exchange.faults.clear()
    return whole


def test_the_process_is_told(here: Here) -> None:
    told = here.until(lambda told: told["status"] == "ok", here.status)
    assert (told["tasks"], told["clients"]) == (7, 3)
    assert told["options"] == {"BPX_SERVER_HOST": "127.0.0.1"}
    assert told["resident_bytes"] > 10 << 20
    assert told["uptime_s"] >= 0


def test_what_is_followed_is_told_with_its_state_and_age(here: Here) -> None:
    here.follow(KLINES, DEPTH)
    told = here.until(
        lambda told: (
            row_of(told, "BTCUSDT 1m")["messages"] > 0
            and told["states"]["fresh"] >= 2
            and 0 <= row_of(told, "BTCUSDT 1m")["age_s"] < 5
        )
    )
    klines, depth = row_of(told, "BTCUSDT 1m"), row_of(told, "ETHUSDT depth")
    assert (klines["kind"], depth["kind"]) == ("klines", "depth")
    assert (klines["state"], depth["state"]) == ("fresh", "fresh")
    assert klines["loads"] > 0


def test_what_is_wrong_comes_first_and_says_why(here: Here) -> None:
    here.follow(KLINES, DEPTH)
    here.exchange.send("ethusdt@depth20@100ms", b'{"nonsense":1}')
    here.until(lambda told: "not a" in (row_of(told, "ETHUSDT depth")["trouble"] or ""))
    here.exchange.faults.refuse_handshakes(Refusal(503))
    here.exchange.drop_connections()
    told = here.until(  # feeds know of it a moment earlier
        lambda told: told["states"]["disconnected"] >= 2 and told["status"] != "ok"
    )
    order = [State(row["state"]) for row in told["followed"]]
    assert order == sorted(order, key=list(State).index)
    assert told["status"] in ("degraded", "not ready")
    assert told["reasons"] != []
    here.exchange.faults.clear()
    here.follow(KLINES, DEPTH)


def test_no_more_are_told_than_were_asked_for(here: Here) -> None:
    here.follow(KLINES, DEPTH)
    some, all_of_them = here.spot("?feeds=1"), here.spot()
    assert len(some["followed"]) == 1
    assert some["left_out"] == len(all_of_them["followed"]) - 1
    assert here.spot("?feeds=-3")["followed"] == []
    assert here.spot("?feeds=all")["left_out"] == 0


def test_weight_is_told_by_kind_and_by_client(here: Here) -> None:
    here.desk._take()
    reply = here.bot.get(
        "/api/v3/depth?symbol=BTCUSDT&limit=1000", environ_base={"REMOTE_ADDR": "10.9.9.9"}
    )
    assert reply.status_code == 200
    here.desk._take()
    budget = here.spot()["budget"]
    assert budget["by_kind"]["public"] >= 50
    clients = {row["client"]: row["weight"] for row in budget["by_client"]}
    assert clients["10.9.9.9"] >= 40  # it counts for less from the first moment on
    assert budget["used_weight"] <= budget["weight_limit"] == 6_000


def test_the_last_minutes_are_told(here: Here) -> None:
    here.desk._take()
    here.bot.get("/api/v3/ping")
    here.desk._take()
    step = here.spot()["history"][-1]
    assert step["replies"] == {"upstream": 1}
    assert step["limit"] == 6_000


def test_why_a_request_was_slow_is_told(here: Here) -> None:
    slow = RestFault("/api/v3/historicalTrades", status=200, body=b"[]", delay_s=1.1)
    here.exchange.faults.break_rest(slow, times=1)
    assert here.bot.get("/api/v3/historicalTrades?symbol=BTCUSDT").status_code == 200
    slow_calls = here.spot()["slow"]
    call = next(one for one in slow_calls if one["path"] == "/api/v3/historicalTrades")
    assert call["outcome"] == "200"
    assert call["took_s"] >= 1.1 > call["waited_s"]


def test_a_hold_is_told(here: Here) -> None:
    here.exchange.faults.break_rest(
        RestFault("/api/v3/trades", status=429, body=b"{}", headers={"Retry-After": "5"}), times=1
    )
    here.bot.get("/api/v3/trades?symbol=BTCUSDT")
    assert 0 < here.spot()["budget"]["hold_left_s"] <= 5
    assert any("Binance said 429" in event["text"] for event in here.status()["events"])
    eventually(lambda: here.bot.get("/api/v3/time").status_code == 200, within_s=20)


def test_what_is_cached_can_be_cleared_and_comes_back(here: Here) -> None:
    here.follow(KLINES)
    cleared = here.operator.post("/cache/clear", json={}).get_json()["cleared"]["spot"]
    assert cleared["klines"] >= 1
    assert here.spot()["followed"] == []
    here.follow(KLINES)


def test_the_level_of_the_log_can_be_changed(here: Here) -> None:
    before = logging.getLogger().level
    try:
        told = here.operator.put("/log-level", json={"level": "debug", "for_s": 60}).get_json()
        assert (told["level"], told["for_s"] > 50) == ("debug", True)
        assert here.operator.get("/log-level").get_json()["level"] == "debug"
    finally:
        logging.getLogger().setLevel(before)


@pytest.mark.parametrize(
    "asked", [{"level": "loud"}, {}, [], "debug", {"level": "debug", "for_s": -1}]
)
def test_a_level_that_is_none_is_refused(here: Here, asked: object) -> None:
    reply = here.operator.put("/log-level", json=asked)
    assert (reply.status_code, reply.get_json()["code"]) == (400, -1000)


def test_the_log_is_told(here: Here) -> None:
    told = here.operator.get("/logs").get_json()
    assert (told["output"], told["files"]) == ("stdout", [])
    assert set(told["lines"]) == {"written", "left_out", "lost"}


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/status", "/logs", "/log-level"])
def test_strangers_see_nothing_of_it(here: Here, path: str) -> None:
    assert here.operator.get(path).status_code == 200
    assert here.operator.get(path, environ_base=STRANGER).status_code == 403
    assert here.operator.get(path, environ_base={"REMOTE_ADDR": "10.1.2.3"}).status_code == 200


def test_strangers_may_look_whether_it_is_well(here: Here) -> None:
    for path in ("/live", "/ready", "/health", "/metrics"):
        assert here.operator.get(path, environ_base=STRANGER).status_code == 200


def test_the_page_loads_nothing_of_others(here: Here) -> None:
    page = here.operator.get("/")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    texts = [here.operator.get(path).text for path in ("/", "/page.css", "/page.js")]
    for text in texts:
        assert "https://" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "innerHTML" not in texts[2]


def test_everything_can_be_read_by_programs(here: Here) -> None:
    reply = here.operator.get("/status")
    assert reply.content_type == "application/json"
    json.loads(reply.data, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
