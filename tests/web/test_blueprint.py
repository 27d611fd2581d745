"""Requests of a market: which a cache answers, and what becomes of the others on their way."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from bpx import metrics
from bpx.simulator.simulator import Simulator
from tests.application import application
from tests.waiting import eventually

DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=5"
KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=2"
TICKER = "/api/v3/ticker/24hr?symbol=BTCUSDT"
INFO = "/api/v3/exchangeInfo"
# It asks the exchange for nothing that no client has asked for, however slow the machine is.
BY_ITSELF = {
    "BPX_FRESH_ALIVE": "60s",
    "BPX_FRESH_QUIET_CHECK": "60s",
    "BPX_FRESH_EXCHANGE_INFO": "1h",
    "BPX_WS_ENABLE_HEALTH_CHECK": "false",
}
EARLY_MS = 1_795_348_805_000  # in a minute


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator("spot", start_ms=EARLY_MS) as simulator:  # no candle ends meanwhile
        yield simulator


@pytest.fixture(scope="module")
def client(sim: Simulator) -> Iterator[FlaskClient]:
    with application(sim, **BY_ITSELF) as app:
        client = app.test_client()
        eventually(lambda: source(client.get(INFO)) == "cache")
        for target in (DEPTH, KLINES, TICKER):
            eventually(lambda t=target: source(client.get(t)) == "websocket")
        yield client


@pytest.fixture(autouse=True)
def only_this_tests_requests(sim: Simulator, client: FlaskClient) -> None:
    sim.requests.clear()


def source(reply) -> str:
    return reply.headers["Data-Source"]


def targets(sim: Simulator) -> list[str]:
    return [row.target for row in sim.requests]


# From a cache


@pytest.mark.parametrize(
    ("target", "source_"),
    [(DEPTH, "websocket"), (KLINES, "websocket"), (TICKER, "websocket"), (INFO, "cache")],
)
def test_an_answer_of_ours_says_where_it_is_from_and_how_old_it_is(client, sim, target, source_):
    reply = client.get(target)
    assert (reply.status_code, source(reply)) == (200, source_)
    assert 0 <= int(reply.headers["Data-Age-Ms"]) < 60_000
    assert reply.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert int(reply.headers["Content-Length"]) == len(reply.data)
    assert targets(sim) == []


@pytest.mark.parametrize("target", [DEPTH, KLINES, TICKER, INFO])
def test_head_is_answered_like_get_but_for_the_body(client, sim, target):
    reply = client.head(target)
    assert (reply.status_code, reply.data) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 50
    assert targets(sim) == []


def test_exchange_info_tells_caches_on_the_way_that_it_depends_on_the_coding(client):
    assert client.get(INFO).headers["Vary"] == "Accept-Encoding"
    assert "Vary" not in client.get(DEPTH).headers


def test_a_key_on_a_public_request_changes_nothing(client, sim):
    assert source(client.get(DEPTH, headers={"X-MBX-APIKEY": "key"})) == "websocket"
    assert targets(sim) == []


# What no cache may answer


@pytest.mark.parametrize(
    "headers",
    [
        {"X-MBX-TIME-UNIT": "MICROSECOND"},
        {"X-MBX-TIME-UNIT": "millisecond"},
        {"X-MBX-SBE": "3:1"},
        {"Accept": "application/sbe"},
        {"Accept": "application/json, application/SBE;q=0.5"},
    ],
)
@pytest.mark.parametrize("target", [DEPTH, KLINES, TICKER, INFO])
def test_a_request_for_another_form_is_binances(client, sim, target, headers):
    reply = client.get(target, headers=headers)
    assert source(reply) == "upstream"
    assert targets(sim) == [target]
    for name, value in headers.items():
        assert sim.requests[0].headers[name.lower()] == value


@pytest.mark.parametrize(
    "target",
    [
        f"{DEPTH}&signature=abc",
        f"{DEPTH}&timestamp=1",
        f"{DEPTH}&limit=5",
        f"{DEPTH}&",
        "/api/v3/depth?symbol=BTCUSDT&limit=50",
        "/api/v3/depth/?symbol=BTCUSDT&limit=5",
        "/API/v3/depth?symbol=BTCUSDT&limit=5",
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&timeZone=8",
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=1",
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&endTime=9999999999999",
        "/api/v3/klines?symbol=BTCUSDT&interval=1M&limit=1001",
        "/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22%5D",
        "/api/v3/ticker/24hr?symbol=BTCUSDT&symbolStatus=TRADING",
        "/api/v3/ticker/24hr?symbol=BTCUSDT&type=full",
    ],
)
def test_what_is_not_entirely_understood_goes_to_binance_byte_for_byte(client, sim, target):
    reply = asked_raw(client, target)
    assert source(reply) == "upstream"
    assert targets(sim) == [target]


@pytest.mark.parametrize("query", ["symbol=BTCUSDT&limit=%35", "limit=5&symbol=BTC%55SDT"])
def test_an_encoded_query_means_what_it_says(client, sim, query):
    reply = asked_raw(client, f"/api/v3/depth?{query}")
    assert (source(reply), len(reply.json["bids"])) == ("websocket", 5)
    assert targets(sim) == []


def asked_raw(client, target: str):
    path = target.partition("?")[0]
    return client.get(path, environ_overrides={"RAW_URI": target, "QUERY_STRING": ""})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_reads_are_answered_here(client, sim, method):
    reply = client.open(DEPTH, method=method)
    assert source(reply) == "upstream"
    assert [(row.method, row.target) for row in sim.requests] == [(method, DEPTH)]
    assert reply.status_code == 404


@pytest.mark.parametrize(
    "raw",
    ["http://evil.example/api/v3/time", "https://api.binance.com/api/v3/order", "*", "@x/y", ""],
)
def test_a_target_that_is_no_path_is_refused(client, sim, raw):
    reply = client.post("/api/v3/time", environ_overrides={"RAW_URI": raw})
    assert (reply.status_code, reply.json["code"], source(reply)) == (400, -1100, "proxy")
    assert targets(sim) == []


def test_a_cached_path_in_absolute_form_is_refused_too(client, sim):
    raw = f"http://api.binance.com{DEPTH}"
    reply = client.get(DEPTH, environ_overrides={"RAW_URI": raw})
    assert (reply.status_code, reply.json["code"]) == (400, -1100)
    assert targets(sim) == []


def test_body_and_headers_go_on_and_the_reply_comes_back_as_it_is(client, sim):
    body = b"symbol=BTCUSDT&side=%42UY&\xff"
    headers = {"X-MBX-APIKEY": "key", "Content-Type": "application/x-www-form-urlencoded"}
    reply = client.post("/api/v3/order", data=body, headers=headers)
    assert reply.status_code == sim.requests[0].status != 200
    assert sim.venue.ledger[-1].body == body
    assert sim.requests[0].headers["x-mbx-apikey"] == "key"
    assert int(reply.headers["X-MBX-USED-WEIGHT-1M"]) > 0
    assert reply.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert "Data-Age-Ms" not in reply.headers


@pytest.mark.parametrize(("size", "status"), [(65_536, None), (65_537, 413), (200_000, 413)])
def test_a_body_over_64_kilobytes_is_refused_as_json(client, sim, size, status):
    reply = client.post("/api/v3/order", data=b"a" * size)
    if status is None:
        assert source(reply) == "upstream"
        assert len(sim.venue.ledger[-1].body) == size
        return
    assert (reply.status_code, source(reply)) == (status, "proxy")
    assert reply.json == {"code": -1100, "msg": "Request Entity Too Large"}
    assert reply.headers["Connection"] == "close"
    assert targets(sim) == []


def test_a_400_is_kept_for_a_moment_and_says_so(client, sim):
    target = "/api/v3/avgPrice?symbol=NOSUCH"
    first, second = client.get(target), client.get(target)
    assert (first.status_code, source(first), source(second)) == (400, "upstream", "cache")
    assert second.data == first.data
    assert int(second.headers["Data-Age-Ms"]) < 5000
    assert "X-MBX-USED-WEIGHT-1M" not in second.headers
    assert targets(sim) == [target]


def test_an_unknown_symbol_is_refused_and_a_halted_one_is_not_followed(client, sim):
    unknown = client.get("/api/v3/depth?symbol=NOSUCH&limit=5")
    assert (unknown.status_code, source(unknown)) == (400, "proxy")
    assert unknown.data == b'{"code":-1121,"msg":"Invalid symbol."}'
    assert targets(sim) == []
    halted = client.get("/api/v3/depth?symbol=BCCUSDT&limit=5")
    assert (halted.status_code, source(halted)) == (200, "upstream")
    assert targets(sim) == ["/api/v3/depth?symbol=BCCUSDT&limit=5"]


def test_replies_are_counted_by_source(client):
    def counts() -> dict[str, float]:
        labels = ("websocket", "cache", "upstream", "proxy")
        return {name: metrics.REPLIES.labels("spot", name).value for name in labels}

    before = counts()
    client.get(DEPTH)
    client.get(INFO)
    client.get(INFO)
    client.get("/api/v3/time")
    client.get("/api/v3/ticker/24hr?symbol=NOSUCH")
    client.post("/api/v3/order", data=b"a" * 70_000)
    after = counts()
    moved = {name: after[name] - before[name] for name in after}
    assert moved == {"websocket": 1, "cache": 2, "upstream": 1, "proxy": 2}


def test_the_used_weight_of_a_route_that_tells_it_wrong_is_passed_on_and_not_believed():
    with Simulator("futures", start_ms=EARLY_MS) as sim, application(sim) as app:
        client, budget = app.test_client(), app.extensions["bpx.house"].upstream.budget
        eventually(lambda: source(client.get("/fapi/v1/exchangeInfo")) == "cache")
        sim.call(lambda: sim.venue.accounting.charge("127.0.0.1", 2000, sim.venue.now_ms))
        for target in ("/fapi/v2/ticker/price", "/fapi/v1/ticker/bookTicker"):
            assert int(client.get(target).headers["X-MBX-USED-WEIGHT-1M"]) > 2000
            assert budget.spent()[0] < 2000
        client.get("/fapi/v1/time")
        assert budget.spent()[0] > 2000
