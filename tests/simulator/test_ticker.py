"""Tickers are recounts of the trades of their window."""

from decimal import ROUND_HALF_UP, Decimal

import pytest

from tests.simulator.market_access import exchange, get, of, run
from tests.simulator.test_candles import all_trades

DAY_MS = 86_400_000
SPOT_FIELDS = {
    "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice",
    "x": "prevClosePrice", "c": "lastPrice", "Q": "lastQty", "b": "bidPrice", "B": "bidQty",
    "a": "askPrice", "A": "askQty", "o": "openPrice", "h": "highPrice", "l": "lowPrice",
    "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime", "F": "firstId",
    "L": "lastId", "n": "count",
}  # fmt: skip
FUTURES_FIELDS = {key: SPOT_FIELDS[key] for key in "pPwcQohlvqOCFLn"}


def test_the_24_hour_ticker_is_a_recount_of_its_trades():
    venue = exchange("spot")
    run(venue, 500_000)
    trades = all_trades(venue, "NKNUSDT")
    body = get(venue, "ticker/24hr?symbol=NKNUSDT")
    open_ms = venue.now_ms - DAY_MS
    inside = [t for t in trades if open_ms <= t["time"] <= venue.now_ms]
    before = [t for t in trades if t["time"] < open_ms]
    prices = [Decimal(t["price"]) for t in inside]
    volume = sum(Decimal(t["qty"]) for t in inside)
    quote = sum(Decimal(t["quoteQty"]) for t in inside)
    change = prices[-1] - prices[0]
    percent = (change / prices[0] * 100).quantize(Decimal("0.001"), ROUND_HALF_UP)
    average = (quote / volume).quantize(Decimal("1e-8"), ROUND_HALF_UP)
    assert body["openTime"] == open_ms
    assert body["closeTime"] == venue.now_ms
    assert body["prevClosePrice"] == before[-1]["price"]
    assert body["lastQty"] == inside[-1]["qty"]
    assert (body["firstId"], body["lastId"]) == (inside[0]["id"], inside[-1]["id"])
    assert body["count"] == len(inside)
    wanted = [change, percent, average, prices[0], max(prices), min(prices), volume, quote]
    names = [SPOT_FIELDS[key] for key in "pPwohlvq"]
    assert [Decimal(body[name]) for name in names] == wanted


@pytest.mark.parametrize(
    ("market", "symbol", "fields"),
    [
        ("spot", "SOLUSDT", SPOT_FIELDS),
        ("spot", "BELUSDT", SPOT_FIELDS),
        ("futures", "BTCUSDT", FUTURES_FIELDS),
        ("futures", "AKROUSDT", FUTURES_FIELDS),
    ],
)
def test_stream_tickers_are_the_rest_bodies_of_their_instant(market, symbol, fields):
    venue = exchange(market)
    stream = f"{symbol.lower()}@ticker"
    venue.subscribe(stream)
    frames = of(run(venue, 200_000), stream)
    assert frames
    for at_ms, frame in frames:
        body = get(venue, f"ticker/24hr?symbol={symbol}", as_of_ms=at_ms)
        assert {name: frame[key] for key, name in fields.items()} == {
            name: value for name, value in body.items() if name != "symbol"
        }


def test_a_futures_day_opens_on_a_minute():
    venue = exchange("futures")
    run(venue, 12_345)
    body = get(venue, "ticker/24hr?symbol=ETHUSDT")
    opened = venue.now_ms - DAY_MS
    assert body["openTime"] == opened - opened % 60_000


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_mini_tickers_agree_with_the_full_ones(market):
    venue = exchange(market)
    venue.subscribe("ltcusdt@miniTicker")
    frames = of(run(venue, 60_000), "ltcusdt@miniTicker")
    assert frames
    for at_ms, frame in frames:
        body = get(venue, "ticker/24hr?symbol=LTCUSDT", as_of_ms=at_ms)
        names = ("lastPrice", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume")
        assert [frame[key] for key in "cohlvq"] == [body[name] for name in names]


def test_a_trading_day_is_the_candle_of_the_day():
    venue = exchange("spot")
    run(venue, 5_000)
    body = get(venue, "ticker/tradingDay?symbol=UNIUSDT")
    (row,) = get(venue, "klines?symbol=UNIUSDT&interval=1d&limit=1")
    names = "openTime openPrice highPrice lowPrice lastPrice volume closeTime quoteVolume count"
    assert [body[name] for name in names.split()] == row[:9]


def test_array_streams_hold_only_what_changed():
    venue = exchange("futures")
    venue.subscribe("!miniTicker@arr")
    frames = of(run(venue, 10_000), "!miniTicker@arr")
    assert frames
    assert all(0 < len(rows) < 24 for _, rows in frames)
    for at_ms, rows in frames:
        row = rows[0]
        body = get(venue, f"ticker/24hr?symbol={row['s']}", as_of_ms=at_ms)
        assert row["c"] == body["lastPrice"]


def test_a_symbol_that_is_not_trading_keeps_its_last_price_and_nothing_else():
    body = get(exchange("spot"), "ticker/24hr?symbol=BCCUSDT")
    assert (body["count"], body["firstId"], body["openPrice"]) == (0, -1, "0.00000000")
    assert body["lastPrice"] == body["prevClosePrice"] != "0.00000000"
