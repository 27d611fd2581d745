"""What the options of recovery, of the cache of replies and of several hosts do."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from requests import Response

from bpx.simulator.faults import RestFault
from tests.faults.exchange import RawExchange, reply
from tests.faults.place import limited
from tests.faults.stage import Stage, staged
from tests.proxy import running_proxy
from tests.upstream.wire_server import Delivered
from tests.waiting import eventually

READ = "/api/v3/account?signature=ab&n="  # a read that is never tried again
TICKERS = [
    ("spot", "/api/v3/ticker/24hr"),
    ("spot", "/api/v3/ticker/price"),
    ("spot", "/api/v3/ticker/bookTicker"),
    ("futures", "/fapi/v1/ticker/24hr"),
    ("futures", "/fapi/v1/ticker/price"),
    ("futures", "/fapi/v2/ticker/price"),
    ("futures", "/fapi/v1/ticker/bookTicker"),
    ("futures", "/fapi/v1/fundingInfo"),
]
KEPT_S = 1.0
BODY = b'[{"symbol":"BTCUSDT","price":"1.00"}]'


def asked_twice(stage: Stage, market: str, target: str) -> tuple[Response, Response]:
    """Ask, and once more while the answer is kept; all again if we were held up for longer."""
    for _ in range(9):
        stage.exchange.hits.clear()
        began = monotonic()
        first, second = (getattr(stage, market).ask(target).reply for _ in range(2))
        if monotonic() - began < KEPT_S:
            return first, second
        over = monotonic() + KEPT_S
        eventually(lambda over=over: monotonic() > over)
    raise AssertionError("we are held up all the time")


@pytest.mark.parametrize(("market", "target"), TICKERS)
def test_what_no_stream_carries_is_kept_and_says_so(stage: Stage, market: str, target: str):
    stage.exchange.talk = lambda hit: reply(BODY)
    ask = getattr(stage, market).ask
    first, second = asked_twice(stage, market, target)
    assert first.headers["Data-Source"] == "upstream"
    assert second.headers["Data-Source"] == "cache"
    assert 0 <= int(second.headers["Data-Age-Ms"]) < 1000
    assert "X-MBX-USED-WEIGHT-1M" not in second.headers
    assert first.content == second.content == BODY
    assert len(stage.exchange.hits) == 1
    assert ask(f"{target}?symbol=OLDUSDT").reply.headers["Data-Source"] == "upstream"
    assert ask(f"{target}?symbols=%5B%22OLDUSDT%22%5D").reply.headers["Data-Source"] == "upstream"


def test_a_second_later_the_tickers_are_asked_for_again(stage: Stage):
    stage.exchange.talk = lambda hit: reply(BODY)
    target = "/api/v3/ticker/price?later"
    ages, began = list[int](), monotonic()
    stage.spot.ask(target)

    def is_asked_again() -> bool:
        headers = stage.spot.ask(target).reply.headers
        ages.append(int(headers.get("Data-Age-Ms", 0)))
        return headers["Data-Source"] == "upstream"

    eventually(is_asked_again)
    assert monotonic() - began >= KEPT_S
    assert max(ages) <= 1000 * KEPT_S


def test_a_large_reply_that_is_kept_comes_back_as_it_was(stage: Stage):
    body = b"[" + b",".join(b'{"symbol":"S%d","price":"1.0"}' % n for n in range(60_000)) + b"]"
    stage.exchange.talk = lambda hit: reply(body)
    answers = asked_twice(stage, "spot", "/api/v3/ticker/price?large")
    assert [one.headers["Data-Source"] for one in answers] == ["upstream", "cache"]
    assert [one.content for one in answers] == [body] * 2


def test_with_the_option_off_nothing_is_kept_but_refusals():
    with staged({"BPX_CACHE_REPLY_TTL": "off"}) as stage:
        stage.exchange.talk = lambda hit: reply(BODY)
        for market, target in TICKERS:
            for _ in range(2):
                headers = getattr(stage, market).ask(target).reply.headers
                assert headers["Data-Source"] == "upstream"
        stage.exchange.talk = lambda hit: reply(b'{"code":-1121,"msg":"Invalid symbol."}', 400)
        answers = [stage.spot.ask("/api/v3/trades?symbol=NOSUCH").reply for _ in range(2)]
        assert [one.headers["Data-Source"] for one in answers] == ["upstream", "cache"]


@pytest.mark.parametrize("max_retries", ["0", "2"])
def test_a_feeds_question_is_asked_again_as_often_as_the_option_says(max_retries: str):
    overloaded = b'{"code":-1008,"msg":"Server is currently overloaded."}'
    env = {"BPX_RECOVERY_MAX_RETRIES": max_retries, "BPX_RECOVERY_BASE_DELAY": "20ms"}
    with limited(env) as here:
        here.exchange.faults.break_rest(RestFault("/api/v3/klines", status=503, body=overloaded))
        one = here.bots.ask("/api/v3/klines?symbol=ETHUSDT&interval=1h&limit=5")
        assert (one.status, one.reply.content) == (503, overloaded), "Binance's own words"
        assert one.reply.headers["Data-Source"] == "upstream"
        assert len(here.place.asked_for("/api/v3/klines")) == 1 + int(max_retries)


def listings_in(seconds: float, least: int, env: dict[str, str]) -> int:
    """Return how often exchangeInfo is asked for in vain until so long after the first time.

    Args:
        seconds: since the first time.
        least: how often it is waited for in any case.
        env: options.
    """

    class Failing(RawExchange):
        def _answer(self, request: Delivered) -> bytes:
            self.listings += 1
            return reply(b"{}", 503)

    with Failing() as exchange:
        urls = {"BPX_UPSTREAM_SPOT_REST": exchange.url, "BPX_UPSTREAM_SPOT_WS": "ws://127.0.0.1:1"}
        with running_proxy("spot", urls | env):
            eventually(lambda: exchange.listings > 0)
            until = monotonic() + seconds
            eventually(
                lambda: monotonic() > until and exchange.listings >= least, within_s=seconds + 10
            )
            return exchange.listings


def test_the_delays_rule_how_soon_exchange_info_is_asked_for_again():
    base, most = "BPX_RECOVERY_BASE_DELAY", "BPX_RECOVERY_MAX_DELAY"
    # What is to come often is waited for: with waits that double there are some 40 in 10 s.
    delays = [(1.0, 60, "40ms", "40ms"), (2.0, 10, "40ms", "60s"), (1.0, 1, "30s", "60s")]
    with ThreadPoolExecutor(3) as pool:
        often, less, seldom = pool.map(
            lambda row: listings_in(row[0], row[1], {base: row[2], most: row[3]}), delays
        )
    assert seldom <= 6 < 10 <= less <= 45 < 60 <= often


@pytest.mark.parametrize(("threshold", "sent"), [("3", 3), ("10", 10)])
def test_the_threshold_says_how_many_failures_open_a_breaker(threshold: str, sent: int):
    env = {
        "BPX_RECOVERY_ENABLE_CIRCUIT_BREAKER": "true",
        "BPX_RECOVERY_FAILURE_THRESHOLD": threshold,
    }
    with staged(env) as stage:
        assert answered_by_binance(stage) == sent


def test_without_the_option_no_breaker_opens(stage: Stage):
    assert answered_by_binance(stage) == 30


def answered_by_binance(stage: Stage) -> int:
    """Ask what always fails; return how often Binance was asked."""
    stage.exchange.talk = lambda hit: reply(b"{}", 503)
    for number in range(30):
        assert stage.spot.ask(f"{READ}{number}").status == 503
    return len(stage.exchange.hits)
