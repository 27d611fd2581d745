"""Bugs of other proxies that make data wrong or stale: B1 to B16, by their numbers.

Each test says how it is right, and is named after the bug that it would find. All of them can be
observed by a client or by the exchange.
"""

import json
import re
from collections.abc import Callable
from time import monotonic

import pytest
import requests

from bpx.simulator.faults import Ending, Refusal, RestFault
from bpx.simulator.simulator import Simulator
from tests.peers.place import ALIVE_S, MINUTE_MS, PONG_S, Place, upstream_of
from tests.proxy import running_proxy
from tests.waiting import eventually

SPOT_TICKER = [
    "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice",
    "lastPrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty", "openPrice", "highPrice",
    "lowPrice", "volume", "quoteVolume", "openTime", "closeTime", "firstId", "lastId", "count",
]  # fmt: skip
MINI_TICKER = [
    "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume",
    "openTime", "closeTime", "firstId", "lastId", "count",
]  # fmt: skip
FUTURES_TICKER = [
    "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "lastPrice", "lastQty",
    "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume", "openTime", "closeTime",
    "firstId", "lastId", "count",
]  # fmt: skip


def test_b01_the_just_closed_candle_is_present_right_after_the_close(spot, futures):
    cases = [(spot, "/api/v3", "SOLBTC"), (futures, "/fapi/v1", "AKROUSDT")]
    targets = [
        (place, f"{path}/klines?symbol={symbol}&interval=1m&limit=4")
        for place, path, quiet in cases
        for symbol in ("BTCUSDT", quiet)
    ]
    for place, target in targets:
        place.followed(target)
    for place, path, _ in cases:
        place.followed(f"{path}/ticker/24hr?symbol=BTCUSDT", "btcusdt@ticker")  # tells the time
    opens_ms = {place.url: place.step_past_close(after_ms=-1_300) for place, _, _ in cases}
    for after_ms in (100, 1_200, 2_900):
        for place, target in targets:
            opened_ms = opens_ms[place.url]
            until_ms = opened_ms + MINUTE_MS + after_ms
            eventually(lambda p=place, ms=until_ms: p.exchange.now_ms >= ms)
            # Who was late to hear does not know yet that the minute is over: not for a second.
            expect = eventually if after_ms < 1_000 else at_once
            expect(lambda p=place, t=target, ms=opened_ms: has_closed(p, t, ms))


def has_closed(place: Place, target: str, opened_ms: int) -> bool:
    """Whether the candle that opened then is shown as closed; all that is shown must be right."""
    rows, true_rows = place.ask(target).json(), json.loads(place.truth(target))
    opens = [row[0] - opened_ms for row in rows]
    assert opens in ([n * MINUTE_MS for n in range(first, first + 4)] for first in (-3, -2)), target
    true_of = {row[0]: row for row in true_rows}
    assert all(row == true_of.get(row[0], row) for row in rows[:-1]), target
    return opens[-1] == MINUTE_MS


def at_once(condition: Callable[[], bool]) -> None:
    """Ask once."""
    assert condition()


def test_b02_tickers_are_fresh_again_after_twenty_lost_connections(spot, futures):
    targets = [
        (spot, "/api/v3/ticker/24hr?symbol=ETHUSDT", "ethusdt@ticker"),
        (futures, "/fapi/v1/ticker/24hr?symbol=ETHUSDT", "ethusdt@ticker"),
    ]
    for place, target, stream in targets:
        place.followed(target, stream)
    for _ in range(20):
        connects = [place.exchange.connects for place, _, _ in targets]
        for place, _, _ in targets:
            place.exchange.drop_connections()
        for (place, _, _), before in zip(targets, connects, strict=True):
            eventually(lambda p=place, n=before: p.exchange.connects > n)
    for place, target, stream in targets:
        before = place.exchange.last_sent(stream)
        eventually(lambda p=place, s=stream, b=before: p.exchange.last_sent(s) != b)
        place.followed(target)
        with place.frozen():
            newest = json.loads(place.exchange.last_sent(stream).payload)
            eventually(lambda p=place, t=target, n=newest: p.ask(t).json()["lastId"] == n["L"])
            answer = place.ask(target)
        assert answer.headers["Data-Source"] == "websocket"
        assert int(answer.headers["Data-Age-Ms"]) < 5000


