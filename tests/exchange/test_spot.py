"""The weights are quoted from Binance's rest-api.md, a row of its tables a line here."""

import pytest

from bpx.exchange.endpoint import Source
from bpx.exchange.spot import SPOT


def listed(count):
    return "symbols=[" + ",".join(f'"S{n}"' for n in range(count)) + "]"


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        ("ping", "", 1),
        ("time", "", 1),
        ("exchangeInfo", "", 20),
        ("exchangeInfo", "symbol=BTCUSDT", 20),
        # Order book: "1-100: 5", "101-500: 25", "501-1000: 50", "1001-5000: 250"
        pytest.param("depth", "symbol=BTCUSDT", 5, id="Default: 100"),
        ("depth", "symbol=BTCUSDT&limit=1", 5),
        ("depth", "symbol=BTCUSDT&limit=100", 5),
        ("depth", "symbol=BTCUSDT&limit=101", 25),
        ("depth", "symbol=BTCUSDT&limit=500", 25),
        ("depth", "symbol=BTCUSDT&limit=501", 50),
        ("depth", "symbol=BTCUSDT&limit=1000", 50),
        ("depth", "symbol=BTCUSDT&limit=1001", 250),
        ("depth", "symbol=BTCUSDT&limit=5000", 250),
        pytest.param(
            "depth",
            "symbol=BTCUSDT&limit=9999",
            250,
            id="If limit > 5000, only 5000 entries will be returned",
        ),
        ("trades", "symbol=BTCUSDT", 25),
        ("historicalTrades", "symbol=BTCUSDT", 25),
        ("historicalBlockTrades", "symbol=BTCUSDT&fromId=1", 25),
        ("aggTrades", "symbol=BTCUSDT", 4),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=1000", 2),
        ("uiKlines", "symbol=BTCUSDT&interval=1m", 2),
        ("avgPrice", "symbol=BTCUSDT", 2),
        # 24hr ticker, symbol: 1 is "2", omitted is "80"; symbols: 1-20 are "2", 21-100 "40",
        # and 101 or more "80"; omitted, too
        ("ticker/24hr", "symbol=BTCUSDT", 2),
        ("ticker/24hr", "", 80),
        ("ticker/24hr", "type=MINI", 80),
        ("ticker/24hr", listed(1), 2),
        ("ticker/24hr", listed(20), 2),
        ("ticker/24hr", listed(21), 40),
        ("ticker/24hr", listed(100), 40),
        ("ticker/24hr", listed(101), 80),
        # "4 for each requested symbol. The weight for this request will cap at 200 once the
        # number of symbols in the request is more than 50."
        ("ticker/tradingDay", "symbol=BTCUSDT", 4),
        ("ticker/tradingDay", listed(49), 196),
        ("ticker/tradingDay", listed(51), 200),
        ("ticker", "symbol=BTCUSDT&windowSize=7d", 4),
        ("ticker", listed(100), 200),
        # Price ticker and book ticker: symbol "1: 2", "omitted: 4"; symbols "any: 4"
        ("ticker/price", "symbol=BTCUSDT", 2),
        ("ticker/price", "", 4),
        ("ticker/price", listed(2), 4),
        ("ticker/bookTicker", "symbol=BTCUSDT", 2),
        ("ticker/bookTicker", "", 4),
        ("ticker/bookTicker", listed(2), 4),
        # Execution rules: symbol 2, symbols "2 for each, up to 40", neither 40
        ("executionRules", "symbol=BTCUSDT", 2),
        ("executionRules", listed(21), 40),
        ("executionRules", "", 40),
        ("referencePrice", "symbol=BTCUSDT", 2),
        ("referencePrice/calculation", "symbol=BTCUSDT", 2),
    ],
)
def test_weights_of_market_data(path, query, weight):
    assert SPOT.charged_weight("GET", f"/api/v3/{path}", query) == weight


