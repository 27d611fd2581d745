"""A bot cannot tell the proxy from the exchange: what it asks, and what it gets."""

import json
from functools import partial
from typing import Any

import pytest

from bpx.simulator.simulator import Simulator
from tests.clients.bot import Bot
from tests.clients.world import World
from tests.waiting import eventually

SYMBOLS = {"spot": "BTC/USDT", "futures": "BTC/USDT:USDT"}
TOGETHER = {"spot": ["BTC/USDT", "ETH/USDT"], "futures": ["BTC/USDT:USDT", "ETH/USDT:USDT"]}
PATHS = {"spot": "/api/v3", "futures": "/fapi/v1"}
SINCE_MS = 1_795_000_000_000
UNTIL_MS = 1_795_003_600_000

# What is answered from a cache: a method of ccxt, and its arguments after the symbol.
CACHED: list[tuple[str, tuple[Any, ...]]] = [
    ("fetch_ohlcv", ()),
    ("fetch_ohlcv", ("1m", None, 1)),
    ("fetch_ohlcv", ("1m", None, 499)),
    ("fetch_ohlcv", ("1m", None, 1500)),  # ccxt asks for no more than 1000
    ("fetch_ohlcv", ("5m",)),
    ("fetch_ohlcv", ("1h", None, 1000)),
    ("fetch_ohlcv", ("1d", None, 30)),
    ("fetch_ohlcv", ("1w", None, 5)),
    ("fetch_order_book", (5,)),
    ("fetch_order_book", (20,)),
    ("fetch_ticker", ()),
]

# What is forwarded: a method, its arguments, and what ccxt asks the exchange for, literally.
BTC, SEVERAL = object(), object()
FORWARDED: dict[str, list[tuple[str, tuple[Any, ...], str]]] = {
    "spot": [
        ("fetch_time", (), "/api/v3/time"),
        ("fetch_status", (), "/sapi/v1/system/status"),
        (
            "fetch_ohlcv",
            (BTC, "1m", SINCE_MS),
            f"/api/v3/klines?interval=1m&limit=500&symbol=BTCUSDT&startTime={SINCE_MS}",
        ),
        (
            "fetch_ohlcv",
            (BTC, "5m", None, 10, {"until": UNTIL_MS}),
            f"/api/v3/klines?interval=5m&limit=10&symbol=BTCUSDT&endTime={UNTIL_MS}",
        ),
        (
            "fetch_ohlcv",
            (BTC, "15m", SINCE_MS, None, {"until": UNTIL_MS}),
            "/api/v3/klines?interval=15m&limit=1000&symbol=BTCUSDT"
            f"&startTime={SINCE_MS}&endTime={UNTIL_MS}",
        ),
        (
            "fetch_ohlcv",
            (BTC, "1d", None, 3, {"timeZone": "+2"}),
            "/api/v3/klines?interval=1d&limit=3&symbol=BTCUSDT&timeZone=%2B2",
        ),
        ("fetch_order_book", (BTC,), "/api/v3/depth?symbol=BTCUSDT"),
        ("fetch_order_book", (BTC, 100), "/api/v3/depth?symbol=BTCUSDT&limit=100"),
        ("fetch_order_book", (BTC, 5000), "/api/v3/depth?symbol=BTCUSDT&limit=5000"),
        ("fetch_tickers", (), "/api/v3/ticker/24hr"),
        (
            "fetch_tickers",
            (SEVERAL,),
            "/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D",
        ),
        ("fetch_bids_asks", (), "/api/v3/ticker/bookTicker"),
        (
            "fetch_bids_asks",
            (SEVERAL,),
            "/api/v3/ticker/bookTicker?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D",
        ),
        ("fetch_last_prices", (), "/api/v3/ticker/price"),
        ("fetch_trades", (BTC, None, 10), "/api/v3/aggTrades?symbol=BTCUSDT&limit=10"),
    ],
    "futures": [
        ("fetch_time", (), "/fapi/v1/time"),
        (
            "fetch_ohlcv",
            (BTC, "1m", SINCE_MS),
            f"/fapi/v1/klines?interval=1m&limit=500&symbol=BTCUSDT&startTime={SINCE_MS}",
        ),
        (
            "fetch_ohlcv",
            (BTC, "5m", None, 10, {"until": UNTIL_MS}),
            f"/fapi/v1/klines?interval=5m&limit=10&symbol=BTCUSDT&endTime={UNTIL_MS}",
        ),
        ("fetch_order_book", (BTC,), "/fapi/v1/depth?symbol=BTCUSDT"),
        ("fetch_order_book", (BTC, 100), "/fapi/v1/depth?symbol=BTCUSDT&limit=100"),
        ("fetch_tickers", (), "/fapi/v1/ticker/24hr"),
        ("fetch_tickers", (SEVERAL,), "/fapi/v1/ticker/24hr"),
        ("fetch_bids_asks", (), "/fapi/v1/ticker/bookTicker"),
        ("fetch_last_prices", (), "/fapi/v2/ticker/price"),
        ("fetch_trades", (BTC, None, 10), "/fapi/v1/aggTrades?symbol=BTCUSDT&limit=10"),
        (
            "fetch_mark_ohlcv",
            (BTC, "1h"),
            "/fapi/v1/markPriceKlines?interval=1h&limit=500&symbol=BTCUSDT",
        ),
        ("fetch_funding_rate", (BTC,), "/fapi/v1/premiumIndex?symbol=BTCUSDT"),
        ("fetch_funding_rates", (), "/fapi/v1/premiumIndex"),
        ("fetch_funding_intervals", (), "/fapi/v1/fundingInfo"),
        ("fetch_funding_rate_history", (BTC,), "/fapi/v1/fundingRate?symbol=BTCUSDT"),
        ("fetch_open_interest", (BTC,), "/fapi/v1/openInterest?symbol=BTCUSDT"),
    ],
}


