import pytest

from bpx.exchange.endpoint import Endpoint, Source, signed
from bpx.exchange.query import one_of, symbol_of, whole_number
from bpx.exchange.weight import by_limit

KLINES = Endpoint(
    "/klines",
    by_limit({100: 1, 1000: 5}, default=100),
    Source.KLINES,
    parameters={
        "symbol": symbol_of("A-Z", most=9),
        "limit": whole_number(1, 1000),
        "timeZone": one_of("0"),
    },
    required=frozenset({"symbol"}),
    ignored=frozenset({"timeZone"}),
)


def test_what_changes_nothing_is_left_out_of_what_is_understood():
    assert KLINES.understand("symbol=BTC&timeZone=0") == {"symbol": "BTC"}
    assert KLINES.understand("symbol=BTC") == {"symbol": "BTC"}


def test_what_would_change_something_is_not_understood():
    assert KLINES.understand("symbol=BTC&timeZone=8") is None


@pytest.mark.parametrize(
    ("query", "weight"),
    [
        ("", 1),
        ("symbol=BTC&limit=101", 5),
        pytest.param("limit=101&startTime=1", 5, id="not understood, and charged all the same"),
        pytest.param("limit=101&limit=1", 5, id="the dearer of two"),
        pytest.param("limit=1&limit=101", 5, id="the dearer of two"),
        pytest.param("%6Cimit=1%301", 5, id="escaped"),
        pytest.param("limit=&&=%zz&%ff", 1, id="garbage"),
    ],
)
def test_every_request_is_charged(query, weight):
    assert KLINES.charged_weight(query) == weight


def test_what_needs_a_key_is_never_shared():
    row = signed("POST", "/order", 7)
    assert (row.method, row.public, row.source) == ("POST", False, Source.UPSTREAM)
    assert row.charged_weight("") == 7
    assert signed("GET", "/x", by_limit({1: 3}, default=1)).charged_weight("limit=1") == 3


@pytest.mark.parametrize(
    ("query", "kept_s"),
    [
        ("", 1.0),
        ("type=MINI", 1.0),
        ("symbol=BTCUSDT", 0.0),
        ("symbol=", 0.0),
        ("symbols=%5B%22BTCUSDT%22%5D", 0.0),
        ("%73ymbol=BTCUSDT", 0.0),
    ],
)
def test_the_reply_about_all_symbols_is_kept(query: str, kept_s: float):
    assert Endpoint("/ticker", keep_s=1.0).kept_s(query) == kept_s
    assert Endpoint("/ticker").kept_s(query) == 0.0