@pytest.mark.parametrize(
    ("method", "path", "query", "weight"),
    [
        ("POST", "order", "", 1),
        ("DELETE", "order", "symbol=BTCUSDT&orderId=1", 1),
        ("GET", "order", "symbol=BTCUSDT&orderId=1", 4),
        pytest.param("POST", "order/test", "", 20, id="With computeCommissionRates: 20"),
        ("PUT", "order/amend/keepPriority", "", 4),
        ("GET", "openOrders", "symbol=BTCUSDT", 6),
        ("GET", "openOrders", "timestamp=1", 80),
        ("DELETE", "openOrders", "symbol=BTCUSDT", 1),
        ("GET", "allOrders", "symbol=BTCUSDT", 20),
        ("GET", "orderList", "orderListId=1", 4),
        ("GET", "allOrderList", "", 20),
        ("GET", "openOrderList", "", 6),
        ("GET", "account", "timestamp=1", 20),
        ("GET", "account/commission", "symbol=BTCUSDT", 20),
        ("GET", "myTrades", "symbol=BTCUSDT", 20),
        ("GET", "myTrades", "symbol=BTCUSDT&orderId=1", 5),
        ("GET", "myPreventedMatches", "symbol=BTCUSDT&preventedMatchId=1", 2),
        ("GET", "myPreventedMatches", "symbol=BTCUSDT&orderId=1", 20),
        ("GET", "rateLimit/order", "", 40),
    ],
)
def test_weights_of_accounts(method, path, query, weight):
    assert SPOT.charged_weight(method, f"/api/v3/{path}", query) == weight


def test_wallet_routes_have_limits_of_their_own():
    assert SPOT.charged_weight("GET", "/sapi/v1/capital/config/getall", "") == 0


@pytest.mark.parametrize(
    ("source", "query", "params"),
    [
        (Source.KLINES, "symbol=A&interval=1s", {"symbol": "A", "interval": "1s"}),
        (Source.KLINES, "symbol=A&interval=1M&timeZone=0", {"symbol": "A", "interval": "1M"}),
        (Source.KLINES, "symbol=A&interval=1m&timeZone=8", None),
        (Source.KLINES, "symbol=A&interval=1m&timeZone=0:00", None),
        (Source.KLINES, "symbol=A&interval=1m&startTime=0", None),
        (Source.KLINES, "symbol=A&interval=1m&endTime=0", None),
        (Source.KLINES, "symbol=A&interval=7m", None),
        (Source.KLINES, "symbol=a&interval=1m", None),
        (Source.KLINES, "symbol=A", None),
        (Source.DEPTH, "symbol=A&limit=7", {"symbol": "A", "limit": "7"}),
        pytest.param(Source.DEPTH, "symbol=A", None, id="by default 100 levels: not from a cache"),
        (Source.DEPTH, "symbol=A&limit=5&symbolStatus=TRADING", None),
        (Source.TICKER, "symbol=A&type=MINI", {"symbol": "A", "type": "MINI"}),
        (Source.TICKER, "symbol=A&type=FULL", {"symbol": "A", "type": "FULL"}),
        (Source.TICKER, "symbols=[%22A%22]", None),
        (Source.TICKER, "", None),
        (Source.EXCHANGE_INFO, "", {}),
        (Source.EXCHANGE_INFO, "permissions=SPOT", {"permissions": "SPOT"}),
        (Source.EXCHANGE_INFO, "permissions=[%22SPOT%22]", {"permissions": '["SPOT"]'}),
        (Source.EXCHANGE_INFO, "symbols=[%22A%22]", {"symbols": '["A"]'}),
        (Source.EXCHANGE_INFO, "symbolStatus=HALT", {"symbolStatus": "HALT"}),
        (Source.EXCHANGE_INFO, "symbolStatus=END_OF_DAY", None),
        (Source.EXCHANGE_INFO, "showPermissionSets=false", {"showPermissionSets": "false"}),
        (Source.EXCHANGE_INFO, "showPermissionSets=FALSE", None),
    ],
)
def test_what_a_cache_understands(source, query, params):
    assert SPOT.endpoint(source).understand(query) == params


def test_a_full_ticker_has_the_21_fields_of_the_documentation_in_their_order():
    assert " ".join(name for name, _ in SPOT.ticker_shape.full) == (
        "symbol priceChange priceChangePercent weightedAvgPrice prevClosePrice lastPrice lastQty "
        "bidPrice bidQty askPrice askQty openPrice highPrice lowPrice volume quoteVolume openTime "
        "closeTime firstId lastId count"
    )
    assert " ".join(key for _, key in SPOT.ticker_shape.full) == (
        "s p P w x c Q b B a A o h l v q O C F L n"
    )


def test_every_symbol_of_a_cached_endpoint_is_in_exchange_info():
    rows = [SPOT.endpoint(source) for source in (Source.KLINES, Source.DEPTH, Source.TICKER)]
    assert all(row.symbols_listed for row in rows)


def test_what_no_stream_carries_is_kept_for_a_moment():
    kept = {row.path: row.keep_s for row in SPOT.endpoints if row.keep_s}
    assert kept == {
        "/api/v3/ticker/24hr": 1.0,
        "/api/v3/ticker/price": 1.0,
        "/api/v3/ticker/bookTicker": 1.0,
    }
