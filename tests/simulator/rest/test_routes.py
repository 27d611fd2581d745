"""Shapes and refusals of both markets, quoted from Binance's documentation."""

import orjson
import pytest

from bpx.simulator.venue import Request
from tests.simulator.market_access import START_MS, exchange, get, reply

SYMBOL_RANGE = r"^[\w\-._&&[^a-z]]{1,50}$"
ILLEGAL = "Illegal characters found in parameter '{}'; legal range is '{}'."
MISSING = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
REFUSALS = [
    ("spot", "klines?symbol=NOPE&interval=1m", -1121, "Invalid symbol."),
    ("spot", "klines?symbol=BTCUSDT&interval=7m", -1120, "Invalid interval."),
    ("spot", "klines?interval=1m", -1102, MISSING.format("symbol")),
    ("spot", "klines?symbol=&interval=1m", -1102, MISSING.format("symbol")),
    ("spot", "klines?symbol=BTCUSDT", -1102, MISSING.format("interval")),
    ("spot", "depth?symbol=btcusdt", -1100, ILLEGAL.format("symbol", SYMBOL_RANGE)),
    ("spot", "depth?symbol=BTC/USDT", -1100, ILLEGAL.format("symbol", SYMBOL_RANGE)),
    ("spot", "depth?symbol=BTCUSDT&limit=x", -1100, ILLEGAL.format("limit", "^[0-9]{1,20}$")),
    ("spot", "ping?x=1", -1101, "Too many parameters; expected '0' and received '1'."),
    (
        "spot",
        "depth?symbol=BTCUSDT&limit=5&x=1",
        -1104,
        "Not all sent parameters were read; read '2' parameter(s) but was sent '3'.",
    ),
    (
        "spot",
        "ticker/24hr?symbols=[%22BTCUSDT%22,%22BTCUSDT%22]",
        -1151,
        "Symbol is present multiple times in the list.",
    ),
    ("spot", "ticker/24hr?type=HUGE", -1139, "Invalid ticker type."),
    ("spot", "ticker/24hr?symbolStatus=HUGE", -1122, "Invalid symbolStatus."),
    (
        "spot",
        "ticker/24hr?symbol=BTCUSDT&symbolStatus=BREAK",
        -1220,
        "The symbol's status does not match the requested symbolStatus.",
    ),
    (
        "spot",
        "ticker",
        -1102,
        "Param 'symbol' or 'symbols' must be sent, but both were empty/null!",
    ),
    ("futures", "klines?symbol=NOPE&interval=1m", -1121, "Invalid symbol."),
    ("futures", "klines?symbol=BTCUSDT&interval=1s", -1120, "Invalid interval."),
    ("futures", "klines?interval=1m", -1102, MISSING.format("symbol")),
    ("futures", "depth?symbol=BTCUSDT&limit=7", -4021, "7 is not valid depth limit"),
    (
        "futures",
        "depth?symbol=BTCUSDT&limit=1001",
        -1130,
        "Data sent for parameter 'limit' is not valid.",
    ),
    (
        "futures",
        "klines?symbol=BTCUSDT&interval=1m&limit=1501",
        -1130,
        "Data sent for parameter 'limit' is not valid.",
    ),
    (
        "futures",
        "klines?symbol=BTCUSDT&interval=1m&startTime=2&endTime=1",
        -1023,
        "Start time is greater than end time.",
    ),
    (
        "futures",
        "aggTrades?symbol=BTCUSDT&startTime=1",
        -4166,
        "Search window is restricted to recent 2 days only.",
    ),
]


@pytest.mark.parametrize(("market", "tail", "code", "message"), REFUSALS)
def test_refusals_are_binances_word_for_word(market, tail, code, message):
    answered = reply(exchange(market), tail)
    assert answered.status == 400
    assert orjson.loads(answered.body) == {"code": code, "msg": message}


def test_futures_trades_of_the_past_need_a_key():
    answered = reply(exchange("futures"), "historicalTrades?symbol=BTCUSDT")
    assert (answered.status, orjson.loads(answered.body)["code"]) == (401, -2014)


def test_lower_case_is_fine_on_futures_and_extra_parameters_too():
    venue = exchange("futures")
    wanted = get(venue, "depth?symbol=BTCUSDT&limit=5")
    assert get(venue, "depth?symbol=btcusdt&limit=5&x=1") == wanted
    assert len(get(venue, "exchangeInfo?symbol=BTCUSDT")["symbols"]) == len(venue.symbols)


def test_an_unknown_path_is_an_empty_404_on_spot_and_a_page_on_futures():
    for method, path in (
        ("GET", "/fapi/v1/klines"),
        ("GET", "/api/v3/x"),
        ("POST", "/api/v3/ping"),
    ):
        answered = exchange("spot").reply(Request(method, path))
        assert (answered.status, answered.body) == (404, b"")
    page = exchange("spot").reply(Request("GET", "/api/v3/x", {"accept": "text/html,*/*"}))
    assert page.body.startswith(b"<html>")
    page = exchange("futures").reply(Request("GET", "/api/v3/klines"))
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html")