def test_b03_a_refused_connection_is_tried_again_and_the_ticker_recovers(spot):
    target = "/api/v3/ticker/24hr?symbol=BNBUSDT"
    spot.followed(target)
    spot.exchange.faults.refuse_handshakes(Refusal(503))
    spot.exchange.drop_connections()
    eventually(lambda: spot.ask(target).headers["Data-Source"] == "upstream")
    assert spot.ask("/api/v3/ticker/24hr?symbol=BNBBTC").headers["Data-Source"] == "upstream"
    spot.exchange.faults.clear()
    spot.followed(target)
    spot.followed("/api/v3/ticker/24hr?symbol=BNBBTC")


def test_b03_a_ticker_whose_book_ticker_says_nothing_is_right_all_the_same(spot):
    spot.exchange.faults.silence("xrpusdt@bookTicker")
    target = "/api/v3/ticker/24hr?symbol=XRPUSDT"
    spot.followed(target, "xrpusdt@ticker")
    with spot.frozen():
        spot.exchange.step(1_000)  # a frame that is newer than what REST has said
        sent = json.loads(spot.exchange.last_sent("xrpusdt@ticker").payload)
        eventually(lambda: spot.ask(target).json()["closeTime"] == sent["C"])
        ticker = spot.ask(target).json()
    assert (ticker["bidPrice"], ticker["askPrice"]) == (sent["b"], sent["a"])


def test_b04_the_last_price_is_the_last_trades_and_not_the_ask(spot):
    target = "/api/v3/ticker/24hr?symbol=NEARUSDT"
    spot.followed(target, "nearusdt@ticker", "nearusdt@bookTicker")
    with spot.frozen():
        sent = json.loads(spot.exchange.last_sent("nearusdt@ticker").payload)
        book = json.loads(spot.exchange.last_sent("nearusdt@bookTicker").payload)
        book |= {"u": book["u"] + 1, "a": "9.87600000", "A": "7.70000000"}
        spot.exchange.send("nearusdt@bookTicker", json.dumps(book).encode())
        eventually(lambda: spot.ask(target).json()["askPrice"] == "9.87600000")
        ticker = spot.ask(target).json()
    assert ticker["askQty"] == "7.70000000"
    assert ticker["lastPrice"] == sent["c"]


def test_b05_a_spot_ticker_has_every_field_in_binances_order(spot):
    full = spot.followed("/api/v3/ticker/24hr?symbol=SOLUSDT").json()
    assert list(full) == SPOT_TICKER
    assert list(full) == list(json.loads(spot.truth("/api/v3/ticker/24hr?symbol=SOLUSDT")))
    assert all(float(full[name]) > 0 for name in ("bidPrice", "bidQty", "askPrice", "askQty"))


def test_b05_a_mini_ticker_has_its_own_shape(spot):
    mini = spot.followed("/api/v3/ticker/24hr?symbol=SOLUSDT&type=MINI").json()
    assert list(mini) == MINI_TICKER


def test_b05_best_prices_are_not_older_than_the_tickers(spot):
    # A book ticker that has gone quiet does not win over a ticker that has not.
    target = "/api/v3/ticker/24hr?symbol=DOGEUSDT"
    spot.followed(target, "dogeusdt@ticker", "dogeusdt@bookTicker")
    stale = spot.ask(target).json()["bidQty"]
    spot.exchange.faults.silence("dogeusdt@bookTicker")

    def newest_wins() -> bool:
        with spot.frozen():
            sent = json.loads(spot.exchange.last_sent("dogeusdt@ticker").payload)
            ticker = spot.ask(target).json()
        return sent["B"] != stale and ticker["bidQty"] == sent["B"]

    eventually(newest_wins)


def test_b06_a_futures_ticker_has_the_futures_fields_and_no_others(futures):
    ticker = futures.followed("/fapi/v1/ticker/24hr?symbol=SOLUSDT").json()
    assert list(ticker) == FUTURES_TICKER
    assert "" not in ticker.values()


@pytest.mark.parametrize("limit", [5, 20])
def test_b07_a_spot_book_has_no_times_and_a_futures_book_has_both(spot, futures, limit):
    book = spot.followed(f"/api/v3/depth?symbol=LTCUSDT&limit={limit}").json()
    assert list(book) == ["lastUpdateId", "bids", "asks"]
    book = futures.followed(f"/fapi/v1/depth?symbol=LTCUSDT&limit={limit}").json()
    assert list(book) == ["lastUpdateId", "E", "T", "bids", "asks"]
    assert abs(book["E"] - futures.exchange.now_ms) < 5000
    assert book["T"] <= book["E"]


