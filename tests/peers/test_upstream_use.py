"""Bugs of other proxies in how they use the exchange: B28 and B30 to B38, by their numbers.

The bugs of one other proxy with bans (B40 to B47) are in its own code for them; that what is kept
fresh is answered during a ban, with Binance's own words for the rest, is tested here, too.
"""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from urllib.parse import urlsplit

import pytest
import requests

from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from bpx.simulator.faults import RestFault
from bpx.simulator.simulator import Simulator
from tests.peers.place import MINUTE_MS, QUICK, Place, upstream_of
from tests.peers.relay import Relay
from tests.proxy import running_proxy
from tests.waiting import eventually

ALL_TICKERS = "/api/v3/ticker/24hr"
ORDER = "/api/v3/order"


WEIGHT_PER_MINUTE = 1_200  # of the exchange of the poor: fewer requests spend it


@pytest.fixture(scope="module")
def poor_stage():
    """Serve both markets of an exchange that allows little."""
    with (
        Simulator("spot") as spot,
        Simulator("futures") as futures,
        Relay(spot.port) as relay,
    ):
        for exchange in (spot, futures):
            exchange.venue.limits.weight_per_minute = WEIGHT_PER_MINUTE
        options = QUICK | upstream_of(spot, futures) | {"BPX_UPSTREAM_SPOT_REST": relay.url}
        options["BPX_CACHE_REPLY_TTL"] = "off"  # so that equal requests spend weight
        with running_proxy("both", options) as proxy:
            places = Place(spot, proxy.urls[0]), Place(futures, proxy.urls[1])
            places[0].followed("/api/v3/ticker/24hr?symbol=BTCUSDT", "btcusdt@ticker")
            places[1].followed("/fapi/v1/ticker/24hr?symbol=BTCUSDT", "btcusdt@ticker")
            yield *places, relay
            for place in places:
                place.session.close()


@pytest.fixture
def poor(poor_stage):
    """Return spot, whose minute has just begun."""
    return in_a_new_minute(poor_stage[0])


@pytest.fixture
def poor_futures(poor_stage):
    """Return futures, whose minute has just begun."""
    return in_a_new_minute(poor_stage[1])


def in_a_new_minute(place: Place) -> Place:
    place.mend()
    place.step_past_close(after_ms=100)
    path = "/api/v3/ping" if place.exchange.venue.market == "spot" else "/fapi/v1/ping"
    eventually(lambda: place.ask(path).status_code == 200)
    place.exchange.requests.clear()
    return place


def test_b28_connections_to_the_exchange_are_used_again(poor, poor_stage):
    relay, before = poor_stage[2], poor_stage[2].accepted
    for number in range(30):
        assert poor.ask(f"/api/v3/avgPrice?symbol=BTCUSDT&n={number}").status_code in (200, 400)
    assert len(poor.forwarded()) == 30
    assert relay.accepted - before <= 2, "the proxy may ask something of its own meanwhile"


def test_b30_a_hundred_series_use_one_connection(spot):
    info = spot.ask("/api/v3/exchangeInfo").json()["symbols"]
    symbols = [row["symbol"] for row in info if row["status"] == "TRADING"][:10]
    intervals = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h")
    targets = [
        f"/api/v3/klines?symbol={symbol}&interval={interval}&limit=2"
        for symbol in symbols
        for interval in intervals
    ]
    connects = spot.exchange.connects
    with ThreadPoolExecutor(4) as bots:
        assert {reply.status_code for reply in bots.map(spot.ask, targets)} == {200}
    wanted = {f"{symbol.lower()}@kline_{name}" for symbol in symbols for name in intervals}
    assert len(wanted) == 100
    eventually(lambda: wanted <= spot.subscribed(), within_s=20)
    assert spot.exchange.connects - connects <= 1
    assert len(spot.exchange.connections) == 1


def test_b30_futures_use_one_connection_for_each_route(futures):
    for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT"):
        futures.followed(f"/fapi/v1/klines?symbol={symbol}&interval=1m&limit=2")
        futures.followed(f"/fapi/v1/depth?symbol={symbol}&limit=5")
        futures.followed(f"/fapi/v1/ticker/24hr?symbol={symbol}")
    eventually(
        lambda: sorted(one.route for one in futures.exchange.connections) == ["market", "public"]
    )


