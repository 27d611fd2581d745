"""Bugs of other proxies that hang, crash or leak: B20 to B27, by their numbers."""

import json
import os
import signal
import threading
from time import monotonic

import pytest
import requests

from bpx.simulator.faults import RestFault
from bpx.simulator.simulator import Simulator
from tests.peers.place import Place, upstream_of
from tests.proxy import free_port, running_proxy
from tests.waiting import eventually

AT_ONCE_S = 3.0  # where other tests run, too: who waits for a stream or a host waits for longer


@pytest.mark.parametrize(
    ("market", "target"),
    [
        ("spot", "/api/v3/klines?symbol=NOSUCH&interval=1m"),
        ("spot", "/api/v3/depth?symbol=NOSUCH&limit=5"),
        ("spot", "/api/v3/ticker/24hr?symbol=NOSUCH"),
        ("futures", "/fapi/v1/depth?symbol=NOSUCH&limit=5"),
        ("futures", "/fapi/v1/ticker/24hr?symbol=NOSUCH"),
    ],
)
def test_b20_an_unknown_symbol_is_refused_at_once_and_nothing_is_started(request, market, target):
    place = request.getfixturevalue(market)
    place.exchange.requests.clear()
    place.exchange.control_messages.clear()
    answers = [place.ask(target) for _ in range(5)]
    assert min(answer.elapsed.total_seconds() for answer in answers) < AT_ONCE_S
    assert {answer.status_code for answer in answers} == {400}
    assert {answer.content for answer in answers} == {b'{"code":-1121,"msg":"Invalid symbol."}'}
    # Of what the proxy does meanwhile for others nothing is said here.
    told = [*(row.target for row in place.exchange.requests), *place.exchange.control_messages]
    assert [text for text in told if "nosuch" in text.lower()] == []
    assert place.forwarded() == []
    assert place.directly(target).content == answers[0].content


