"""The spot market, as its documentation has it.

https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md
"""

from bpx.exchange.depth import DepthKeys
from bpx.exchange.endpoint import Endpoint, Source, signed
from bpx.exchange.interval import MINUTES_AND_MORE, SECONDS, by_name
from bpx.exchange.market import Market
from bpx.exchange.query import list_of, one_of, symbol_of, whole_number
from bpx.exchange.stream import BOOK_TICKER, DEPTH, KLINE, TICKER
from bpx.exchange.ticker import TickerShape
from bpx.exchange.weight import (
    by_limit,
    by_presence,
    by_symbol,
    by_symbols_count,
    fixed,
    per_symbol,
)

INTERVALS = by_name(SECONDS, *MINUTES_AND_MORE)
DEPTH_WEIGHT = by_limit({100: 5, 500: 25, 1000: 50, 5000: 250}, default=100)
TICKER_WEIGHT = by_symbols_count({20: 2, 100: 40}, every=80)

SYMBOL = symbol_of(r"A-Z0-9_.\-", most=50)
SYMBOLS = list_of(SYMBOL)
PERMISSION = symbol_of("A-Z0-9_", most=50)
PERMISSIONS = list_of(PERMISSION)

TICKER_SHAPE = TickerShape(
    full=(
        ("symbol", "s"),
        ("priceChange", "p"),
        ("priceChangePercent", "P"),
        ("weightedAvgPrice", "w"),
        ("prevClosePrice", "x"),
        ("lastPrice", "c"),
        ("lastQty", "Q"),
        ("bidPrice", "b"),
        ("bidQty", "B"),
        ("askPrice", "a"),
        ("askQty", "A"),
        ("openPrice", "o"),
        ("highPrice", "h"),
        ("lowPrice", "l"),
        ("volume", "v"),
        ("quoteVolume", "q"),
        ("openTime", "O"),
        ("closeTime", "C"),
        ("firstId", "F"),
        ("lastId", "L"),
        ("count", "n"),
    ),
    mini=(
        "symbol",
        "openPrice",
        "highPrice",
        "lowPrice",
        "lastPrice",
        "volume",
        "quoteVolume",
        "openTime",
        "closeTime",
        "firstId",
        "lastId",
        "count",
    ),
)

CACHED = (
    Endpoint(
        "/api/v3/klines",
        fixed(2),
        Source.KLINES,
        parameters={
            "symbol": SYMBOL,
            "interval": INTERVALS.__contains__,
            "limit": whole_number(1, 1000),
            "timeZone": one_of("0"),
        },
        required=frozenset({"symbol", "interval"}),
        ignored=frozenset({"timeZone"}),
        symbols_listed=True,
    ),
    Endpoint(
        "/api/v3/depth",
        DEPTH_WEIGHT,
        Source.DEPTH,
        parameters={"symbol": SYMBOL, "limit": whole_number(1, 20)},
        required=frozenset({"symbol", "limit"}),
        symbols_listed=True,
    ),
    Endpoint(
        "/api/v3/ticker/24hr",
        TICKER_WEIGHT,
        Source.TICKER,
        parameters={"symbol": SYMBOL, "type": one_of("FULL", "MINI")},
        required=frozenset({"symbol"}),
        symbols_listed=True,
        keep_s=1.0,
    ),
    Endpoint(
        "/api/v3/exchangeInfo",
        fixed(20),
        Source.EXCHANGE_INFO,
        parameters={
            "symbol": SYMBOL,
            "symbols": SYMBOLS,
            "permissions": lambda text: PERMISSION(text) or PERMISSIONS(text),
            "symbolStatus": one_of("TRADING", "HALT", "BREAK"),
            "showPermissionSets": one_of("true", "false"),
        },
    ),
)

PUBLIC = (
    Endpoint("/api/v3/ping", public=False),  # whoever asks wants to hear Binance itself, now
    Endpoint("/api/v3/time", public=False),
    Endpoint("/api/v3/trades", fixed(25)),
    Endpoint("/api/v3/historicalTrades", fixed(25)),
    Endpoint("/api/v3/historicalBlockTrades", fixed(25)),
    Endpoint("/api/v3/aggTrades", fixed(4)),
    Endpoint("/api/v3/uiKlines", fixed(2)),
    Endpoint("/api/v3/avgPrice", fixed(2)),
    Endpoint("/api/v3/ticker/tradingDay", per_symbol(4, cap=200)),
    Endpoint("/api/v3/ticker", per_symbol(4, cap=200)),
    Endpoint("/api/v3/ticker/price", by_symbol(one=2, every=4), keep_s=1.0),
    Endpoint("/api/v3/ticker/bookTicker", by_symbol(one=2, every=4), keep_s=1.0),
    Endpoint("/api/v3/executionRules", per_symbol(2, cap=40)),
    Endpoint("/api/v3/referencePrice", fixed(2)),
    Endpoint("/api/v3/referencePrice/calculation", fixed(2)),
)

# Placing and cancelling costs nothing since 2026-04-02 if it succeeds: 1 is what a refusal costs.
# Test orders cost 20 with computeCommissionRates, which may be in a body that is not looked at.
SIGNED = (
    signed("POST", "/api/v3/order"),
    signed("GET", "/api/v3/order", 4),
    signed("DELETE", "/api/v3/order"),
    signed("POST", "/api/v3/order/test", 20),
    signed("POST", "/api/v3/order/cancelReplace"),
    signed("PUT", "/api/v3/order/amend/keepPriority", 4),
    signed("GET", "/api/v3/order/amendments", 4),
    signed("GET", "/api/v3/openOrders", by_symbol(one=6, every=80)),
    signed("DELETE", "/api/v3/openOrders"),
    signed("GET", "/api/v3/allOrders", 20),
    signed("POST", "/api/v3/order/oco"),
    signed("POST", "/api/v3/orderList/oco"),
    signed("POST", "/api/v3/orderList/oto"),
    signed("POST", "/api/v3/orderList/otoco"),
    signed("POST", "/api/v3/orderList/opo"),
    signed("POST", "/api/v3/orderList/opoco"),
    signed("DELETE", "/api/v3/orderList"),
    signed("GET", "/api/v3/orderList", 4),
    signed("GET", "/api/v3/allOrderList", 20),
    signed("GET", "/api/v3/openOrderList", 6),
    signed("POST", "/api/v3/sor/order"),
    signed("POST", "/api/v3/sor/order/test", 20),
    signed("GET", "/api/v3/account", 20),
    signed("GET", "/api/v3/account/commission", 20),
    signed("GET", "/api/v3/myTrades", by_presence("orderId", given=5, missing=20)),
    signed("GET", "/api/v3/myAllocations", 20),
    signed(
        "GET", "/api/v3/myPreventedMatches", by_presence("preventedMatchId", given=2, missing=20)
    ),
    signed("GET", "/api/v3/myFilters", 40),
    signed("GET", "/api/v3/rateLimit/order", 40),
)

SPOT = Market(
    name="spot",
    probe="/api/v3/ping",
    routes={KLINE: "", DEPTH: "", TICKER: "", BOOK_TICKER: ""},
    control_per_s=4,
    weight_per_minute=6000,
    unknown_weight=50,
    kline_steps=(1000,),
    klines_default=500,
    intervals=INTERVALS,
    depth_keys=DepthKeys(update_id="lastUpdateId", bids="bids", asks="asks"),
    ticker_shape=TICKER_SHAPE,
    ticker_streams=(TICKER, BOOK_TICKER),
    counted_elsewhere=("/sapi/",),
    endpoints=CACHED + PUBLIC + SIGNED,
)