def meant(market: str, arguments: tuple[Any, ...]) -> list[Any]:
    """Put a market's own symbols in."""
    symbols = {BTC: SYMBOLS[market], SEVERAL: TOGETHER[market]}
    return [symbols.get(one, one) if type(one) is object else one for one in arguments]


def test_what_is_forwarded_arrives_as_ccxt_wrote_it_and_comes_back_as_the_exchange_said_it(
    world: World, bot: Bot, direct: Bot
) -> None:
    for call, arguments, target in FORWARDED[bot.market]:
        asked = meant(bot.market, arguments)
        world.forget()
        with world.standing_still():
            answer = bot.ask(call, *asked)
            assert (world.asked(bot.market), bot.source) == ([target], "upstream"), call
            assert answer == direct.ask(call, *asked), call


def test_what_is_asked_again_comes_from_the_streams_and_asks_the_exchange_nothing(
    world: World, bot: Bot
) -> None:
    def is_followed(call: str, arguments: tuple[Any, ...]) -> bool:
        bot.ask(call, SYMBOLS[bot.market], *arguments)
        return bot.source == "websocket"

    def asks_nothing() -> bool:
        """Whether the exchange is asked nothing, as it may be where a candle ends meanwhile."""
        world.forget()
        for call, arguments in CACHED:
            if not is_followed(call, arguments):
                return False
            assert int(bot.exchange.last_response_headers["Data-Age-Ms"]) < 10_000
        return world.asked(bot.market) == []

    for row in CACHED:
        eventually(partial(is_followed, *row))
    eventually(asks_nothing)


@pytest.mark.parametrize("timeframe", ["1m", "3m", "15m", "1h", "4h", "1d", "1w", "1M"])
def test_candles_are_those_of_rest(world: World, bot: Bot, direct: Bot, timeframe: str) -> None:
    asked = (SYMBOLS[bot.market], timeframe, None, 200)
    bot.ask("fetch_ohlcv", *asked)
    with world.standing_still():
        path = PATHS[bot.market]
        reply = world.exchange(bot.market).reply(
            "GET", f"{path}/klines?symbol=BTCUSDT&interval={timeframe}&limit=200"
        )
        rows = [[row[0], *map(float, row[1:6])] for row in json.loads(reply.body)]
        assert bot.ask("fetch_ohlcv", *asked)[:-1] == rows[:-1]
        # The open candle is what the stream has told: its newest frame may be on its way.
        assert bot.ask("fetch_ohlcv", *asked)[-1][0] == rows[-1][0]
        assert direct.ask("fetch_ohlcv", *asked) == rows


@pytest.mark.parametrize("limit", [5, 20])
def test_a_book_is_one_that_rest_had_a_moment_ago(world: World, bot: Bot, limit: int) -> None:
    bot.ask("fetch_order_book", SYMBOLS[bot.market], limit)
    exchange, found = world.exchange(bot.market), []

    def is_of_a_moment_ago() -> bool:
        """Half a second is more than the stream's 100 ms and the way here, unless it is slow."""
        with world.standing_still():
            book = bot.ask("fetch_order_book", SYMBOLS[bot.market], limit)
            moments = range(exchange.now_ms, exchange.now_ms - 500, -1)
            books = (book_of_rest(exchange, limit, at_ms) for at_ms in moments)
            found[:] = [(book, one) for one in books if one["lastUpdateId"] == book["nonce"]][:1]
        return found != []

    eventually(is_of_a_moment_ago, within_s=20)
    ((book, same),) = found
    for side in ("bids", "asks"):
        assert len(book[side]) == limit
        assert book[side] == [[float(price), float(amount)] for price, amount in same[side]]


def book_of_rest(exchange: Simulator, limit: int, at_ms: int) -> dict[str, Any]:
    path = PATHS[exchange.venue.market]
    reply = exchange.reply("GET", f"{path}/depth?symbol=BTCUSDT&limit={limit}", at_ms)
    book: dict[str, Any] = json.loads(reply.body)
    return book


def test_a_ticker_says_what_the_exchange_s_says(world: World, bot: Bot, direct: Bot) -> None:
    symbol = SYMBOLS[bot.market]
    bot.ask("fetch_ticker", symbol)
    with world.standing_still():
        ours, theirs = bot.ask("fetch_ticker", symbol), direct.ask("fetch_ticker", symbol)
    assert ours["symbol"] == theirs["symbol"] == symbol
    assert list(ours["info"]) == list(theirs["info"])
    assert {name for name, text in ours.items() if text is None} == {
        name for name, text in theirs.items() if text is None
    }
    assert ours["timestamp"] == pytest.approx(theirs["timestamp"], abs=5_000)
    assert ours["last"] == pytest.approx(theirs["last"], rel=0.01)


def test_markets_are_those_of_the_exchange(world: World, bot: Bot, direct: Bot) -> None:
    ours, theirs = bot.ask("load_markets", True), direct.ask("load_markets", True)
    assert list(ours) == list(theirs)
    assert ours[SYMBOLS[bot.market]] == theirs[SYMBOLS[bot.market]]