def test_b20_an_unknown_symbol_of_futures_klines_is_asked_for_once(futures):
    # COIN-M symbols have klines there, and are not in exchangeInfo.
    target = "/fapi/v1/klines?symbol=NOSUCH&interval=1m"
    futures.exchange.requests.clear()
    answers = [futures.ask(target) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {400}
    assert {answer.json()["code"] for answer in answers} == {-1121}
    assert [row.target for row in futures.forwarded()] == [target]
    assert not any("nosuch" in stream for stream in futures.subscribed())


@pytest.mark.parametrize(
    ("market", "target"),
    [
        ("spot", "/api/v3/klines?symbol=BTCUSDT&interval=7m"),
        ("spot", "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=ten"),
        ("spot", "/api/v3/klines?symbol=BTCUSDT"),
        ("spot", "/api/v3/klines?interval=1m"),
        ("spot", "/api/v3/klines?symbol=BTCUSDT&symbol=ETHUSDT&interval=1m"),
        ("spot", "/api/v3/klines?symbol=BTCUSDT&interval=1m&color=red"),
        ("futures", "/fapi/v1/klines?symbol=BTCUSDT&interval=1s"),
        ("futures", "/fapi/v1/klines?symbol=BTCUSDT&interval="),
        ("spot", "/api/v3/depth?limit=5"),
    ],
)
def test_b20_a_request_that_makes_no_sense_gets_binances_own_answer(request, market, target):
    place = request.getfixturevalue(market)
    began = monotonic()
    ours = place.ask(target)
    assert monotonic() - began < AT_ONCE_S
    real = place.directly(target)
    assert (ours.status_code, ours.content) == (real.status_code, real.content)


@pytest.mark.parametrize(
    ("market", "target"),
    [
        ("spot", "/api/v3/klines?symbol=BCCUSDT&interval=1m&limit=2"),
        ("spot", "/api/v3/depth?symbol=BCCUSDT&limit=5"),
        ("futures", "/fapi/v1/klines?symbol=SRMUSDT&interval=1h&limit=2"),
    ],
)
def test_b20_a_symbol_that_does_not_trade_is_answered_and_not_followed(request, market, target):
    place = request.getfixturevalue(market)
    ours, real = place.ask(target), place.directly(target)
    assert ours.elapsed.total_seconds() < AT_ONCE_S
    assert (ours.status_code, ours.json()) == (real.status_code, real.json())
    assert not {name for name in place.subscribed() if name.startswith(("bccusdt", "srmusdt"))}


@pytest.mark.parametrize(
    ("market", "target", "streams"),
    [
        ("spot", "/api/v3/klines?symbol=BELUSDT&interval=1w&limit=3", "belusdt@*"),
        ("spot", "/api/v3/depth?symbol=BELUSDT&limit=20", "belusdt@*"),
        ("spot", "/api/v3/ticker/24hr?symbol=BELUSDT", "belusdt@*"),
        ("futures", "/fapi/v1/klines?symbol=SUSHIUSDT&interval=1d&limit=3", "sushiusdt@*"),
    ],
)
def test_b20_nobody_waits_for_a_stream_that_says_nothing(request, market, target, streams):
    place = request.getfixturevalue(market)
    place.exchange.faults.silence(streams)
    for _ in range(3):
        answer = place.ask(target)
        assert (answer.status_code, answer.elapsed.total_seconds() < AT_ONCE_S) == (200, True)
        assert len(answer.json()) >= 3


def test_b21_lower_case_gets_binances_error_and_is_not_retried(spot):
    spot.exchange.requests.clear()
    for target in (
        "/api/v3/klines?symbol=btcusdt&interval=1m&limit=5",
        "/api/v3/ticker/24hr?symbol=btcusdt",
        "/api/v3/depth?symbol=btcusdt&limit=5",
    ):
        answers = [spot.ask(target) for _ in range(5)]
        assert len(spot.asked_for(target)) <= 1
        real = spot.directly(target)
        assert real.json()["code"] == -1100
        assert {(one.status_code, one.content) for one in answers} == {(400, real.content)}


def test_b22_candles_of_one_second_are_kept_like_any(spot):
    target = "/api/v3/klines?symbol=UNIUSDT&interval=1s&limit=50"
    spot.followed(target)

    def is_kept() -> bool:
        spot.exchange.requests.clear()
        spot.exchange.control_messages.clear()
        began = monotonic()
        eventually(lambda: monotonic() - began > 2.2)  # longer than two intervals
        answers = [spot.ask(target) for _ in range(5)]
        assert {len(answer.json()) for answer in answers} == {50}
        assert not [text for text in spot.exchange.control_messages if "uniusdt" in text]
        is_streamed = {answer.headers["Data-Source"] for answer in answers} == {"websocket"}
        return is_streamed and spot.asked_for("/api/v3/klines?symbol=UNIUSDT") == []

    # Where the exchange is held up for a second, a candle is asked for.
    eventually(is_kept, within_s=20)


def test_b23_an_empty_history_crashes_nothing(spot, futures):
    cases = [(spot, "/api/v3", "FILUSDT"), (futures, "/fapi/v1", "ARBUSDT")]
    for place, path, symbol in cases:
        target = f"{path}/klines?symbol={symbol}&interval=1m&limit=5"
        empty = RestFault(f"{path}/klines?symbol={symbol}", status=200, body=b"[]")
        place.exchange.faults.break_rest(empty)
        assert place.ask(target).json() == []
        place.exchange.step(3_000)
        assert place.ask(target).status_code == 200
        place.exchange.drop_connections()
        assert place.ask(target).status_code == 200
        place.exchange.faults.clear()
        assert place.ask(f"{path}/klines?symbol={symbol}&interval=3m&limit=5").status_code == 200


def test_b24_every_request_around_a_reconnect_is_answered(spot):
    target = "/api/v3/ticker/24hr?symbol=LINKUSDT"
    spot.followed(target)
    for _ in range(5):
        before = spot.exchange.connects
        spot.exchange.drop_connections()
        began = monotonic()
        while spot.exchange.connects == before or monotonic() - began < 0.2:
            assert list(spot.ask(target).json())[:2] == ["symbol", "priceChange"]
            assert monotonic() - began < 20


def test_b25_the_ports_are_open_while_the_exchange_is_down_and_all_recovers_by_itself():
    spot_port, futures_port = free_port(), free_port()
    options = {
        "BPX_UPSTREAM_SPOT_REST": f"http://127.0.0.1:{spot_port}",
        "BPX_UPSTREAM_SPOT_WS": f"ws://127.0.0.1:{spot_port}",
        "BPX_UPSTREAM_FUTURES_REST": f"http://127.0.0.1:{futures_port}",
        "BPX_UPSTREAM_FUTURES_WS": f"ws://127.0.0.1:{futures_port}",
        "BPX_FRESH_EXCHANGE_INFO": "1s",
    }
    targets = [
        "/api/v3/klines?symbol=BTCUSDT&interval=1m",
        "/api/v3/depth?symbol=BTCUSDT&limit=5",
        "/api/v3/ticker/24hr?symbol=BTCUSDT",
        "/api/v3/exchangeInfo",
        "/api/v3/time",
    ]
    futures_targets = ["/fapi/v1/exchangeInfo", "/fapi/v1/klines?symbol=BTCUSDT&interval=1m"]
    with running_proxy("both", options) as proxy:
        urls = [proxy.urls[0] + target for target in targets]
        urls += [proxy.urls[1] + target for target in futures_targets]
        for url in urls:
            refused = requests.get(url, timeout=20)
            assert refused.elapsed.total_seconds() < AT_ONCE_S
            assert (refused.status_code, refused.json()["code"]) == (503, -1001)
            assert refused.headers["Data-Source"] == "proxy"
            assert int(refused.headers["Retry-After"]) >= 1
        with Simulator("spot", port=spot_port), Simulator("futures", port=futures_port):
            for url in urls:
                eventually(
                    lambda u=url: requests.get(u, timeout=20).status_code == 200, within_s=20
                )
            for url in (urls[0], urls[-1]):
                eventually(
                    lambda u=url: requests.get(u, timeout=20).headers["Data-Source"] == "websocket",
                    within_s=20,
                )


@pytest.mark.parametrize(
    ("market", "target"),
    [
        ("spot", "/api/v3/depth?symbol=BTCUSDT&limit=-5"),
        ("spot", "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=-5"),
        ("futures", "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=-5"),
        ("spot", "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=0"),
        ("spot", "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=99999999999999999999"),
    ],
)
def test_b26_an_absurd_limit_gets_binances_answer(request, market, target):
    place = request.getfixturevalue(market)
    ours, real = place.ask(target), place.directly(target)
    assert ours.status_code == real.status_code
    if real.status_code != 200:
        assert ours.content == real.content
    else:
        assert len(ours.json()) == len(real.json())


def test_b27_a_hangup_does_not_end_it_and_a_request_in_flight_ends_before_it_does():
    with Simulator("spot") as exchange:
        with running_proxy("spot", upstream_of(exchange, exchange)) as proxy:
            place = Place(exchange, proxy.url)
            os.kill(proxy.pid, signal.SIGHUP)
            # What waits to be accepted by the worker that leaves is lost with it.
            eventually(lambda: "Worker exiting" in proxy.log(), within_s=15)
            eventually(lambda: answers(proxy.url), within_s=20)
            exchange.faults.break_rest(RestFault("/api/v3/time", delay_s=0.7))
            replies: list[requests.Response] = []
            asking = threading.Thread(
                target=lambda: replies.append(requests.get(place.url + "/api/v3/time", timeout=20))
            )
            asking.start()
            eventually(lambda: len(place.asked_for("/api/v3/time")) == 1)
        asking.join(20)
        assert [reply.status_code for reply in replies] == [200]
        assert json.loads(replies[0].content)["serverTime"] > 0


def answers(url: str) -> bool:
    try:
        return requests.get(url + "/api/v3/ping", timeout=20).status_code == 200
    except requests.RequestException:
        return False