def test_windows_of_time_choose_the_oldest_from_a_start_and_the_newest_to_an_end():
    venue = exchange("spot")
    edge_ms = START_MS - START_MS % 60_000

    def opens(query):
        tail = f"klines?symbol=BTCUSDT&interval=1m&limit=3&{query}"
        return [(row[0] - edge_ms) // 60_000 for row in get(venue, tail)]

    assert opens("timeZone=0") == [-2, -1, 0]
    assert opens(f"startTime={edge_ms - 600_000}") == [-10, -9, -8]
    assert opens(f"startTime={edge_ms - 600_001}") == [-10, -9, -8]
    assert opens(f"endTime={edge_ms - 600_000}") == [-12, -11, -10]
    assert opens(f"endTime={edge_ms - 600_001}") == [-13, -12, -11]
    assert opens(f"startTime={edge_ms - 120_000}&endTime={edge_ms - 60_000}") == [-2, -1]
    assert opens(f"startTime={(edge_ms - 600_000) * 1_000}") == [-10, -9, -8]
    assert opens(f"startTime={START_MS + 60_000}") == []


@pytest.mark.parametrize(("market", "most"), [("spot", 1_000), ("futures", 1_500)])
def test_old_symbols_fill_every_limit_and_new_ones_do_not(market, most):
    venue = exchange(market)
    for interval in ("1m", "5m", "1h", "1d"):
        tail = f"interval={interval}&limit={most}"
        assert len(get(venue, f"klines?symbol=BTCUSDT&{tail}")) == most
        assert 0 < len(get(venue, f"klines?symbol=FRESHUSDT&{tail}")) < most


def test_microseconds_when_spot_is_asked_for_them():
    venue = exchange("spot")
    headers = {"x-mbx-time-unit": "MICROSECOND"}

    def micro(tail):
        return orjson.loads(venue.reply(Request("GET", f"/api/v3/{tail}", headers)).body)

    assert micro("time") == {"serverTime": START_MS * 1_000}
    (row,) = micro("klines?symbol=BTCUSDT&interval=1m&limit=1")
    assert row[6] + 1 - row[0] == 60_000_000
    assert micro("ticker/24hr?symbol=BTCUSDT")["closeTime"] == START_MS * 1_000


def test_exchange_info_has_todays_keys_in_their_order():
    spot, futures = get(exchange("spot"), "exchangeInfo"), get(exchange("futures"), "exchangeInfo")
    assert list(spot) == ["timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"]
    assert list(spot["symbols"][0]) == [
        "symbol",
        "status",
        "baseAsset",
        "baseAssetPrecision",
        "quoteAsset",
        "quotePrecision",
        "quoteAssetPrecision",
        "baseCommissionPrecision",
        "quoteCommissionPrecision",
        "orderTypes",
        "icebergAllowed",
        "ocoAllowed",
        "otoAllowed",
        "opoAllowed",
        "quoteOrderQtyMarketAllowed",
        "allowTrailingStop",
        "cancelReplaceAllowed",
        "amendAllowed",
        "pegInstructionsAllowed",
        "isSpotTradingAllowed",
        "isMarginTradingAllowed",
        "filters",
        "permissions",
        "permissionSets",
        "defaultSelfTradePreventionMode",
        "allowedSelfTradePreventionModes",
    ]
    assert list(futures) == (
        [
            "timezone",
            "serverTime",
            "futuresType",
            "rateLimits",
            "exchangeFilters",
            "assets",
            "symbols",
        ]
    )
    assert list(futures["symbols"][0]) == [
        "symbol",
        "pair",
        "contractType",
        "deliveryDate",
        "onboardDate",
        "status",
        "maintMarginPercent",
        "requiredMarginPercent",
        "baseAsset",
        "quoteAsset",
        "marginAsset",
        "pricePrecision",
        "quantityPrecision",
        "baseAssetPrecision",
        "quotePrecision",
        "underlyingType",
        "underlyingSubType",
        "triggerProtect",
        "liquidationFee",
        "marketTakeBound",
        "maxMoveOrderLimit",
        "filters",
        "orderTypes",
        "timeInForce",
        "permissionSets",
    ]


def test_exchange_info_of_some_symbols_is_the_same_with_fewer():
    venue = exchange("spot")
    whole = get(venue, "exchangeInfo")["symbols"]
    one = get(venue, "exchangeInfo?symbol=ETHUSDT")["symbols"]
    two = get(venue, "exchangeInfo?symbols=%5B%22ETHUSDT%22,%22BTCUSDT%22%5D")["symbols"]
    broken = get(venue, "exchangeInfo?symbolStatus=BREAK")["symbols"]
    bare = get(venue, "exchangeInfo?symbol=ETHUSDT&showPermissionSets=false")["symbols"]
    assert one == [row for row in whole if row["symbol"] == "ETHUSDT"]
    assert {row["symbol"] for row in two} == {"ETHUSDT", "BTCUSDT"}
    assert [row["symbol"] for row in broken] == ["BCCUSDT"]
    assert bare == [{**one[0], "permissionSets": []}]


def test_at_full_size_there_are_as_many_symbols_as_binance_has():
    for market, count in (("spot", 3_700), ("futures", 920)):
        assert len(get(exchange(market, full_size=True), "exchangeInfo")["symbols"]) == count


def test_futures_list_only_what_trades_among_all_tickers():
    venue = exchange("futures")
    listed = {row["symbol"] for row in get(venue, "ticker/24hr")}
    assert set(venue.symbols) - listed == {"SRMUSDT"}
    assert "币安人生USDT" in listed


def test_the_rate_limits_are_those_in_force():
    venue = exchange("spot")
    venue.limits.weight_per_minute = 1_234
    assert get(venue, "exchangeInfo")["rateLimits"][0] == {
        "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1_234,
    }  # fmt: skip