def test_b31_a_reconnect_fetches_nothing_that_was_not_missed(spot):
    targets = [
        f"/api/v3/klines?symbol={symbol}&interval={interval}&limit=100"
        for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
        for interval in ("1m", "5m", "1h", "1d")
    ]
    spot.step_past_close(after_ms=3_000)
    for target in targets:
        spot.followed(target)
    spot.exchange.faults.silence("*@kline_*")  # so that REST has to be asked
    spot.exchange.requests.clear()
    before = spot.exchange.connects
    spot.exchange.drop_connections()
    eventually(lambda: spot.exchange.connects > before)
    for target in targets:
        assert len(spot.ask(target).json()) == 100
    rows = [row.target.partition("limit=")[2] for row in spot.asked_for("/api/v3/klines")]
    assert len(rows) == len(targets)
    assert all(int(count) <= 3 for count in rows), rows


def test_b31_a_reconnect_asks_nothing_while_nobody_asks(spot):
    spot.step_past_close(after_ms=3_000)  # a close that is missed is asked for in any case
    for symbol in ("BTCUSDT", "ETHUSDT"):
        spot.followed(f"/api/v3/klines?symbol={symbol}&interval=1h&limit=100")
        spot.followed(f"/api/v3/depth?symbol={symbol}&limit=20")
    spot.exchange.requests.clear()
    before = spot.exchange.connects
    spot.exchange.drop_connections()
    eventually(lambda: spot.exchange.connects > before)
    eventually(lambda: "ethusdt@depth20@100ms" in spot.subscribed())
    spot.exchange.step(3_000)
    targets = [row.target for row in spot.exchange.requests]
    asked = [target for target in targets if "BTCUSDT" in target or "ETHUSDT" in target]
    assert asked == []