@pytest.mark.parametrize(
    ("market", "target", "rows"),
    [
        ("spot", "/api/v3/depth?symbol=BTCUSDT", 100),
        ("futures", "/fapi/v1/depth?symbol=BTCUSDT", 500),
        ("spot", "/api/v3/depth?symbol=BTCUSDT&limit=7", 7),
    ],
)
def test_b08_a_book_has_as_many_levels_as_binance_sends(request, market, target, rows):
    book = request.getfixturevalue(market).ask(target).json()
    assert (len(book["bids"]), len(book["asks"])) == (rows, rows)


def test_b08_klines_have_500_rows_if_no_limit_is_given(spot, futures):
    for place, path in ((spot, "/api/v3"), (futures, "/fapi/v1")):
        target = f"{path}/klines?symbol=LINKUSDT&interval=5m"
        assert len(place.followed(target).json()) == 500


@pytest.mark.parametrize("limit", ["4", "6", "7", "19", "0", "1001", "-5", "x"])
def test_b08_a_futures_book_refuses_the_limits_that_binance_refuses(futures, limit):
    target = f"/fapi/v1/depth?symbol=BTCUSDT&limit={limit}"
    real, ours = futures.directly(target), futures.ask(target)
    assert real.status_code == 400
    assert (ours.status_code, ours.text) == (real.status_code, real.text)


def test_b08_the_sides_of_a_book_are_not_cut_to_the_shorter_one(spot):
    target = "/api/v3/depth?symbol=OGNBTC&limit="
    newest = spot.followed(target + "20").json()["lastUpdateId"] + 10**6
    bids, asks = [["0.00000154", "1.00000000"]], [[f"0.0000016{n}", "2.00000000"] for n in range(7)]
    book = {"lastUpdateId": newest, "bids": bids, "asks": asks}
    with spot.frozen():
        spot.exchange.send("ognbtc@depth20@100ms", json.dumps(book).encode())
        eventually(lambda: spot.ask(target + "20").json()["lastUpdateId"] == newest)
        assert spot.ask(target + "20").json() == book
        assert spot.ask(target + "5").json() == book | {"asks": asks[:5]}


def test_b09_no_level_is_lost_while_the_book_changes(spot, futures):
    cases = [(spot, "/api/v3/depth?symbol=BTCUSDT&limit=20")]
    cases += [(futures, "/fapi/v1/depth?symbol=BTCUSDT&limit=20")]
    for place, target in cases:
        place.followed(target)
        for ms in (3_000, 40_000):
            place.exchange.step(ms)
            with place.frozen():
                sent = place.exchange.last_sent("btcusdt@depth20@100ms")
                true = json.loads(place.truth(target, as_of_ms=sent.at_ms))
                eventually(
                    lambda p=place, t=target, b=true: (
                        p.ask(t).json()["lastUpdateId"] == b["lastUpdateId"]
                    )
                )
                ours = place.ask(target)
            assert ours.headers["Data-Source"] == "websocket"
            assert ours.json()["bids"] == true["bids"]
            assert ours.json()["asks"] == true["asks"]


def test_b10_books_come_from_the_100_ms_stream_and_no_snapshot_is_large(spot, futures):
    for place, path in ((spot, "/api/v3"), (futures, "/fapi/v1")):
        target = f"{path}/depth?symbol=ADAUSDT&limit=10"
        place.followed(target)
        assert "adausdt@depth20@100ms" in place.subscribed()
        asked = {row.target for row in place.asked_for(f"{path}/depth?symbol=ADAUSDT")}
        assert asked == {f"{path}/depth?symbol=ADAUSDT&limit=20"}


def test_b11_a_candle_whose_final_message_was_missed_is_repaired(spot, futures):
    cases = [(spot, "/api/v3/klines?symbol=TRXUSDT&interval=1m&limit=6")]
    cases += [(futures, "/fapi/v1/klines?symbol=TRXUSDT&interval=1m&limit=6")]
    for place, target in cases:
        place.followed(target)
        before = place.exchange.connects
        place.exchange.faults.refuse_handshakes(Refusal(503))
        place.exchange.drop_connections()
        eventually(lambda p=place: p.exchange.connections == [])
        place.step_past_close(after_ms=MINUTE_MS + 100)  # two closes are missed
        place.exchange.faults.clear()
        eventually(lambda p=place, n=before: p.exchange.connects > n)
        assert place.ask(target).json()[:-1] == json.loads(place.truth(target))[:-1]
        assert place.followed(target).json()[:-1] == json.loads(place.truth(target))[:-1]


