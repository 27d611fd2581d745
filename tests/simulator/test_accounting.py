"""Weight per minute, 429, 418."""

import orjson
import pytest

from bpx.simulator.exchange import Exchange
from bpx.simulator.venue import Request
from tests.simulator.market_access import START_MS, exchange, reply

MINUTE_MS = 60_000


def asked(venue, client="10.0.0.1", target="/api/v3/ping"):
    return venue.reply(Request("GET", target, client=client))


def test_used_weight_is_the_total_of_the_address_in_this_minute():
    venue = Exchange("spot", START_MS)
    reply(venue, "ping")
    headers = reply(venue, "depth?symbol=BTCUSDT&limit=5000").headers
    assert (headers["X-MBX-USED-WEIGHT-1M"], headers["X-MBX-USED-WEIGHT"]) == ("251", "251")
    assert asked(venue).headers["X-MBX-USED-WEIGHT-1M"] == "1"
    venue.advance(START_MS - START_MS % MINUTE_MS + MINUTE_MS)
    assert reply(venue, "ping").headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_over_the_limit_is_429_until_the_next_minute():
    venue = Exchange("spot", START_MS)
    venue.limits.weight_per_minute = 2
    assert [asked(venue).status for _ in range(3)] == [200, 200, 429]
    refused = asked(venue)
    assert orjson.loads(refused.body) == {
        "code": -1003,
        "msg": "Too much request weight used; current limit is 2 request weight per 1 MINUTE."
        " Please use WebSocket Streams for live updates to avoid polling the API.",
    }
    assert refused.headers["Retry-After"] == "40"
    assert refused.headers["X-MBX-USED-WEIGHT-1M"] == "4"
    venue.advance(START_MS + 40_000)
    assert asked(venue).status == 200


def test_whoever_goes_on_is_banned_for_twice_as_long_each_time():
    venue = Exchange("spot", START_MS)
    venue.limits.weight_per_minute, venue.limits.refusals_before_ban = 1, 2
    assert [asked(venue).status for _ in range(4)] == [200, 429, 429, 418]
    until_ms = START_MS + 120_000
    banned = asked(venue)
    assert orjson.loads(banned.body)["msg"] == (
        f"Way too much request weight used; IP banned until {until_ms}."
        " Please use WebSocket Streams for live updates to avoid bans."
    )
    assert banned.headers["Retry-After"] == "120"
    assert asked(venue, client="10.0.0.2").status == 200
    venue.advance(until_ms)
    assert [asked(venue).status for _ in range(4)] == [200, 429, 429, 418]
    assert asked(venue).headers["Retry-After"] == "240"


def test_futures_name_the_address():
    venue = Exchange("futures", START_MS)
    venue.limits.weight_per_minute = 0
    refused = asked(venue, target="/fapi/v1/ping")
    assert orjson.loads(refused.body)["msg"] == (
        "Too many requests; current limit of IP(10.0.0.1) is 0 requests per minute."
        " Please use the websocket for live updates to avoid polling the API."
    )


@pytest.mark.parametrize(
    ("market", "tail", "weight"),
    [
        ("spot", "exchangeInfo", 20),
        ("spot", "klines?symbol=BTCUSDT&interval=1m&limit=1000", 2),
        ("spot", "klines?symbol=NOPE&interval=1m", 2),
        ("spot", "depth?symbol=BTCUSDT", 5),
        ("spot", "depth?symbol=BTCUSDT&limit=101", 25),
        ("spot", "depth?symbol=BTCUSDT&limit=501", 50),
        ("spot", "ticker/24hr?symbol=BTCUSDT", 2),
        ("spot", "ticker/24hr?symbols=[%22BTCUSDT%22,%22ETHUSDT%22]", 2),
        ("spot", "ticker/24hr", 80),
        ("spot", "ticker?symbols=[%22BTCUSDT%22,%22ETHUSDT%22]", 8),
        ("spot", "ticker/price", 4),
        ("spot", "trades?symbol=BTCUSDT", 25),
        ("spot", "aggTrades?symbol=BTCUSDT", 4),
        ("spot", "unknown", 1),
        ("futures", "klines?symbol=BTCUSDT&interval=1m", 5),
        ("futures", "klines?symbol=BTCUSDT&interval=1m&limit=499", 2),
        ("futures", "klines?symbol=BTCUSDT&interval=1m&limit=1500", 10),
        ("futures", "depth?symbol=BTCUSDT&limit=20", 2),
        ("futures", "depth?symbol=BTCUSDT&limit=1000", 20),
        ("futures", "depth?symbol=BTCUSDT", 1),
        ("futures", "ticker/24hr?symbol=BTCUSDT", 1),
        ("futures", "ticker/24hr", 40),
        ("futures", "premiumIndex", 10),
        ("futures", "ticker/bookTicker", 5),
    ],
)
def test_requests_weigh_what_binance_says(market, tail, weight):
    venue = exchange(market)
    assert reply(venue, tail).headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_funding_has_a_pool_of_its_own_and_no_weight_header():
    venue = exchange("futures")
    venue.limits.funding_requests_per_5m = 2
    replies = [reply(venue, "fundingInfo") for _ in range(3)]
    assert [one.status for one in replies] == [200, 200, 429]
    assert "X-MBX-USED-WEIGHT-1M" not in replies[0].headers