CHARGED = [
    ("spot", "/api/v3/klines?symbol=BTCUSDT&interval=1m"),
    ("spot", "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000&startTime=1"),
    ("spot", "/api/v3/depth?symbol=BTCUSDT&limit=5"),
    ("spot", "/api/v3/depth?symbol=BTCUSDT"),
    ("spot", "/api/v3/depth?symbol=BTCUSDT&limit=500"),
    ("spot", "/api/v3/depth?symbol=BTCUSDT&limit=1000"),
    ("spot", "/api/v3/depth?symbol=BTCUSDT&limit=5000"),
    ("spot", "/api/v3/ticker/24hr"),
    ("spot", "/api/v3/ticker/24hr?symbol=BTCUSDT"),
    ("spot", "/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D"),
    ("spot", "/api/v3/ticker/price"),
    ("spot", "/api/v3/ticker/price?symbol=BTCUSDT"),
    ("spot", "/api/v3/ticker/bookTicker"),
    ("spot", "/api/v3/exchangeInfo?symbol=BTCUSDT"),
    ("spot", "/api/v3/trades?symbol=BTCUSDT"),
    ("spot", "/api/v3/aggTrades?symbol=BTCUSDT"),
    ("spot", "/api/v3/avgPrice?symbol=BTCUSDT"),
    ("spot", "/api/v3/time"),
    ("futures", "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=499"),
    ("futures", "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1000"),
    ("futures", "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1500"),
    ("futures", "/fapi/v1/depth?symbol=BTCUSDT&limit=5"),
    ("futures", "/fapi/v1/depth?symbol=BTCUSDT&limit=100"),
    ("futures", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"),
    ("futures", "/fapi/v1/ticker/24hr"),
    ("futures", "/fapi/v1/ticker/24hr?symbol=BTCUSDT"),
    ("futures", "/fapi/v1/exchangeInfo"),
    ("futures", "/fapi/v1/premiumIndex?symbol=BTCUSDT"),
]


@pytest.fixture(scope="module")
def accounts():
    """Two exchanges that nobody else asks, and whose minute does not end."""
    with Simulator("spot", paused=True) as spot, Simulator("futures", paused=True) as futures:
        yield {"spot": (SPOT, spot), "futures": (FUTURES, futures)}


@pytest.mark.parametrize(("market", "target"), CHARGED)
def test_b32_a_request_is_charged_what_binance_charges(accounts, market, target):
    table, exchange = accounts[market]
    exchange.call(exchange.venue.accounting.lift)
    reply = requests.get(exchange.rest_url + target, timeout=20)
    path, _, query = target.partition("?")
    assert table.charged_weight("GET", path, query) == int(reply.headers["X-MBX-USED-WEIGHT-1M"])
    assert reply.status_code == 200


def test_b32_no_minute_spends_more_than_binance_allows(poor, poor_futures):
    for place, target in ((poor, ALL_TICKERS), (poor_futures, "/fapi/v1/ticker/24hr")):
        replies = [place.ask(target) for _ in range(WEIGHT_PER_MINUTE // 40 + 5)]
        exchange = place.exchange
        used = exchange.call(
            lambda e=exchange: e.venue.accounting.used_weight("127.0.0.1", e.venue.now_ms)
        )
        assert (replies[0].status_code, replies[-1].status_code) == (200, 429)
        assert {row.status for row in exchange.requests} == {200}
        assert WEIGHT_PER_MINUTE / 2 < used <= WEIGHT_PER_MINUTE


def test_b33_ten_equal_requests_at_once_are_one_call(spot):
    target = "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=1&limit=3"
    spot.exchange.faults.break_rest(RestFault(target, delay_s=2))
    spot.exchange.requests.clear()
    with ThreadPoolExecutor(10) as bots:
        replies = list(bots.map(lambda _: requests.get(spot.url + target, timeout=20), range(10)))
    assert len(spot.asked_for(target)) == 1
    assert len({reply.content for reply in replies}) == 1
    assert {reply.status_code for reply in replies} == {200}


def test_b33_ten_bots_that_start_with_one_series_make_one_call(spot):
    target = "/api/v3/klines?symbol=EURUSDT&interval=30m&limit=700"
    spot.exchange.faults.break_rest(RestFault("/api/v3/klines?symbol=EURUSDT", delay_s=2))
    spot.exchange.requests.clear()
    with ThreadPoolExecutor(10) as bots:
        replies = list(bots.map(lambda _: requests.get(spot.url + target, timeout=20), range(10)))
    assert len(spot.asked_for("/api/v3/klines?symbol=EURUSDT")) == 1
    assert {len(reply.json()) for reply in replies} == {700}


def test_b34_an_order_is_never_behind_market_data(poor):
    while poor.ask(ALL_TICKERS).status_code == 200:
        pass
    waiting = [threading.Thread(target=poor_bot, args=(poor.url, number)) for number in range(20)]
    for bot in waiting:
        bot.start()
    for method in ("POST", "DELETE"):
        began = monotonic()
        reply = requests.request(method, poor.url + ORDER, data=b"symbol=BTCUSDT", timeout=20)
        assert monotonic() - began < 3
        assert reply.headers["Data-Source"] == "upstream"
    assert [row.method for row in poor.asked_for(ORDER)] == ["POST", "DELETE"]
    for bot in waiting:
        bot.join(30)


def test_b34_what_waits_for_its_turn_is_not_sent_when_its_client_has_gone(poor):
    for target in (ALL_TICKERS, "/api/v3/trades?symbol=BTCUSDT"):
        while poor.ask(target).status_code == 200:
            pass
    poor.step_past_close(after_ms=-3_500)  # nobody waits for longer than 5 s
    poor.ask(ORDER, "POST", data=b"symbol=BTCUSDT")  # the reply tells the time
    poor.exchange.requests.clear()
    left, shared, wanted = (f"/api/v3/trades?symbol=BTCUSDT&limit={n}" for n in (901, 902, 903))
    gone = [asking(poor, target) for target in (left, shared)]
    staying = [asking(poor, target) for target in (shared, wanted)]
    for client in gone:
        client.close()
    for client in staying:
        assert client.recv(15) == b"HTTP/1.1 200 OK"
        client.close()
    assert len(poor.asked_for(shared)) == len(poor.asked_for(wanted)) == 1
    assert poor.asked_for(left) == []


def asking(place: Place, target: str) -> socket.socket:
    """Return a client's connection on which `target` has been asked for."""
    client = socket.create_connection(("127.0.0.1", urlsplit(place.url).port), timeout=20)
    client.sendall(f"GET {target} HTTP/1.1\r\nHost: proxy\r\n\r\n".encode())
    return client


def poor_bot(url: str, number: int) -> None:
    requests.get(f"{url}/api/v3/trades?symbol=BTCUSDT&limit={number + 1}", timeout=30)


def test_b35_what_others_of_our_address_have_spent_counts(poor):
    for _ in range(14):
        assert poor.directly(ALL_TICKERS).status_code == 200  # 1,120 of 1,200
    poor.ask("/api/v3/time")  # the reply tells
    poor.exchange.requests.clear()
    refused = poor.ask(ALL_TICKERS)
    assert (refused.status_code, refused.json()["code"]) == (429, -1003)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert list(poor.exchange.requests) == []
    # It does not count against an order, whose answer is passed on as it is.
    reply = poor.ask(ORDER, "POST", data=b"symbol=BTCUSDT&side=BUY")
    delivered = poor.asked_for(ORDER)
    assert [row.method for row in delivered] == ["POST"]
    assert reply.status_code == delivered[0].status == 401
    assert reply.headers["Data-Source"] == "upstream"


def test_b36_nothing_about_the_client_goes_to_the_exchange(spot):
    spot.exchange.requests.clear()
    sent = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Real-IP": "203.0.113.7",
        "Forwarded": "for=203.0.113.7",
        "Via": "1.1 bots",
        "Cookie": "a=1",
        "X-MBX-APIKEY": "key",
        "User-Agent": "ccxt",
    }
    spot.ask("/api/v3/ticker/price?symbol=BTCUSDT", headers=sent)
    spot.ask(ORDER, "POST", headers=sent, data=b"symbol=BTCUSDT")
    assert len(spot.forwarded()) == 2
    for row in spot.forwarded():
        names = set(row.headers)
        assert names <= {
            "host", "user-agent", "accept", "accept-encoding", "connection", "x-mbx-apikey",
            "content-length", "content-type",
        }  # fmt: skip
        assert "203.0.113.7" not in str(row.headers)
        assert row.headers["x-mbx-apikey"] == "key"
        assert row.headers["host"] == f"127.0.0.1:{spot.exchange.port}"


def test_b38_every_host_can_be_chosen(spot, futures):
    for place, path in ((spot, "/api/v3"), (futures, "/fapi/v1")):
        place.exchange.requests.clear()
        assert place.ask(f"{path}/time").status_code == 200
        place.followed(f"{path}/depth?symbol=BTCUSDT&limit=5")
        assert place.asked_for(f"{path}/time")
        assert place.exchange.connections


def test_a_ban_leaves_what_is_kept_fresh_and_passes_binances_words_on(poor):
    target = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5"
    poor.followed(target)
    body = b'{"code":-1003,"msg":"Way too much request weight used; IP banned until 1."}'
    banned = RestFault(status=418, body=body, headers={"Retry-After": "30"})
    poor.exchange.faults.break_rest(banned)
    first = poor.ask("/api/v3/time")
    assert (first.status_code, first.content) == (418, body)
    poor.exchange.requests.clear()
    later = poor.ask("/api/v3/ticker/price")
    assert (later.status_code, later.json()) == (418, json.loads(body))
    assert 15 <= int(later.headers["Retry-After"]) <= 30
    poor.step_past_close(after_ms=MINUTE_MS // 2)

    def is_kept_fresh() -> bool:
        held = poor.ask(target)
        assert (held.status_code, held.headers["Data-Source"]) == (200, "websocket")
        return held.json()[:-1] == json.loads(poor.truth(target))[:-1]

    eventually(is_kept_fresh)
    assert list(poor.exchange.requests) == []


def test_b37_what_is_asked_about_all_symbols_is_asked_once_for_all_bots(spot):
    target = "/api/v3/ticker/24hr"
    spot.ask(target)  # the simulator makes its symbols when they are asked for

    def is_asked_once() -> bool:
        eventually(lambda: spot.ask(target).headers["Data-Source"] == "upstream")
        spot.exchange.requests.clear()
        return (
            {spot.ask(target).headers["Data-Source"] for _ in range(3)} == {"cache"}
            and spot.asked_for(target) == []
        )  # fmt: skip

    eventually(is_asked_once)  # if all of that comes within the second for which it is kept