def test_b11_a_candle_that_never_got_its_final_message_is_repaired(spot):
    target = "/api/v3/klines?symbol=AVAXUSDT&interval=1m&limit=6"
    spot.followed(target)
    spot.exchange.faults.silence("avaxusdt@kline_1m")
    spot.step_past_close(after_ms=3_000)
    spot.exchange.faults.silence()
    spot.exchange.step(10_000)
    eventually(lambda: spot.ask(target).json()[:-1] == json.loads(spot.truth(target))[:-1])


def test_b12_a_connection_that_has_gone_silent_is_not_believed_and_is_replaced(spot, futures):
    cases = [
        (spot, "/api/v3/depth?symbol=BCHUSDT&limit=5"),
        (futures, "/fapi/v1/depth?symbol=BCHUSDT&limit=5"),
    ]
    connects = {}
    for place, target in cases:
        place.followed(target)
    began = monotonic()
    for place, _ in cases:
        connects[place.url] = place.exchange.connects
        place.exchange.faults.black_hole()
    for place, target in cases:
        eventually(
            lambda p=place, t=target: p.ask(t).headers["Data-Source"] == "upstream",
            within_s=ALIVE_S + 4,  # after quiet_s it would be checked in any case, at 10
        )
        with place.frozen():  # what REST said a moment ago is kept for a second
            eventually(
                lambda p=place, t=target: p.ask(t).json()["bids"] == json.loads(p.truth(t))["bids"]
            )
    patience_s = ALIVE_S / 2 + PONG_S + 1
    eventually(lambda: monotonic() - began > patience_s)
    for place, _ in cases:
        place.exchange.faults.black_hole(False)
    for place, target in cases:
        before = connects[place.url]
        eventually(lambda p=place, n=before: p.exchange.connects > n, within_s=20)
        place.followed(target)


def test_b13_a_candle_made_by_us_says_so_and_is_written_as_binance_writes_it(spot):
    target = "/api/v3/klines?symbol=BTCTRY&interval=1m&limit=3"
    spot.followed(target)
    with spot.frozen():
        opened_ms = spot.step_past_close(after_ms=60)
        answers: list[requests.Response] = []

        def is_made_by_us() -> bool:
            answers.append(spot.ask(target))
            return "Data-Synthetic" in answers[-1].headers

        eventually(is_made_by_us)
    answer = answers[-1]
    price, start_ms = answer.json()[-2][4], opened_ms + MINUTE_MS
    assert answer.headers["Data-Synthetic"] == "1"
    assert answer.json()[-1] == [
        start_ms, price, price, price, price, "0.00000000", start_ms + MINUTE_MS - 1,
        "0.00000000", 0, "0.00000000", "0.00000000", "0",
    ]  # fmt: skip


def test_b13_no_candle_is_made_from_one_that_is_many_intervals_old(spot):
    target = "/api/v3/klines?symbol=SOLBTC&interval=1m&limit=8"
    spot.followed(target)
    spot.exchange.faults.silence("solbtc@kline_1m")
    before_ms = spot.exchange.now_ms
    spot.step_past_close(after_ms=4 * MINUTE_MS)

    def is_right() -> bool:
        answer = spot.ask(target)
        if "Data-Synthetic" in answer.headers:  # the proxy has not heard yet what time it is
            assert answer.json()[-1][0] <= before_ms
        return answer.json()[:-1] == json.loads(spot.truth(target))[:-1]

    eventually(is_right)


HTML = b"<html><body>502 Bad Gateway</body></html>"
FAILURES = {
    "418": RestFault(
        "/api/v3/exchangeInfo",
        status=418,
        body=b'{"code":-1003,"msg":"Way too much request weight used; IP banned."}',
        headers={"Retry-After": "1"},
    ),
    "503": RestFault("/api/v3/exchangeInfo", status=503, body=b'{"code":-1000,"msg":"down"}'),
    "200 with HTML": RestFault("/api/v3/exchangeInfo", status=200, body=HTML),
    "200 with {}": RestFault("/api/v3/exchangeInfo", status=200, body=b"{}"),
    "no reply": RestFault("/api/v3/exchangeInfo", ending=Ending.CLOSE),
}


