"""The USD-margined futures market, as its documentation has it, and as it was measured.

https://developers.binance.com/docs/derivatives/usds-margined-futures. Where a measurement and
the documentation differ, the dearer counts.
"""

from bpx.exchange.depth import DepthKeys
from bpx.exchange.endpoint import Endpoint, Source, signed
from bpx.exchange.interval import MINUTES_AND_MORE, by_name
from bpx.exchange.market import Market
from bpx.exchange.query import one_of, symbol_of, whole_number
from bpx.exchange.stream import BOOK_TICKER, DEPTH, KLINE, TICKER
from bpx.exchange.ticker import TickerShape
from bpx.exchange.weight import by_limit, by_symbol, fixed

INTERVALS = by_name(*MINUTES_AND_MORE)
KLINES_WEIGHT = by_limit({99: 1, 499: 2, 1000: 5, 1500: 10}, default=500)
DEPTH_WEIGHT = by_limit({50: 2, 100: 5, 500: 10, 1000: 20}, default=500)

# Binance also takes lower case here, and raises it: such a request is left to it.
SYMBOL = symbol_of("A-Z0-9_", most=20)

TICKER_SHAPE = TickerShape(
    full=(
        ("symbol", "s"),
        ("priceChange", "p"),
        ("priceChangePercent", "P"),
        ("weightedAvgPrice", "w"),
        ("lastPrice", "c"),
        ("lastQty", "Q"),
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
)

CACHED = (
    Endpoint(
        "/fapi/v1/klines",
        KLINES_WEIGHT,
        Source.KLINES,
        parameters={
            "symbol": SYMBOL,
            "interval": INTERVALS.__contains__,
            "limit": whole_number(1, 1500),
        },
        required=frozenset({"symbol", "interval"}),
        # Since 2026-06-30 the kline routes answer COIN-M symbols, which exchangeInfo leaves out.
        symbols_listed=False,
    ),
    Endpoint(
        "/fapi/v1/depth",
        DEPTH_WEIGHT,
        Source.DEPTH,
        parameters={"symbol": SYMBOL, "limit": one_of("5", "10", "20")},
        required=frozenset({"symbol", "limit"}),
        symbols_listed=True,
    ),
    Endpoint(
        "/fapi/v1/ticker/24hr",
        by_symbol(one=1, every=40),
        Source.TICKER,
        parameters={"symbol": SYMBOL},
        required=frozenset({"symbol"}),
        symbols_listed=True,
        keep_s=1.0,
    ),
    Endpoint(
        "/fapi/v1/exchangeInfo",
        fixed(1),
        Source.EXCHANGE_INFO,
        parameters={"symbol": SYMBOL},
        ignored=frozenset({"symbol"}),
    ),
)

PUBLIC = (
    Endpoint("/fapi/v1/ping", public=False),  # whoever asks wants to hear Binance itself, now
    Endpoint("/fapi/v1/time", public=False),
    Endpoint("/fapi/v1/rpiDepth", fixed(20)),
    Endpoint("/fapi/v1/trades", fixed(5)),
    Endpoint("/fapi/v1/aggTrades", fixed(20)),
    Endpoint("/fapi/v1/continuousKlines", KLINES_WEIGHT),
    Endpoint("/fapi/v1/indexPriceKlines", KLINES_WEIGHT),
    Endpoint("/fapi/v1/markPriceKlines", KLINES_WEIGHT),
    Endpoint("/fapi/v1/premiumIndexKlines", KLINES_WEIGHT),
    Endpoint("/fapi/v1/premiumIndex", by_symbol(one=1, every=10)),
    # These two have a limit of their own: 500 requests in 5 minutes.
    Endpoint("/fapi/v1/fundingRate", fixed(0)),
    Endpoint("/fapi/v1/fundingInfo", fixed(0), keep_s=60.0),
    Endpoint("/fapi/v1/openInterest"),
    Endpoint("/fapi/v1/ticker/price", by_symbol(one=1, every=2), keep_s=1.0),
    # Of these two the documentation says that their X-MBX-USED-WEIGHT-1M is not accurate.
    Endpoint("/fapi/v2/ticker/price", by_symbol(one=1, every=2), keep_s=1.0, tells_weight=False),
    Endpoint(
        "/fapi/v1/ticker/bookTicker", by_symbol(one=2, every=5), keep_s=1.0, tells_weight=False
    ),
    Endpoint("/fapi/v1/constituents", fixed(2)),
    Endpoint("/fapi/v1/assetIndex", by_symbol(one=1, every=10)),
    Endpoint("/fapi/v1/indexInfo", by_symbol(one=1, every=10)),
    Endpoint("/fapi/v1/insuranceBalance", by_symbol(one=1, every=40)),
    Endpoint("/fapi/v1/symbolAdlRisk"),
    Endpoint("/fapi/v1/tradingSchedule", fixed(5)),
)

# Placing orders is counted by account, not by address: 0 of the weight.
SIGNED = (
    signed("GET", "/fapi/v1/historicalTrades", 200),
    signed("POST", "/fapi/v1/order", 0),
    signed("PUT", "/fapi/v1/order", 0),
    signed("GET", "/fapi/v1/order"),
    signed("DELETE", "/fapi/v1/order"),
    signed("POST", "/fapi/v1/order/test", 0),
    signed("POST", "/fapi/v1/batchOrders", 5),
    signed("PUT", "/fapi/v1/batchOrders", 5),
    signed("DELETE", "/fapi/v1/batchOrders"),
    signed("GET", "/fapi/v1/orderAmendment"),
    signed("GET", "/fapi/v1/openOrder"),
    signed("GET", "/fapi/v1/openOrders", by_symbol(one=1, every=40)),
    signed("DELETE", "/fapi/v1/allOpenOrders"),
    signed("POST", "/fapi/v1/countdownCancelAll", 10),
    signed("GET", "/fapi/v1/allOrders", 5),
    signed("POST", "/fapi/v1/algoOrder", 0),
    signed("GET", "/fapi/v1/algoOrder"),
    signed("DELETE", "/fapi/v1/algoOrder"),
    signed("DELETE", "/fapi/v1/algoOpenOrders"),
    signed("GET", "/fapi/v1/openAlgoOrders", by_symbol(one=1, every=40)),
    signed("GET", "/fapi/v1/allAlgoOrders", 5),
    signed("GET", "/fapi/v1/userTrades", 5),
    signed("GET", "/fapi/v1/forceOrders", by_symbol(one=20, every=50)),
    signed("GET", "/fapi/v1/income", 30),
    signed("GET", "/fapi/v2/balance", 5),
    signed("GET", "/fapi/v3/balance", 5),
    signed("GET", "/fapi/v2/account", 5),
    signed("GET", "/fapi/v3/account", 5),
    signed("GET", "/fapi/v2/positionRisk", 5),
    signed("GET", "/fapi/v3/positionRisk", 5),
    signed("GET", "/fapi/v1/accountConfig", 5),
    signed("GET", "/fapi/v1/symbolConfig", 5),
    signed("GET", "/fapi/v1/adlQuantile", 5),
    signed("GET", "/fapi/v1/commissionRate", 20),
    signed("GET", "/fapi/v1/leverageBracket"),
    signed("GET", "/fapi/v1/rateLimit/order"),
    signed("GET", "/fapi/v1/apiTradingStatus", by_symbol(one=1, every=10)),
    signed("POST", "/fapi/v1/leverage"),
    signed("POST", "/fapi/v1/marginType"),
    signed("POST", "/fapi/v1/positionMargin"),
    signed("GET", "/fapi/v1/positionMargin/history"),
    signed("POST", "/fapi/v1/positionSide/dual"),
    signed("GET", "/fapi/v1/positionSide/dual", 30),
    signed("POST", "/fapi/v1/multiAssetsMargin"),
    signed("GET", "/fapi/v1/multiAssetsMargin", 30),
    signed("POST", "/fapi/v1/feeBurn"),
    signed("GET", "/fapi/v1/feeBurn", 30),
    signed("POST", "/fapi/v1/listenKey"),
    signed("PUT", "/fapi/v1/listenKey"),
    signed("DELETE", "/fapi/v1/listenKey"),
    # Links to archives of an account's history.
    signed("GET", "/fapi/v1/income/asyn", 1000),
    signed("GET", "/fapi/v1/order/asyn", 1000),
    signed("GET", "/fapi/v1/trade/asyn", 1000),
    signed("GET", "/fapi/v1/income/asyn/id", 10),
    signed("GET", "/fapi/v1/order/asyn/id", 10),
    signed("GET", "/fapi/v1/trade/asyn/id", 10),
)

FUTURES = Market(
    name="futures",
    probe="/fapi/v1/ping",
    routes={KLINE: "/market", TICKER: "/market", DEPTH: "/public", BOOK_TICKER: "/public"},
    control_per_s=9,
    weight_per_minute=2400,
    unknown_weight=50,
    kline_steps=(99, 499, 1000, 1500),
    klines_default=500,
    intervals=INTERVALS,
    depth_keys=DepthKeys(update_id="u", bids="b", asks="a", times=("E", "T")),
    ticker_shape=TICKER_SHAPE,
    ticker_streams=(TICKER,),
    counted_elsewhere=("/futures/data/",),
    endpoints=CACHED + PUBLIC + SIGNED,
)
