"""The weights are quoted from Binance's documentation of the futures API, a row a line."""

import pytest

from bpx.exchange.endpoint import Source
from bpx.exchange.futures import FUTURES


def test_the_used_weight_is_believed_but_where_it_is_documented_to_be_wrong():
    wrong = {row.path for row in FUTURES.endpoints if not row.tells_weight}
    assert wrong == {"/fapi/v2/ticker/price", "/fapi/v1/ticker/bookTicker"}


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        ("v1/ping", "", 1),
        ("v1/time", "", 1),
        ("v1/exchangeInfo", "", 1),
        ("v1/openInterest", "symbol=BTCUSDT", 1),
        # Order book: "5, 10, 20, 50: 2", "100: 5", "500: 10", "1000: 20"
        ("v1/depth", "symbol=BTCUSDT&limit=5", 2),
        ("v1/depth", "symbol=BTCUSDT&limit=50", 2),
        ("v1/depth", "symbol=BTCUSDT&limit=100", 5),
        ("v1/depth", "symbol=BTCUSDT&limit=500", 10),
        ("v1/depth", "symbol=BTCUSDT&limit=1000", 20),
        pytest.param("v1/depth", "symbol=BTCUSDT", 10, id="Default 500"),
        ("v1/rpiDepth", "symbol=BTCUSDT", 20),
        ("v1/trades", "symbol=BTCUSDT", 5),
        ("v1/historicalTrades", "symbol=BTCUSDT", 200),
        ("v1/aggTrades", "symbol=BTCUSDT", 20),
        # Klines: "[1,100): 1", "[100, 500): 2", "[500, 1000]: 5", "> 1000: 10"
        ("v1/klines", "symbol=BTCUSDT&interval=1m&limit=1", 1),
        ("v1/klines", "symbol=BTCUSDT&interval=1m&limit=99", 1),
        ("v1/klines", "symbol=BTCUSDT&interval=1m&limit=100", 2),
        ("v1/klines", "symbol=BTCUSDT&interval=1m&limit=499", 2),
        ("v1/klines", "symbol=BTCUSDT&interval=1m&limit=500", 5),
        ("v1/klines", "symbol=BTCUSDT&interval=1m&limit=1000", 5),
        ("v1/klines", "symbol=BTCUSDT&interval=1m&limit=1001", 10),
        ("v1/klines", "symbol=BTCUSDT&interval=1m&limit=1500", 10),
        pytest.param("v1/klines", "symbol=BTCUSDT&interval=1m", 5, id="measured: no limit, 5"),
        ("v1/continuousKlines", "pair=BTCUSDT&contractType=PERPETUAL&limit=1500", 10),
        ("v1/indexPriceKlines", "pair=BTCUSDT&interval=1m&limit=499", 2),
        ("v1/markPriceKlines", "symbol=BTCUSDT&interval=1m&limit=499", 2),
        ("v1/premiumIndexKlines", "symbol=BTCUSDT&interval=1m&limit=99", 1),
        ("v1/premiumIndex", "symbol=BTCUSDT", 1),
        ("v1/premiumIndex", "", 10),
        pytest.param("v1/fundingRate", "", 0, id="share 500/5min/IP rate limit"),
        ("v1/fundingInfo", "", 0),
        # Tickers: "1 for a single symbol; 40 when the symbol parameter is omitted", and so on
        ("v1/ticker/24hr", "symbol=BTCUSDT", 1),
        ("v1/ticker/24hr", "", 40),
        ("v1/ticker/price", "symbol=BTCUSDT", 1),
        ("v1/ticker/price", "", 2),
        ("v2/ticker/price", "symbol=BTCUSDT", 1),
        ("v2/ticker/price", "", 2),
        ("v1/ticker/bookTicker", "symbol=BTCUSDT", 2),
        ("v1/ticker/bookTicker", "", 5),
        ("v1/constituents", "symbol=BTCUSDT", 2),
        ("v1/assetIndex", "symbol=ADAUSD", 1),
        ("v1/assetIndex", "", 10),
        pytest.param("v1/indexInfo", "", 10, id="measured: 10 for all"),
        pytest.param("v1/insuranceBalance", "", 40, id="measured: 40 for all"),
        ("v1/symbolAdlRisk", "", 1),
        ("v1/tradingSchedule", "", 5),
    ],
)
def test_weights_of_market_data(path, query, weight):
    assert FUTURES.charged_weight("GET", f"/fapi/{path}", query) == weight