@pytest.fixture(scope="module")
def eager():
    """Serve spot, with an exchangeInfo that is fetched many times a second; the first one fails."""
    with Simulator("spot") as exchange:
        exchange.faults.break_rest(FAILURES["503"])
        options = {
            **upstream_of(exchange, exchange),
            "BPX_FRESH_EXCHANGE_INFO": "200ms",
            "BPX_RATE_SPOT_RPS": "1000",
            "BPX_RECOVERY_BASE_DELAY": "100ms",
        }
        with running_proxy("spot", options) as proxy:
            yield Place(exchange, proxy.url)


def test_b14_an_error_is_no_exchange_info_at_the_start(eager):
    assert (eager.ask("/api/v3/exchangeInfo").status_code) == 503
    eager.exchange.faults.clear()
    eventually(
        lambda: eager.ask("/api/v3/exchangeInfo").headers["Data-Source"] == "cache", within_s=20
    )
    assert len(eager.ask("/api/v3/exchangeInfo").json()["symbols"]) > 30


@pytest.mark.parametrize("failure", FAILURES)
def test_b14_an_error_never_takes_the_place_of_the_exchange_info(eager, failure):
    eager.exchange.faults.clear()
    eager.exchange.requests.clear()
    eager.exchange.faults.break_rest(FAILURES[failure], times=2)
    eventually(lambda: len(eager.asked_for("/api/v3/exchangeInfo")) >= 2, within_s=20)
    answer = eager.ask("/api/v3/exchangeInfo")
    assert (answer.status_code, answer.headers["Data-Source"]) == (200, "cache")
    assert len(answer.json()["symbols"]) > 30
    eager.exchange.faults.clear()
    asked = len(eager.asked_for("/api/v3/exchangeInfo"))
    eventually(lambda: len(eager.asked_for("/api/v3/exchangeInfo")) > asked, within_s=20)


@pytest.mark.parametrize(
    ("market", "target"),
    [
        ("spot", "/api/v3/exchangeInfo"),
        ("spot", "/api/v3/exchangeInfo?symbol=BTCUSDT"),
        ("spot", "/api/v3/exchangeInfo?symbols=%5B%22ETHBTC%22,%22BTCUSDT%22%5D"),
        ("spot", "/api/v3/exchangeInfo?permissions=MARGIN"),
        ("spot", "/api/v3/exchangeInfo?symbolStatus=BREAK"),
        ("spot", "/api/v3/exchangeInfo?symbol=NOSUCH"),
        ("spot", "/api/v3/exchangeInfo?symbol=BTCUSDT&permissions=SPOT"),
        ("futures", "/fapi/v1/exchangeInfo"),
    ],
)
def test_b15_exchange_info_heeds_its_parameters(request, market, target):
    place = request.getfixturevalue(market)
    ours, true = place.ask(target).content, place.truth(target)
    assert without_time(ours) == without_time(true)


def test_b15_exchange_info_is_compressed_for_whoever_accepts_it(spot):
    plain = spot.ask("/api/v3/exchangeInfo", headers={"Accept-Encoding": "identity"})
    packed = spot.ask("/api/v3/exchangeInfo", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) * 4 < int(plain.headers["Content-Length"])
    assert without_time(packed.content) == without_time(plain.content)


def without_time(body: bytes) -> bytes:
    return re.sub(rb'"serverTime":\d+', b"", body)


@pytest.mark.parametrize(
    ("market", "method", "target"),
    [
        ("spot", "GET", "/fapi/v1/klines?symbol=BTCUSDT&interval=1m"),
        ("spot", "GET", "/fapi/v1/exchangeInfo"),
        ("futures", "GET", "/api/v3/klines?symbol=BTCUSDT&interval=1m"),
        ("futures", "GET", "/api/v3/ticker/24hr?symbol=BTCUSDT"),
        ("spot", "POST", "/api/v3/klines?symbol=BTCUSDT&interval=1m"),
        ("spot", "DELETE", "/api/v3/depth?symbol=BTCUSDT&limit=5"),
        ("futures", "PUT", "/fapi/v1/exchangeInfo"),
        ("spot", "GET", "/api/v3/klines/?symbol=BTCUSDT&interval=1m"),
    ],
)
def test_b16_the_other_markets_path_and_a_wrong_method_get_what_binance_says(
    request, market, method, target
):
    place = request.getfixturevalue(market)
    place.exchange.requests.clear()
    ours = place.ask(target, method)
    assert [(row.method, row.target) for row in place.forwarded()] == [(method, target)]
    real = place.directly(target, method)
    assert real.status_code == 404
    assert (ours.status_code, ours.content) == (real.status_code, real.content)
