"""A market's application as a whole: what the options do to it, and that it ends."""

import json
import threading

import pytest
from prometheus_client import generate_latest

from bpx import metrics
from bpx.house import local
from bpx.logs import Logging, configure
from bpx.operators.app import create_operators_app
from bpx.settings import load
from bpx.simulator.faults import RestFault
from bpx.simulator.simulator import Simulator
from tests.application import application
from tests.logs.reading import written
from tests.waiting import eventually

TICKER = "/api/v3/ticker/24hr?symbol=BTCUSDT"


@pytest.fixture(scope="module")
def spot():
    with Simulator("spot") as simulator:
        yield simulator


def source(reply) -> str:
    return reply.headers["Data-Source"]


def follow(client, target: str) -> None:
    eventually(lambda: source(client.get(target)) == "websocket")


def test_each_market_has_its_own_options():
    settings = load(
        [],
        {
            "BPX_UPSTREAM_SPOT_REST": "http://a:1",
            "BPX_UPSTREAM_SPOT_WS": "ws://b:2",
            "BPX_UPSTREAM_FUTURES_REST": "http://c:3",
            "BPX_UPSTREAM_FUTURES_WS": "ws://d:4",
            "BPX_RATE_SPOT_RPS": "5",
            "BPX_RATE_FUTURES_RPS": "6",
            "BPX_CANDLES_CLOSE_WAIT_SPOT": "7s",
            "BPX_CANDLES_CLOSE_WAIT_FUTURES": "8s",
        },
    )
    here, there = local("spot", settings), local("futures", settings)
    assert (here.market.name, there.market.name) == ("spot", "futures")
    assert (here.rest_urls, here.stream_url) == (("http://a:1",), "ws://b:2")
    assert (there.rest_urls, there.stream_url) == (("http://c:3",), "ws://d:4")
    assert (here.requests_per_s, here.close_wait_s) == (5, 7.0)
    assert (there.requests_per_s, there.close_wait_s) == (6, 8.0)


def test_when_it_is_closed_nothing_of_it_is_left(spot):
    before = threading.active_count()
    with application(spot) as app:
        client = app.test_client()
        eventually(lambda: source(client.get("/api/v3/exchangeInfo")) == "cache")
        follow(client, TICKER)
        follow(client, "/api/v3/depth?symbol=BTCUSDT&limit=5")
        assert len(spot.connections) == 1
    eventually(lambda: spot.connections == [])
    eventually(lambda: threading.active_count() <= before)


def test_the_weight_limit_is_binances_of_the_day(spot):
    limit = metrics.UPSTREAM_WEIGHT_LIMIT.labels("spot")._value.get
    spot.venue.limits.weight_per_minute = 4_321
    try:
        with application(spot):
            eventually(lambda: limit() == 4_321)
    finally:
        spot.venue.limits.weight_per_minute = 6_000


def test_over_tls_with_a_certificate_of_ones_own():
    with Simulator("futures", tls=True) as futures:
        with application(futures, BPX_UPSTREAM_CA_FILE=str(futures.ca_file)) as app:
            client = app.test_client()
            eventually(lambda: source(client.get("/fapi/v1/exchangeInfo")) == "cache")
            follow(client, "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=2")
            follow(client, "/fapi/v1/depth?symbol=BTCUSDT&limit=5")
        with application(futures) as app:
            refused = app.test_client().get("/fapi/v1/time")
            assert (refused.status_code, refused.json["code"]) == (502, -1001)


@pytest.mark.parametrize(("option", "field"), [("book", "a"), ("trade", None)])
def test_the_last_price_may_come_from_the_book_ticker_as_in_the_original(spot, option, field):
    with application(spot, BPX_TICKER_LAST_PRICE=option) as app:
        client = app.test_client()
        eventually(lambda: source(client.get("/api/v3/exchangeInfo")) == "cache")
        follow(client, TICKER)
        eventually(lambda: spot.last_sent("btcusdt@bookTicker") is not None)
        book = json.loads(spot.last_sent("btcusdt@bookTicker").payload)
        book |= {"u": book["u"] + 10**6, "a": "99999.00000000"}
        tickers = []

        def is_told() -> bool:
            # Again and again: a ticker that comes much later brings prices of its own.
            book["u"] += 1
            spot.send("btcusdt@bookTicker", json.dumps(book).encode())
            tickers.append(client.get(TICKER).json)
            return tickers[-1]["askPrice"] == "99999.00000000"

        eventually(is_told)
        assert (tickers[-1]["lastPrice"] == "99999.00000000") is (field == "a")


@pytest.mark.parametrize("are_shown", [True, False])
def test_forwards_are_logged_without_their_queries_if_the_operator_wants_them(
    spot, tmp_path, restored_logging, are_shown
):
    configure(Logging(output=str(tmp_path / "log"), are_forwards_shown=are_shown))
    with application(spot) as app:
        app.test_client().get("/api/v3/avgPrice?symbol=BTCUSDT")
    log = written(tmp_path / "log")
    assert ("spot GET /api/v3/avgPrice -> 200 in " in log) is are_shown
    assert "symbol=BTCUSDT" not in log


def test_what_cannot_be_reached_is_told_at_once(spot):
    with application(spot, BPX_UPSTREAM_SPOT_REST="http://127.0.0.1:1") as app:
        reply = app.test_client().get("/api/v3/klines?symbol=BTCUSDT&interval=1m")
        assert (reply.status_code, reply.json["code"], source(reply)) == (503, -1001, "proxy")
        assert reply.headers["Retry-After"] == "1"


def test_an_error_for_our_own_question_is_asked_again_by_the_client_and_passed_on(spot):
    with application(spot) as app:
        client = app.test_client()
        eventually(lambda: source(client.get("/api/v3/exchangeInfo")) == "cache")
        body = b'{"code":-1000,"msg":"An unknown error occurred while processing the request."}'
        spot.faults.break_rest(RestFault("/api/v3/depth", status=500, body=body))
        reply = client.get("/api/v3/depth?symbol=ADAUSDT&limit=5")
        spot.faults.clear()
        assert (reply.status_code, reply.data, source(reply)) == (500, body, "upstream")


def test_a_method_that_a_client_has_made_up_is_no_label(spot):
    with application(spot) as app:
        client = app.test_client()
        assert client.open("/api/v3/time", method="MADEUP").status_code == 405
        page = generate_latest(app.extensions["bpx.registry"]).decode()
    assert "MADEUP" not in page
    assert 'method="other"' in page


def test_the_operators_page_shows_requests_by_route_and_replies_by_source(spot):
    with application(spot) as app:
        client = app.test_client()
        for _ in range(3):
            client.get("/api/v3/klines?symbol=BTCUSDT&interval=1m")
        client.get("/api/v3/time")
        registry = app.extensions["bpx.registry"]
        page = create_operators_app([registry]).test_client().get("/metrics").text
        assert generate_latest(registry).decode().count("url_rule=") > 0
    labels = 'market="spot",method="GET",status="200",url_rule="{}"'
    name = "flask_http_request_duration_seconds_count{%s} "
    assert name % labels.format("/api/v3/klines") + "3.0" in page
    assert name % labels.format("/<anything:rest>") + "1.0" in page
    assert 'bpx_replies_total{market="spot",source="upstream"}' in page
    assert "bpx_stream_connections" in page