@pytest.mark.parametrize(
    ("method", "path", "query", "weight"),
    [
        pytest.param("POST", "v1/order", "", 0, id="0 on IP rate limit(x-mbx-used-weight-1m)"),
        ("POST", "v1/batchOrders", "", 5),
        ("DELETE", "v1/order", "symbol=BTCUSDT", 1),
        ("GET", "v1/openOrders", "symbol=BTCUSDT", 1),
        ("GET", "v1/openOrders", "", 40),
        ("GET", "v1/allOrders", "symbol=BTCUSDT", 5),
        ("GET", "v1/userTrades", "symbol=BTCUSDT", 5),
        ("GET", "v1/forceOrders", "symbol=BTCUSDT", 20),
        ("GET", "v1/forceOrders", "", 50),
        ("GET", "v1/income", "", 30),
        ("GET", "v2/account", "", 5),
        ("GET", "v3/account", "", 5),
        ("GET", "v3/balance", "", 5),
        ("GET", "v3/positionRisk", "", 5),
        ("GET", "v1/positionSide/dual", "", 30),
        ("GET", "v1/commissionRate", "symbol=BTCUSDT", 20),
        ("POST", "v1/countdownCancelAll", "", 10),
        ("GET", "v1/income/asyn", "", 1000),
    ],
)
def test_weights_of_accounts(method, path, query, weight):
    assert FUTURES.charged_weight(method, f"/fapi/{path}", query) == weight


def test_statistics_have_a_limit_of_their_own():
    assert FUTURES.charged_weight("GET", "/futures/data/basis", "pair=BTCUSDT") == 0


@pytest.mark.parametrize(
    ("source", "query", "params"),
    [
        (
            Source.KLINES,
            "symbol=A&interval=1m&limit=1500",
            {"symbol": "A", "interval": "1m", "limit": "1500"},
        ),
        pytest.param(Source.KLINES, "symbol=A&interval=1s", None, id="no 1s klines"),
        (Source.KLINES, "symbol=A&interval=1m&timeZone=0", None),
        (Source.KLINES, "symbol=A&interval=1m&startTime=0", None),
        pytest.param(Source.KLINES, "symbol=a&interval=1m", None, id="Binance raises the case"),
        (Source.DEPTH, "symbol=A&limit=5", {"symbol": "A", "limit": "5"}),
        pytest.param(Source.DEPTH, "symbol=A&limit=7", None, id="not a valid depth limit"),
        (Source.DEPTH, "symbol=A", None),
        (Source.TICKER, "symbol=BTCUSDT_260327", {"symbol": "BTCUSDT_260327"}),
        (Source.TICKER, "symbol=A&type=MINI", None),
        (Source.TICKER, "", None),
        (Source.EXCHANGE_INFO, "", {}),
        pytest.param(Source.EXCHANGE_INFO, "symbol=A", {}, id="ignored: the whole document"),
        (Source.EXCHANGE_INFO, "permissions=SPOT", None),
    ],
)
def test_what_a_cache_understands(source, query, params):
    assert FUTURES.endpoint(source).understand(query) == params


def test_a_ticker_has_the_16_fields_of_the_documentation_in_their_order():
    assert " ".join(name for name, _ in FUTURES.ticker_shape.full) == (
        "symbol priceChange priceChangePercent weightedAvgPrice lastPrice lastQty openPrice "
        "highPrice lowPrice volume quoteVolume openTime closeTime firstId lastId count"
    )
    assert " ".join(key for _, key in FUTURES.ticker_shape.full) == (
        "s p P w c Q o h l v q O C F L n"
    )


def test_klines_know_symbols_that_exchange_info_leaves_out():
    assert not FUTURES.endpoint(Source.KLINES).symbols_listed
    assert FUTURES.endpoint(Source.DEPTH).symbols_listed
    assert FUTURES.endpoint(Source.TICKER).symbols_listed


def test_what_no_stream_carries_is_kept_for_a_moment():
    kept = {row.path: row.keep_s for row in FUTURES.endpoints if row.keep_s}
    assert kept == {
        "/fapi/v1/ticker/24hr": 1.0,
        "/fapi/v1/ticker/price": 1.0,
        "/fapi/v2/ticker/price": 1.0,
        "/fapi/v1/ticker/bookTicker": 1.0,
        "/fapi/v1/fundingInfo": 60.0,
    }
